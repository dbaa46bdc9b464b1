package demo

import (
	"time"

	"github.com/wellweek/wellweek/programs"
)

// domain is where everybody's address ends.
const domain = "@alderfinch.example"

// The offices of the company, as the directory names them, and their zones.
const (
	lisbon  = "Lisbon"
	newYork = "New York"
	berlin  = "Berlin"
)

func zoneOf(office string) string {
	switch office {
	case lisbon:
		return "Europe/Lisbon"
	case newYork:
		return "America/New_York"
	}
	return "Europe/Berlin"
}

// member is one person of the cast. The local part of the address is the key by which the rest of the world names people.
type member struct {
	key, name, office, department string
	roles                         []programs.Role
	children                      []child
}

type child struct {
	name string
	age  int // whole years on the day the world is built
}

func cast() []member {
	leads := []programs.Role{programs.Facilitator}
	return []member{
		{key: "ines.moreira", name: "Inês Moreira", office: lisbon, department: "People", roles: []programs.Role{programs.Admin}},
		{key: "owen.hart", name: "Owen Hart", office: lisbon, department: "People", roles: []programs.Role{programs.Coordinator}},
		{key: "farida.noor", name: "Farida Noor", office: lisbon, department: "Studio", roles: leads},
		{key: "jonas.weber", name: "Jonas Weber", office: berlin, department: "Engineering", roles: leads},
		{key: "grace.okafor", name: "Grace Okafor", office: newYork, department: "Learning", roles: leads},
		{key: "mateus.pinto", name: "Mateus Pinto", office: lisbon, department: "Safety", roles: leads},

		{key: "ana.duarte", name: "Ana Duarte", office: lisbon, department: "Finance"},
		{key: "rui.tavares", name: "Rui Tavares", office: lisbon, department: "Engineering", children: []child{{"Leonor", 7}, {"Tomás", 5}}},
		{key: "beatriz.sousa", name: "Beatriz Sousa", office: lisbon, department: "Design"},
		{key: "carlos.nunes", name: "Carlos Nunes", office: lisbon, department: "Sales"},
		{key: "sofia.almeida", name: "Sofia Almeida", office: lisbon, department: "Engineering", children: []child{{"Clara", 6}}},
		{key: "pedro.ramos", name: "Pedro Ramos", office: lisbon, department: "Support"},
		{key: "joana.leite", name: "Joana Leite", office: lisbon, department: "Legal"},
		{key: "tiago.faria", name: "Tiago Faria", office: lisbon, department: "Finance"},
		{key: "marta.vieira", name: "Marta Vieira", office: lisbon, department: "Support", children: []child{{"Duarte", 8}}},

		{key: "lena.fischer", name: "Lena Fischer", office: berlin, department: "Design", children: []child{{"Mila", 5}, {"Emil", 9}}},
		{key: "paul.krause", name: "Paul Krause", office: berlin, department: "Engineering"},
		{key: "aylin.demir", name: "Aylin Demir", office: berlin, department: "Sales", children: []child{{"Deniz", 7}}},
		{key: "nils.brandt", name: "Nils Brandt", office: berlin, department: "Engineering"},
		{key: "clara.vogel", name: "Clara Vogel", office: berlin, department: "Legal"},
		{key: "emre.kaya", name: "Emre Kaya", office: berlin, department: "Support", children: []child{{"Ela", 4}}},

		{key: "maya.chen", name: "Maya Chen", office: newYork, department: "Engineering", children: []child{{"Theo", 8}}},
		{key: "daniel.reyes", name: "Daniel Reyes", office: newYork, department: "Sales"},
		{key: "ruth.goldman", name: "Ruth Goldman", office: newYork, department: "Finance", children: []child{{"Noa", 6}}},
		{key: "sam.whitfield", name: "Sam Whitfield", office: newYork, department: "Support"},
		{key: "priya.raman", name: "Priya Raman", office: newYork, department: "Design", children: []child{{"Arjun", 10}}},
	}
}

// offer is a program of the company.
type offer struct {
	slug, name  string
	kind        programs.Kind
	description string
	ages        [2]int // of childcare; zero: none
}

