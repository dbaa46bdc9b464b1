package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// sessionPage is what everybody may know about one session. The link to join it is not among that: it is for people who are in.
type sessionPage struct {
	card
	Day         string // Wednesday 18 November 2026
	When        string // in the session's own zone
	WhenZone    string
	Also        string // the same in the page's zone, where that differs
	AlsoZone    string
	Ends        string // RFC 3339
	Reason      string // why it was cancelled
	Over        bool
	Description string
	Others      []datedCard // of the same series
}

// session answers GET /sessions/{id}. Mails and calendars link here.
func (s *site) session(w http.ResponseWriter, r *http.Request) error {
	here := zoneOf(s.TimeZone)
	page, err := store.Read(r.Context(), s.Store, func(v *store.View) (sessionPage, error) {
		one, err := v.Session(visitor(), programs.SessionID(chi.URLParam(r, "id")))
		if err != nil {
			return sessionPage{}, err
		}
		all, known, err := everyProgram(v)
		if err != nil {
			return sessionPage{}, err
		}
		const shown = 5
		others, err := readSessions(v, store.SessionFilter{From: v.Now, Series: one.SeriesID}, shown+1)
		if err != nil {
			return sessionPage{}, err
		}
		list := []programs.Session{one}
		for _, o := range others {
			if o.ID != one.ID && len(list) <= shown {
				list = append(list, o)
			}
		}
		made, err := s.cards(v, list, known, hues(all))
		if err != nil {
			return sessionPage{}, err
		}
		there := zoneOf(one.TimeZone)
		p := sessionPage{
			card: made[0], Day: there.at(one.StartsAt).Format("Monday 2 January 2006"),
			When: there.span(one.StartsAt, one.EndsAt, v.Now), WhenZone: there.city(), Ends: one.EndsAt.String(),
			Reason: one.CancelReason, Over: one.EndsAt <= v.Now, Description: one.Description, Others: dated(here, made[1:], v.Now),
		}
		if !here.same(there, one.StartsAt) {
			p.Also, p.AlsoZone = here.span(one.StartsAt, one.EndsAt, v.Now), here.city()
		}
		return p, nil
	})
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "session", view{Title: page.Title + ", " + page.Day, Current: "hub", Zone: here.city(), Body: page})
	return nil
}
