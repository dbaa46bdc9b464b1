package notify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

const (
	// remindBack is how long after its instant a reminder is still worth sending, after a stop.
	remindBack = 24 * time.Hour
	// remindAgain is how far each run looks back over what the run before saw: a sign-up can be committed a moment after its instant.
	remindAgain = 5 * time.Minute
	// remindShift is how far a whole-day reminder can be from the same number of elapsed hours, where clocks change in between.
	remindShift = 3 * time.Hour
	// remindName is the row of marks that says until when reminders were looked for.
	remindName = "remind"
)

// reminded is one person with a seat in a session, and one offset.
type reminded struct {
	Session programs.SessionID
	Person  programs.PersonID
	Address string
	Starts  programs.Instant
	Won     programs.Instant // when the first of their seats was
	Zone    string
	Minutes int
	At      programs.Instant
}

// Remind queues every reminder that has become due and returns how many. It finds them by the start of the session, never person by
// person. A seat won after an offset's instant never gets that offset: the confirming mail has just said it all (L7).
func Remind(ctx context.Context, s *store.Store, set Settings) (int, error) {
	if err := set.check(); err != nil {
		return 0, err
	}
	type found struct {
		until programs.Instant
		due   []reminded
	}
	f, err := store.Read(ctx, s, func(v *store.View) (found, error) {
		due, err := remindersDue(v, set.TimeZone)
		return found{v.Now, due}, err
	})
	if err != nil {
		return 0, err
	}
	l, made := newLinks(s, set), 0
	for {
		chunk := f.due[:min(len(f.due), planBatch)]
		f.due = f.due[len(chunk):]
		n, err := store.Write(ctx, s, func(tx *store.Tx) (int, error) {
			n := 0
			for _, r := range chunk {
				added, err := l.add(tx, r.owed())
				if err != nil {
					return 0, err
				}
				if added {
					n++
				}
			}
			if len(f.due) > 0 {
				return n, nil
			}
			_, err := tx.Exec(`insert into marks (name, at) values ($1, $2) on conflict (name) do update set at = excluded.at`, remindName, f.until)
			return n, err
		})
		made += n
		if err != nil || len(f.due) == 0 {
			return made, err
		}
	}
}

func (r reminded) owed() owed {
	return owed{
		Key:   fmt.Sprintf("reminder:%s:%s:%d:%d", r.Session, r.Person, r.Minutes, r.Starts),
		Event: Reminder, Person: r.Person, Address: r.Address, Session: r.Session, Lane: reminderLane(r.Session, r.Person),
		Turn: fmt.Sprintf("%020d", r.At), Due: r.At, NotAfter: r.Starts,
	}
}

