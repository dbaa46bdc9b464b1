package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// programCard is one program as the list of them shows it.
type programCard struct {
	Name, Slug, Hue, Kind, Next string
}

// programPage is one program with its next dates.
type programPage struct {
	Name, Slug, Hue, Kind, Ages, Description string
	Archived                                 bool
	Cards                                    []datedCard
	More                                     bool
}

// datedCard is a card with the day it is on, for lists that are not sorted into days.
type datedCard struct {
	card
	Day string
}

var kinds = map[programs.Kind]string{
	programs.Wellness: "Wellness", programs.Childcare: "Childcare", programs.Training: "Training", programs.Other: "More",
}

// programs answers GET /programs.
func (s *site) programs(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	list, err := store.Read(r.Context(), s.Store, func(v *store.View) ([]programCard, error) {
		all, _, err := everyProgram(v)
		if err != nil {
			return nil, err
		}
		colors := hues(all)
		var out []programCard
		for _, p := range all {
			if p.Status != programs.Published {
				continue
			}
			c := programCard{Name: p.Name, Slug: p.Slug, Hue: colors[p.ID], Kind: kinds[p.Kind], Next: "No dates planned"}
			next, err := readSessions(v, store.SessionFilter{From: v.Now, Program: p.ID}, 10)
			if err != nil {
				return nil, err
			}
			for _, one := range next {
				if one.Status != programs.Cancelled {
					c.Next = "Next: " + here.at(one.StartsAt).Format("Mon 2 January, 15:04")
					break
				}
			}
			out = append(out, c)
		}
		return out, nil
	})
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "programs", view{Title: "Programs", Current: "programs", Zone: here.city(), Body: list})
	return nil
}

// program answers GET /programs/{slug}.
func (s *site) program(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	page, err := store.Read(r.Context(), s.Store, func(v *store.View) (programPage, error) {
		p, err := v.Program(visitor(), chi.URLParam(r, "slug"))
		if err != nil {
			return programPage{}, err
		}
		all, known, err := everyProgram(v)
		if err != nil {
			return programPage{}, err
		}
		colors := hues(all)
		page := programPage{Name: p.Name, Slug: p.Slug, Hue: colors[p.ID], Kind: kinds[p.Kind], Description: p.Description, Archived: p.Status == programs.Archived}
		if p.MinAge != nil || p.MaxAge != nil {
			page.Ages = p.Ages()
		}
		const shown = 12
		list, err := readSessions(v, store.SessionFilter{From: v.Now, Program: p.ID}, shown+1)
		if err != nil {
			return programPage{}, err
		}
		page.More = len(list) > shown
		made, err := s.cards(v, list[:min(len(list), shown)], known, colors)
		if err != nil {
			return programPage{}, err
		}
		page.Cards = dated(here, made, v.Now)
		return page, nil
	})
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "program", view{Title: page.Name, Current: "programs", Zone: here.city(), Body: page})
	return nil
}

func dated(here zone, cards []card, now programs.Instant) []datedCard {
	out := make([]datedCard, len(cards))
	for i, c := range cards {
		day := "Mon 2 January"
		if here.at(c.Starts).Year() != here.at(now).Year() {
			day += " 2006"
		}
		out[i] = datedCard{c, here.at(c.Starts).Format(day)}
	}
	return out
}
