package store

import (
	"strconv"
	"strings"

	"github.com/wellweek/wellweek/programs"
)

// Record appends an entry to the journal and to what is open for planning. ID and At are filled in, and Change unless it is set.
func (tx *Tx) Record(e programs.Entry) (programs.EntryID, error) {
	es := []programs.Entry{e}
	err := tx.recordAll(es)
	return es[0].ID, err
}

// recordAll records many entries in few statements, for changes that touch many rows. It fills in what Record fills in.
func (tx *Tx) recordAll(es []programs.Entry) error {
	const chunk = 50 // rows a statement; ten columns each stay far below both engines' limit of parameters
	for i := range es {
		es[i].ID, es[i].At = programs.EntryID(tx.NewID()), tx.Now
		if es[i].Change == "" {
			es[i].Change = tx.change.ID
		}
	}
	for len(es) > 0 {
		n := min(chunk, len(es))
		entries, open := make([]any, 0, n*10), make([]any, 0, n)
		for _, e := range es[:n] {
			entries = append(entries, string(e.ID), null(e.Change), int64(e.At), e.Actor, string(e.Verb), e.Kind, e.Subject, e.Before, e.After, e.Fields)
			open = append(open, string(e.ID))
		}
		if _, err := tx.Exec(`insert into journal (id, change_id, at, actor, verb, kind, subject, before, after, fields) values `+rowsOf(n, 10), entries...); err != nil {
			return err
		}
		if _, err := tx.Exec(`insert into journal_open (entry) values `+rowsOf(n, 1), open...); err != nil {
			return err
		}
		es = es[n:]
	}
	tx.recorded = true
	return nil
}

// rowsOf is "($1,$2),($3,$4)" for two rows of two columns.
func rowsOf(rows, columns int) string {
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(r*columns + c + 1))
		}
		b.WriteByte(')')
	}
	return b.String()
}

const entryColumns = `j.id, coalesce(j.change_id, ''), j.at, j.actor, j.verb, j.kind, j.subject, j.before, j.after, j.fields`

func scanEntry(scan func(...any) error) (e programs.Entry, err error) {
	err = scan(&e.ID, &e.Change, &e.At, &e.Actor, &e.Verb, &e.Kind, &e.Subject, &e.Before, &e.After, &e.Fields)
	return e, err
}

// Open returns up to limit entries that nobody has planned and whose change is no longer held at tx.Now, oldest first. On
// PostgreSQL they are locked, and those another process is planning are left out.
func (tx *Tx) Open(limit int) ([]programs.Entry, error) {
	lock := ""
	if tx.SkipLocked() != "" {
		lock = " for update of o skip locked"
	}
	rows, err := tx.Query(`select `+entryColumns+` from journal_open o join journal j on j.id = o.entry
		left join changes c on c.id = j.change_id
		where j.change_id is null or c.hold_until <= $1
		order by j.id limit $2`+lock, int64(tx.Now), limit)
	return Collect(rows, err, scanEntry)
}

// Held is when the next held change may be planned; zero when none waits.
func (v *View) Held() (at programs.Instant, err error) {
	err = v.QueryRow(`select coalesce(min(c.hold_until), 0) from journal_open o join journal j on j.id = o.entry join changes c on c.id = j.change_id
		where c.hold_until > $1`, int64(v.Now)).Scan(&at)
	return at, err
}

// Planned marks entries as planned. It is part of the transaction that stores what follows from them, so an entry is planned once.
func (tx *Tx) Planned(ids []programs.EntryID) error {
	for _, id := range ids {
		if _, err := tx.Exec(`delete from journal_open where entry = $1`, string(id)); err != nil {
			return err
		}
	}
	return nil
}

// Entry returns one entry of the journal (NotFound).
func (v *View) Entry(id programs.EntryID) (programs.Entry, error) {
	return one(v, scanEntry, "There is no such entry.", `select `+entryColumns+` from journal j where j.id = $1`, string(id))
}

// JournalFilter narrows the journal; zero fields do not.
type JournalFilter struct {
	Verb    programs.Verb
	Subject string
	From    programs.Instant // inclusive
	Until   programs.Instant // exclusive
	Page    Page
}

// Journal lists entries, newest first. It is for admins (Forbidden).
func (v *View) Journal(a programs.Actor, f JournalFilter) ([]programs.Entry, string, error) {
	if !a.Is(programs.Admin) {
		return nil, "", programs.Refuse(programs.Forbidden, "Only an admin reads the audit trail.")
	}
	after, err := f.Page.after(1)
	if err != nil {
		return nil, "", err
	}
	var w where
	if after != nil {
		w.and("j.id < ?", after[0])
	}
	if f.Verb != "" {
		w.and("j.verb = ?", string(f.Verb))
	}
	if f.Subject != "" {
		w.and("j.subject = ?", f.Subject)
	}
	if f.From != 0 {
		w.and("j.at >= ?", int64(f.From))
	}
	if f.Until != 0 {
		w.and("j.at < ?", int64(f.Until))
	}
	rows, err := v.Query(`select `+entryColumns+` from journal j`+w.String()+` order by j.id desc`+w.limit(f.Page.limit()+1), w.args...)
	entries, err := Collect(rows, err, scanEntry)
	if err != nil {
		return nil, "", err
	}
	entries, cursor := next(f.Page, entries, func(e programs.Entry) []string { return []string{string(e.ID)} })
	return entries, cursor, nil
}

// Newest is the instant of the newest entry; zero when there is none. A rehearsal clock does not start before it.
func (v *View) Newest() (at programs.Instant, err error) {
	err = v.QueryRow(`select coalesce(max(at), 0) from journal`).Scan(&at)
	return at, err
}
