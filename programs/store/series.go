package store

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/wellweek/wellweek/programs"
)

const seriesColumns = `r.id, r.program_id, r.title, r.description, r.local_start, r.time_zone, r.duration_minutes, r.rrule, r.extra_dates, r.skip_dates,
	r.capacity, r.location, r.join_url, r.reminder_minutes, r.status, r.version, r.revision, r.created_at, r.updated_at`

func scanSeries(scan func(...any) error) (s programs.Series, err error) {
	var start, extra, skip string
	var capacity sql.NullInt64
	var reminders sql.NullString
	err = scan(&s.ID, &s.ProgramID, &s.Title, &s.Description, &start, &s.TimeZone, &s.DurationMinutes, &s.RRule, &extra, &skip,
		&capacity, &s.Location, &s.JoinURL, &reminders, &s.Status, &s.Version, &s.Revision, &s.CreatedAt, &s.UpdatedAt)
	if err != nil {
		return s, err
	}
	s.Capacity = pointer(capacity)
	if reminders.Valid {
		if s.ReminderMinutes, err = parseInts(reminders.String); err != nil {
			return s, err
		}
	}
	if s.LocalStart, err = programs.ParseWall(start); err != nil {
		return s, err
	}
	if s.ExtraDates, err = parseAll(extra, programs.ParseWall); err != nil {
		return s, err
	}
	s.SkipDates, err = parseAll(skip, programs.ParseDate)
	return s, err
}