func offers() []offer {
	return []offer{
		{slug: "bewell-yoga", name: "BeWell yoga", kind: programs.Wellness, description: "Three quarters of an hour on the mat, for every level.\n\nMats and blocks are in the studio; bring clothes you can move in."},
		{slug: "bewell-running", name: "BeWell running", kind: programs.Wellness, description: "Easy runs of five to seven kilometers. Nobody is left behind: the slowest sets the pace.\n\n* showers are on every floor\n* bags can stay at the reception"},
		{slug: "bewell-mindfulness", name: "BeWell mindfulness", kind: programs.Wellness, description: "Twenty quiet minutes between two meetings. Come in late, leave early, keep the camera off."},
		{slug: "story-club", name: "Story club", kind: programs.Childcare, ages: [2]int{4, 8}, description: "Stories, songs and a small craft for children of employees, **online**, with two carers in every room."},
		{slug: "science-kitchen", name: "Science kitchen", kind: programs.Childcare, ages: [2]int{6, 10}, description: "Volcanoes, slime and paper bridges from what is in the kitchen. The list of things is in each date."},
		{slug: "first-aid", name: "First aid", kind: programs.Training, description: "Half a day, with practice. The certificate holds for two years."},
		{slug: "privacy", name: "Privacy for everyone", kind: programs.Training, description: "What personal data is, what to do with it and what never to do. One hour, once a year."},
	}
}

// run is a series of the company. Its first date lies weeks whole weeks from the present one.
type run struct {
	key, program, title, office, location, rrule, lead, note string
	weeks                                                    int
	day                                                      time.Weekday
	hour, minute, length, capacity                           int  // capacity 0: unlimited
	online                                                   bool // by a link alone: a location would be a second place
}

// The keys of series that the world's acts name.
const (
	lunchYoga  = "lunch-yoga"
	riverRun   = "river-run"
	breathing  = "breathing"
	animals    = "animals"
	drawing    = "drawing"
	volcano    = "volcano"
	basics     = "basics"
	dataBasics = "data-basics"
	spreeRun   = "spree-run"
	deskYoga   = "desk-yoga"
	friday     = "friday"
	refresher  = "refresher"
)