// remindersDue are the reminders whose instant has come since they were last looked for, a day back at most.
func remindersDue(v *store.View, zone string) ([]reminded, error) {
	rows, err := v.Query(`select at from marks where name = $1`, remindName)
	marks, err := store.Collect(rows, err, func(scan func(...any) error) (at programs.Instant, err error) { return at, scan(&at) })
	if err != nil {
		return nil, err
	}
	from := v.Now.Add(-remindBack)
	if len(marks) > 0 && marks[0] <= v.Now { // a mark ahead of us was made by a clock that was wrong: keys keep that harmless
		from = max(from, marks[0].Add(-remindAgain))
	}
	offsets, err := remindOffsets(v)
	if err != nil {
		return nil, err
	}
	zones, err := readersZones(v, zone)
	if err != nil {
		return nil, err
	}
	var due []reminded
	for _, minutes := range offsets {
		shift := time.Duration(0)
		before := time.Duration(minutes) * time.Minute
		if minutes%1440 == 0 && slices.ContainsFunc(zones, func(loc *time.Location) bool { return !steady(loc, from, v.Now.Add(before)) }) {
			shift = remindShift
		}
		rows, err := v.Query(`select u.session_id, u.person_id, p.email, s.starts_at, min(coalesce(u.confirmed_at, u.created_at)),
				coalesce(p.time_zone, f.time_zone, ''), coalesce(r.reminder_minutes, g.reminder_minutes)
			from sessions s join series r on r.id = s.series_id join programs g on g.id = s.program_id
			join signups u on u.session_id = s.id and u.state = 'confirmed' join people p on p.id = u.person_id left join offices f on f.id = p.office_id
			where s.status = 'scheduled' and s.starts_at > $1 and s.starts_at <= $2 and s.starts_at > $3 and p.status = 'active'
			group by u.session_id, u.person_id, p.email, s.starts_at, p.time_zone, f.time_zone, r.reminder_minutes, g.reminder_minutes, s.id
			order by s.starts_at, s.id, u.person_id`,
			from.Add(before-shift), v.Now.Add(before+shift), v.Now)
		list, err := store.Collect(rows, err, func(scan func(...any) error) (reminded, error) {
			r := reminded{Minutes: minutes}
			var own string
			err := scan(&r.Session, &r.Person, &r.Address, &r.Starts, &r.Won, &r.Zone, &own)
			if !slices.Contains(strings.Split(own, ","), strconv.Itoa(minutes)) {
				r.Minutes = 0 // another program's offset
			}
			return r, err
		})
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if r.Zone == "" {
				r.Zone = zone
			}
			if r.Minutes == 0 {
				continue
			}
			if r.At, err = remindAt(r.Starts, r.Minutes, r.Zone); err != nil {
				return nil, err
			}
			if r.At > from && r.At <= v.Now && r.Won <= r.At {
				due = append(due, r)
			}
		}
	}
	return due, nil
}

// readersZones are the zones that a reader may live in.
func readersZones(v *store.View, zone string) ([]*time.Location, error) {
	rows, err := v.Query(`select distinct p.time_zone from people p where p.time_zone is not null
		union select f.time_zone from offices f where f.time_zone is not null`)
	names, err := store.Collect(rows, err, func(scan func(...any) error) (name string, err error) { return name, scan(&name) })
	if err != nil {
		return nil, err
	}
	var zones []*time.Location
	for _, name := range append(names, zone) {
		loc, err := programs.Zone(name)
		if err != nil {
			return nil, err
		}
		zones = append(zones, loc)
	}
	return zones, nil
}

// steady reports whether the clocks of a zone do not change between two instants, nor near them: then a day has 24 hours, and the
// few sessions that start at the elapsed time are all there is to look at.
func steady(loc *time.Location, from, until programs.Instant) bool {
	_, end := from.Add(-remindShift).Time().In(loc).ZoneBounds()
	return end.IsZero() || programs.At(end) > until.Add(remindShift)
}

// remindOffsets are all offsets in use, in minutes before the start, longest first.
func remindOffsets(v *store.View) ([]int, error) {
	rows, err := v.Query(`select distinct g.reminder_minutes from programs g union select distinct r.reminder_minutes from series r where r.reminder_minutes is not null`)
	texts, err := store.Collect(rows, err, func(scan func(...any) error) (text string, err error) { return text, scan(&text) })
	if err != nil {
		return nil, err
	}
	var offsets []int
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			if n, err := strconv.Atoi(part); err == nil && n > 0 && !slices.Contains(offsets, n) {
				offsets = append(offsets, n)
			}
		}
	}
	slices.Sort(offsets)
	slices.Reverse(offsets)
	return offsets, nil
}

// remindAt is when an offset is due: whole days before the start are the same wall time on the recipient's clock, also across a
// clock change; everything else is elapsed minutes (L7, T8).
func remindAt(starts programs.Instant, minutes int, zone string) (programs.Instant, error) {
	if minutes%1440 != 0 {
		return starts.Add(-time.Duration(minutes) * time.Minute), nil
	}
	loc, err := programs.Zone(zone)
	if err != nil {
		return 0, err
	}
	w := programs.WallAt(starts, loc)
	w.Date -= programs.Date(minutes / 1440)
	return programs.Resolve(w, loc).At + starts%60000, nil // a wall time has no seconds, a session's start in an odd zone may
}