func parseAll[T any](list string, parse func(string) (T, error)) (out []T, err error) {
	for part := range strings.SplitSeq(list, ",") {
		if part == "" {
			continue
		}
		t, err := parse(part)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func joinAll[T fmt.Stringer](list []T) string {
	parts := make([]string, len(list))
	for i, t := range list {
		parts[i] = t.String()
	}
	return strings.Join(parts, ",")
}

// SeriesList lists the series of the programs the actor coordinates, newest first.
func (v *View) SeriesList(a programs.Actor, page Page) ([]programs.Series, string, error) {
	after, err := page.after(1)
	if err != nil {
		return nil, "", err
	}
	var w where
	coordinated(&w, a, "r.program_id", "1 = 0")
	if after != nil {
		w.and("r.id < ?", after[0])
	}
	rows, err := v.Query(`select `+seriesColumns+` from series r`+w.String()+` order by r.id desc`+w.limit(page.limit()+1), w.args...)
	list, err := Collect(rows, err, scanSeries)
	if err != nil {
		return nil, "", err
	}
	list, cursor := next(page, list, func(s programs.Series) []string { return []string{string(s.ID)} })
	for i := range list {
		if list[i].Facilitators, err = v.seriesFacilitators(list[i].ID); err != nil {
			return nil, "", err
		}
	}
	return list, cursor, nil
}

// Series returns one series to those who coordinate its program (NotFound for everybody else).
func (v *View) Series(a programs.Actor, id programs.SeriesID) (programs.Series, error) {
	const none = "There is no such series."
	s, err := one(v, scanSeries, none, `select `+seriesColumns+` from series r where r.id = $1`, string(id))
	if err != nil {
		return s, err
	}
	if !a.Coordinates(s.ProgramID) {
		return programs.Series{}, programs.Refuse(programs.NotFound, none)
	}
	s.Facilitators, err = v.seriesFacilitators(id)
	return s, err
}

func (v *View) seriesFacilitators(id programs.SeriesID) ([]programs.PersonID, error) {
	rows, err := v.Query(`select f.person_id from series_facilitators f join people p on p.id = f.person_id and p.status <> 'left' where f.series_id = $1 order by f.position, f.person_id`, string(id))
	return Collect(rows, err, func(scan func(...any) error) (p programs.PersonID, err error) { return p, scan(&p) })
}

// Preview says what Schedule would make of the series: every date with its notes and clashes. It writes nothing, and takes starts
// in the past too. It refuses what Schedule refuses about the series itself.
func (v *View) Preview(a programs.Actor, s programs.Series) (programs.Preview, error) {
	dates, clashes, err := v.plan(a, &s)
	if err != nil {
		return programs.Preview{}, err
	}
	rule, err := programs.ParseRule(s.RRule)
	if err != nil {
		return programs.Preview{}, err
	}
	held := 0
	var first, last programs.Occurrence
	for _, d := range dates {
		if d.Skipped {
			continue
		}
		if held == 0 {
			first = d
		}
		held, last = held+1, d
	}
	summary := rule.Words(s.LocalStart)
	switch {
	case held == 0:
		summary += fmt.Sprintf(" for %d minutes. No sessions.", s.DurationMinutes)
	case rule.Open():
		summary += fmt.Sprintf(" for %d minutes, until further notice. %d sessions are stored ahead, from %s to %s.", s.DurationMinutes, held, day(first), day(last))
	case held == 1:
		summary += fmt.Sprintf(" for %d minutes. 1 session, on %s.", s.DurationMinutes, day(first))
	default:
		summary += fmt.Sprintf(" for %d minutes. %d sessions, from %s to %s.", s.DurationMinutes, held, day(first), day(last))
	}
	return programs.NewPreview(summary, dates, clashes), nil
}

func day(o programs.Occurrence) string {
	y, m, d := o.Wall.Date.Civil()
	return fmt.Sprintf("%d %s %d", d, time.Month(m), y)
}

// plan checks a series and finds its dates and what they clash with.
func (v *View) plan(a programs.Actor, s *programs.Series) ([]programs.Occurrence, [][]string, error) {
	p, err := v.Program(a, string(s.ProgramID))
	if err != nil {
		if s.ProgramID == "" {
			err = programs.Refuse(programs.Invalid, "The program_id names the program of the series.").At("body.program_id")
		}
		return nil, nil, err
	}
	if !a.Coordinates(p.ID) {
		return nil, nil, programs.Refuse(programs.Forbidden, "Only the coordinators of this program schedule its sessions.")
	}
	s.ProgramID = p.ID
	if err := s.Check(); err != nil {
		return nil, nil, err
	}
	loc, err := programs.Zone(s.TimeZone)
	if err != nil {
		return nil, nil, err
	}
	horizon := max(s.LocalStart.Date, programs.WallAt(v.Now, loc).Date) + programs.Horizon
	dates, err := programs.Dates(*s, horizon)
	if err != nil || len(dates) == 0 {
		return dates, make([][]string, len(dates)), err
	}
	taken, err := v.taken(*s, dates)
	return dates, programs.Clashes(dates, taken), err
}

// taken is what needs the place or the people of a series during its dates, by start.
func (v *View) taken(s programs.Series, dates []programs.Occurrence) ([]programs.Taken, error) {
	from, until := int64(dates[0].StartsAt), int64(dates[len(dates)-1].EndsAt)
	var all []programs.Taken
	collect := func(sentence, query string, args ...any) error {
		rows, err := v.Query(query, args...)
		list, err := Collect(rows, err, func(scan func(...any) error) (t programs.Taken, err error) {
			var title, who string
			err = scan(&t.StartsAt, &t.EndsAt, &title, &who)
			t.What = programs.Refuse(programs.Conflict, sentence, who, title).Error()
			return t, err
		})
		all = append(all, list...)
		return err
	}
	if s.Location != "" {
		if err := collect("%s is taken then by %s.", `select starts_at, ends_at, title, location from sessions
			where location = $1 and status = 'scheduled' and starts_at < $3 and ends_at > $2 order by starts_at`, s.Location, from, until); err != nil {
			return nil, err
		}
	}
	for _, id := range s.Facilitators {
		if err := collect("%s leads %s then.", `select s.starts_at, s.ends_at, s.title, p.name from assignments a join sessions s on s.id = a.session_id
			join people p on p.id = a.person_id where a.person_id = $1 and a.status = 'accepted' and s.status = 'scheduled'
			and s.starts_at < $3 and s.ends_at > $2 order by s.starts_at`, string(id), from, until); err != nil {
			return nil, err
		}
	}
	sort.SliceStable(all, func(i, k int) bool { return all[i].StartsAt < all[k].StartsAt })
	return all, nil
}

// Schedule stores a series and all its sessions in one transaction (T5): skipped dates as skipped, past ones as completed. warnings
// name dates moved or doubled by a clock change and clashes. It refuses (Invalid) a series whose dates are all past, people who do
// not exist, and what Check and Dates refuse; it is for coordinators of the program (Forbidden).
func (tx *Tx) Schedule(a programs.Actor, s programs.Series) (programs.Series, []string, error) {
	dates, clashes, err := tx.plan(a, &s)
	if err != nil {
		return s, nil, err
	}
	rule, err := programs.ParseRule(s.RRule)
	if err != nil {
		return s, nil, err
	}
	if s.Status == programs.ActiveSeries {
		ahead := false
		for _, d := range dates {
			ahead = ahead || !d.Skipped && d.EndsAt > tx.Now
		}
		if !ahead {
			return s, nil, programs.Refuse(programs.Invalid, "All dates of this series are past; choose a later start.").At("body.local_start")
		}
	}
	if rule.Open() && dates[0].StartsAt < tx.Now.Add(-programs.Horizon*24*time.Hour) {
		return s, nil, programs.Refuse(programs.Invalid, "A series without an end starts at most %d days in the past.", programs.Horizon).At("body.local_start")
	}
	for i, id := range s.Facilitators {
		p, err := tx.Person(programs.System(), id)
		if err != nil || p.Status != programs.Active {
			return s, nil, programs.Refuse(programs.Invalid, "There is no such active person to lead the sessions.").At(fmt.Sprintf("body.facilitator_ids[%d]", i))
		}
	}
	s.ID, s.Version, s.Revision, s.CreatedAt, s.UpdatedAt = programs.SeriesID(tx.NewID()), 1, 1, tx.Now, tx.Now
	if err := tx.begin(a, programs.SeriesAdded, programs.HoldUntil(tx.Now, dates[0].StartsAt), ""); err != nil {
		return s, nil, err
	}
	if err := tx.insertSeries(s, ""); err != nil {
		return s, nil, err
	}
	entries := []programs.Entry{{Actor: a.ID(), Verb: programs.SeriesAdded, Kind: programs.OnSeries, Subject: string(s.ID), After: string(s.Status)}}
	var warnings []string
	for i, d := range dates {
		made, err := tx.store(a, s, d)
		if err != nil {
			return s, nil, err
		}
		entries = append(entries, made)
		for _, note := range append(d.Notes(), clashes[i]...) {
			if !d.Skipped && len(warnings) < 50 {
				warnings = append(warnings, d.Wall.Date.String()+": "+note)
			}
		}
	}
	if err := tx.recordAll(entries); err != nil {
		return s, nil, err
	}
	return s, warnings, tx.touchSeries(s)
}

// insertSeries stores a new series with who leads it. Whether it is open-ended is read off its rule.
func (tx *Tx) insertSeries(s programs.Series, predecessor programs.SeriesID) error {
	rule, err := programs.ParseRule(s.RRule)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`insert into series (id, program_id, predecessor_id, title, description, local_start, time_zone, duration_minutes, rrule, extra_dates, skip_dates,
		capacity, location, join_url, reminder_minutes, status, open_ended, version, revision, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		string(s.ID), string(s.ProgramID), null(predecessor), s.Title, s.Description, s.LocalStart.String(), s.TimeZone, s.DurationMinutes, s.RRule,
		joinAll(s.ExtraDates), joinAll(s.SkipDates), s.Capacity, s.Location, s.JoinURL, minutes(s.ReminderMinutes), string(s.Status), flag(rule.Open()),
		s.Version, s.Revision, int64(s.CreatedAt), int64(s.UpdatedAt)); err != nil {
		return err
	}
	for i, id := range s.Facilitators {
		if _, err := tx.Exec(`insert into series_facilitators (series_id, person_id, position) values ($1, $2, $3) on conflict do nothing`, string(s.ID), string(id), i); err != nil {
			return err
		}
	}
	return nil
}

// updateSeries writes everything about a series that an edit can change, who leads it apart.
func (tx *Tx) updateSeries(s programs.Series) error {
	rule, err := programs.ParseRule(s.RRule)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`update series set title = $2, description = $3, local_start = $4, time_zone = $5, duration_minutes = $6, rrule = $7, extra_dates = $8, skip_dates = $9,
		capacity = $10, location = $11, join_url = $12, reminder_minutes = $13, status = $14, open_ended = $15, version = $16, revision = $17, updated_at = $18 where id = $1`,
		string(s.ID), s.Title, s.Description, s.LocalStart.String(), s.TimeZone, s.DurationMinutes, s.RRule,
		joinAll(s.ExtraDates), joinAll(s.SkipDates), s.Capacity, s.Location, s.JoinURL, minutes(s.ReminderMinutes), string(s.Status), flag(rule.Open()),
		s.Version, s.Revision, int64(s.UpdatedAt))
	return err
}

// minutes is null for reminders that are the program's.
func minutes(reminders []int) any {
	if reminders == nil {
		return nil
	}
	return ints(reminders)
}

// store stores one date of a series as a session and returns its entry.
func (tx *Tx) store(a programs.Actor, s programs.Series, d programs.Occurrence) (programs.Entry, error) {
	status := programs.Scheduled
	switch {
	case d.Skipped:
		status = programs.Skipped
	case s.Status == programs.DraftSeries:
		status = programs.Draft
	case d.EndsAt <= tx.Now:
		status = programs.Completed
	}
	id := tx.NewID()
	if _, err := tx.Exec(`insert into sessions (id, series_id, program_id, slot, title, description, local_start, time_zone, duration_minutes, starts_at, ends_at, tzdata,
		status, overrides, capacity, location, join_url, uid, sequence, version, counts, revision, taken, offered, waiting, forced, created_at, last_modified)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, $15, $16, $17, 0, 1, 1, 1, 0, 0, 0, 0, $18, $19)`,
		id, string(s.ID), string(s.ProgramID), d.Slot, s.Title, s.Description, d.Wall.String(), s.TimeZone, s.DurationMinutes,
		int64(d.StartsAt), int64(d.EndsAt), programs.TZData(), string(status), s.Capacity, s.Location, s.JoinURL, id+"@wellweek",
		int64(tx.Now), int64(tx.Now/1000*1000)); err != nil {
		return programs.Entry{}, err
	}
	for i, lead := range s.Facilitators {
		if _, err := tx.Exec(`insert into assignments (session_id, person_id, role, status, position) values ($1, $2, 'lead', 'accepted', $3) on conflict do nothing`,
			id, string(lead), i); err != nil {
			return programs.Entry{}, err
		}
	}
	return programs.Entry{Actor: a.ID(), Verb: programs.SessionScheduled, Kind: programs.OnSession, Subject: id, After: string(status)}, nil
}

// touchSeries raises what follows a series whose dates changed: its program's feed and those of who lead it.
func (tx *Tx) touchSeries(s programs.Series) error {
	for _, lead := range s.Facilitators {
		if err := tx.Touch("person:" + string(lead)); err != nil {
			return err
		}
	}
	return tx.Touch("program:" + string(s.ProgramID))
}

// Extend stores the dates of open-ended series that have come within the horizon, by slot: running it twice adds nothing. It returns
// how many sessions it stored.
func Extend(ctx context.Context, s *Store) (int, error) {
	return each(ctx, s, `select id from series where open_ended = 1 and status = 'active' and created_at <= $1
		and program_id in (select id from programs where status <> 'archived') order by id`, (*Tx).extend)
}

func (tx *Tx) extend(id string) (int, error) {
	s, err := tx.Series(programs.System(), programs.SeriesID(id))
	if err != nil {
		return 0, err
	}
	loc, err := programs.Zone(s.TimeZone)
	if err != nil {
		return 0, err
	}
	horizon := programs.WallAt(tx.Now, loc).Date + programs.Horizon
	dates, err := programs.Dates(s, max(horizon, s.LocalStart.Date+programs.Horizon))
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(`select slot from sessions where series_id = $1`, id)
	slots, err := Collect(rows, err, scanText)
	if err != nil {
		return 0, err
	}
	have := make(map[string]bool, len(slots))
	for _, slot := range slots {
		have[slot] = true
	}
	var entries []programs.Entry
	for _, d := range dates {
		if have[d.Slot] {
			continue
		}
		made, err := tx.store(programs.System(), s, d)
		if err != nil {
			return 0, err
		}
		entries = append(entries, made)
	}
	if len(entries) == 0 {
		return 0, nil
	}
	// One held change, so that who is enrolled is told of all new dates at once (N4).
	if err := tx.begin(programs.System(), programs.SeriesExtended, programs.HoldUntil(tx.Now, dates[len(dates)-1].StartsAt), ""); err != nil {
		return 0, err
	}
	entries = append(entries, programs.Entry{Actor: programs.System().ID(), Verb: programs.SeriesExtended, Kind: programs.OnSeries, Subject: id})
	if err := tx.recordAll(entries); err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.Verb != programs.SessionScheduled {
			continue
		}
		session, err := tx.Session(programs.System(), programs.SessionID(e.Subject))
		if err != nil {
			return 0, err
		}
		if err := tx.joinEnrolled(session); err != nil {
			return 0, err
		}
	}
	return len(entries) - 1, tx.touchSeries(s)
}

// Complete marks sessions that have ended as completed, and series whose last session is over as ended. No rule waits for it: rules
// compare times (S4). It returns how many sessions and series it marked.
func Complete(ctx context.Context, s *Store) (int, error) {
	sessions, err := each(ctx, s, `select id from sessions where status = 'scheduled' and ends_at <= $1 order by ends_at, id limit 500`, (*Tx).complete)
	if err != nil {
		return sessions, err
	}
	series, err := each(ctx, s, `select id from series where status = 'active' and open_ended = 0 and created_at <= $1
		and not exists (select 1 from sessions where series_id = series.id and ends_at > $1 and status in ('scheduled', 'cancelled')) order by id limit 200`, (*Tx).endSeries)
	return sessions + series, err
}

func (tx *Tx) complete(id string) (int, error) {
	n, err := tx.Exec(`update sessions set status = 'completed', version = version + 1 where id = $1 and status = 'scheduled' and ends_at <= $2`, id, int64(tx.Now))
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.Record(programs.Entry{
		Actor: programs.System().ID(), Verb: programs.SessionCompleted, Kind: programs.OnSession, Subject: id,
		Before: string(programs.Scheduled), After: string(programs.Completed),
	})
	return 1, err
}

// endSeries marks a series as ended: none of its sessions is to come, or could be put back on.
func (tx *Tx) endSeries(id string) (int, error) {
	n, err := tx.Exec(`update series set status = 'ended', version = version + 1, updated_at = $2 where id = $1 and status = 'active' and open_ended = 0
		and not exists (select 1 from sessions where series_id = $1 and ends_at > $2 and status in ('scheduled', 'cancelled'))`, id, int64(tx.Now))
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.Record(programs.Entry{
		Actor: programs.System().ID(), Verb: programs.SeriesEnded, Kind: programs.OnSeries, Subject: id,
		Before: string(programs.ActiveSeries), After: string(programs.EndedSeries),
	})
	return 1, err
}