func runs() []run {
	const studio = "Lisbon, studio 2"
	return []run{
		{key: lunchYoga, program: "bewell-yoga", title: "Lunchtime yoga", office: lisbon, location: studio, rrule: "FREQ=WEEKLY;BYDAY=TU,TH", lead: "farida.noor", weeks: -2, day: time.Tuesday, hour: 12, minute: 30, length: 45, capacity: 8},
		{key: deskYoga, program: "bewell-yoga", title: "Stretch at the desk", office: newYork, rrule: "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=16", lead: "grace.okafor", weeks: -1, day: time.Monday, hour: 10, length: 15, online: true},
		{key: riverRun, program: "bewell-running", title: "Run along the river", office: lisbon, location: "Lisbon, main entrance", rrule: "FREQ=WEEKLY;BYDAY=WE;COUNT=10", lead: "mateus.pinto", weeks: -1, day: time.Wednesday, hour: 7, minute: 30, length: 50, capacity: 15},
		{key: spreeRun, program: "bewell-running", title: "After-work run", office: berlin, location: "Berlin, courtyard", rrule: "FREQ=WEEKLY;BYDAY=TH;COUNT=10", lead: "jonas.weber", weeks: -1, day: time.Thursday, hour: 18, length: 60, capacity: 12},
		{key: breathing, program: "bewell-mindfulness", title: "Breathing space", office: berlin, rrule: "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=24", lead: "jonas.weber", weeks: -1, day: time.Monday, hour: 9, length: 20, online: true},
		{key: friday, program: "bewell-mindfulness", title: "Close the week", office: newYork, location: "New York, library", rrule: "FREQ=WEEKLY;BYDAY=FR;COUNT=8", lead: "grace.okafor", weeks: -1, day: time.Friday, hour: 15, length: 30, capacity: 10},
		{key: animals, program: "story-club", title: "Story club: animals of the night", office: berlin, rrule: "FREQ=WEEKLY;BYDAY=TU;COUNT=8", lead: "farida.noor", weeks: -1, day: time.Tuesday, hour: 16, length: 45, capacity: 6, online: true, note: "Please have paper, glue and a torch ready."},
		{key: drawing, program: "story-club", title: "Story club: draw along", office: lisbon, rrule: "FREQ=WEEKLY;BYDAY=TH;COUNT=8", lead: "farida.noor", weeks: -1, day: time.Thursday, hour: 16, minute: 30, length: 45, capacity: 6, online: true, note: "Crayons or pencils, and three sheets of paper."},
		{key: volcano, program: "science-kitchen", title: "Science kitchen", office: newYork, rrule: "FREQ=WEEKLY;BYDAY=WE;COUNT=6", lead: "grace.okafor", weeks: 0, day: time.Wednesday, hour: 16, minute: 30, length: 60, capacity: 4, online: true, note: "Baking soda, vinegar, a bottle and a tray."},
		{key: basics, program: "first-aid", title: "First aid: the basics", office: lisbon, location: "Lisbon, room Tejo", lead: "mateus.pinto", weeks: 1, day: time.Wednesday, hour: 9, length: 240, capacity: 6},
		{key: refresher, program: "first-aid", title: "First aid: refresher", office: berlin, location: "Berlin, room Spree", rrule: "FREQ=MONTHLY;COUNT=3", lead: "mateus.pinto", weeks: 2, day: time.Tuesday, hour: 10, length: 180, capacity: 8},
		{key: dataBasics, program: "privacy", title: "Privacy for everyone", office: berlin, rrule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=4", lead: "jonas.weber", weeks: 1, day: time.Monday, hour: 15, length: 60, capacity: 40, online: true},
	}
}

// seat is who takes places on the next date of a series, in this order. "rui.tavares/Leonor" is a child.
type seat struct {
	series string
	nth    int // 0: the next date, 1: the one after it
	who    []string
}

func seats() []seat {
	return []seat{
		{lunchYoga, 0, []string{"ana.duarte", "rui.tavares", "beatriz.sousa", "carlos.nunes", "sofia.almeida", "pedro.ramos", "joana.leite", "tiago.faria", "marta.vieira", "owen.hart"}},
		{lunchYoga, 1, []string{"ana.duarte", "beatriz.sousa", "joana.leite"}},
		{lunchYoga, 2, []string{"ana.duarte", "carlos.nunes"}},
		{deskYoga, 0, []string{"maya.chen", "daniel.reyes", "ruth.goldman", "sam.whitfield"}},
		{riverRun, 0, []string{"ana.duarte", "rui.tavares", "pedro.ramos", "tiago.faria"}},
		{riverRun, 1, []string{"rui.tavares", "pedro.ramos"}},
		{spreeRun, 0, []string{"paul.krause", "nils.brandt", "lena.fischer"}},
		{breathing, 0, []string{"clara.vogel", "ana.duarte", "maya.chen", "aylin.demir", "emre.kaya"}},
		{breathing, 1, []string{"clara.vogel", "ana.duarte"}},
		{friday, 0, []string{"daniel.reyes", "priya.raman", "ruth.goldman"}},
		{animals, 0, []string{"lena.fischer/Mila", "aylin.demir/Deniz", "emre.kaya/Ela", "rui.tavares/Leonor", "rui.tavares/Tomás", "sofia.almeida/Clara", "marta.vieira/Duarte"}},
		{drawing, 0, []string{"rui.tavares/Leonor", "sofia.almeida/Clara", "marta.vieira/Duarte"}},
		{drawing, 1, []string{"rui.tavares/Leonor", "rui.tavares/Tomás"}},
		{volcano, 0, []string{"maya.chen/Theo", "ruth.goldman/Noa", "priya.raman/Arjun", "lena.fischer/Emil", "aylin.demir/Deniz"}},
		{basics, 0, []string{"carlos.nunes", "pedro.ramos", "joana.leite", "sofia.almeida", "tiago.faria", "beatriz.sousa", "ana.duarte", "marta.vieira"}},
		{dataBasics, 0, []string{"paul.krause", "clara.vogel", "emre.kaya", "daniel.reyes", "ana.duarte"}},
	}
}
