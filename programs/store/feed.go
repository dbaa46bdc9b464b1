package store

import (
	"context"
	"strconv"
	"sync"

	"github.com/wellweek/wellweek/programs"
)

const feedColumns = `f.id, coalesce(f.person_id, ''), coalesce(f.program_id, ''), f.scope, f.name, f.created_at, coalesce(f.revoked_at, 0), coalesce(f.fetched_at, 0), f.client`

func feedInto(f *programs.Feed) []any {
	return []any{&f.ID, &f.Owner, &f.Program, &f.Scope, &f.Name, &f.CreatedAt, &f.RevokedAt, &f.FetchedAt, &f.Client}
}

// AddFeed stores a feed under the hash of its token. It refuses what CheckFeed refuses and programs the asker does not see
// (NotFound); one person has 50 feeds at most (Conflict).
func (tx *Tx) AddFeed(a programs.Actor, f programs.Feed, hash [32]byte) (programs.Feed, error) {
	if err := programs.CheckFeed(a, f); err != nil {
		return f, err
	}
	var err error
	if f.Name, err = programs.Line("name", f.Name, 0, 100); err != nil {
		return f, err
	}
	if f.Program != "" {
		p, err := tx.Program(a, string(f.Program))
		if err != nil {
			return f, err
		}
		f.Program = p.ID
	}
	have, err := tx.Feeds(a)
	if err != nil {
		return f, err
	}
	if len(have) >= 50 && a.Person != "" {
		return f, programs.Refuse(programs.Conflict, "Fifty links are enough for one person; stop one that is not used.")
	}
	f.ID, f.Owner, f.CreatedAt, f.RevokedAt = programs.FeedID(tx.NewID()), a.Person, tx.Now, 0
	if _, err := tx.Exec(`insert into feeds (id, person_id, program_id, scope, name, token_hash, made_by, created_at, client) values ($1, $2, $3, $4, $5, $6, $7, $8, '')`,
		string(f.ID), null(f.Owner), null(f.Program), string(f.Scope), f.Name, hash[:], a.ID(), int64(f.CreatedAt)); err != nil {
		return f, err
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.FeedMade, Kind: programs.OnFeed, Subject: string(f.ID), After: string(f.Scope)}); err != nil {
		return f, err
	}
	return f, tx.Touch("feed:" + string(f.ID))
}

// RevokeFeed stops a feed of the asker's for good; stopping it twice is the same (NotFound for feeds of others).
func (tx *Tx) RevokeFeed(a programs.Actor, id programs.FeedID) error {
	n, err := tx.Exec(`update feeds set revoked_at = $3 where id = $1 and made_by = $2 and revoked_at is null`, string(id), a.ID(), int64(tx.Now))
	if err != nil {
		return err
	}
	if n == 0 {
		var have int
		if err := tx.QueryRow(`select count(*) from feeds where id = $1 and made_by = $2`, string(id), a.ID()).Scan(&have); err != nil {
			return err
		}
		if have == 0 {
			return programs.Refuse(programs.NotFound, "There is no such link of yours.")
		}
		return nil
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.FeedRevoked, Kind: programs.OnFeed, Subject: string(id)}); err != nil {
		return err
	}
	return tx.Touch("feed:" + string(id))
}

// RevokeFeedsOf stops every feed that a key without a person made, because the key is revoked: nobody else could stop them.
func (tx *Tx) RevokeFeedsOf(key string) error {
	maker := programs.Actor{Key: key}
	rows, err := tx.Query(`select id from feeds where made_by = $1 and revoked_at is null order by id`, maker.ID())
	ids, err := Collect(rows, err, scanText)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := tx.RevokeFeed(maker, programs.FeedID(id)); err != nil {
			return err
		}
	}
	return nil
}

// Feeds lists the asker's feeds that are not stopped, oldest first.
func (v *View) Feeds(a programs.Actor) ([]programs.Feed, error) {
	rows, err := v.Query(`select `+feedColumns+` from feeds f where f.made_by = $1 and f.revoked_at is null order by f.id`, a.ID())
	return Collect(rows, err, func(scan func(...any) error) (f programs.Feed, err error) {
		return f, scan(feedInto(&f)...)
	})
}

// touchFeeds makes every process read a person's feeds anew.
func (tx *Tx) touchFeeds(person programs.PersonID) error {
	rows, err := tx.Query(`select id from feeds where person_id = $1`, string(person))
	ids, err := Collect(rows, err, scanText)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := tx.Touch("feed:" + id); err != nil {
			return err
		}
	}
	return nil
}

func scanText(scan func(...any) error) (s string, err error) { return s, scan(&s) }

// feeds is what a request for a feed needs, in memory: a lookup by the hash of the token costs no statement.
type feeds struct {
	mu      sync.RWMutex
	byHash  map[[32]byte]programs.Feed
	fetched map[programs.FeedID]fetch // seen since the last flush
}

type fetch struct {
	at     programs.Instant
	client string
}

// LoadFeeds reads all feeds into memory and follows every change to one from then on, also of other processes (Poll). It is called
// once, at the start; it must be done before Feed answers.
func (s *Store) LoadFeeds(ctx context.Context) error {
	s.OnTouched("feed:", func(ctx context.Context, subject string) { s.reloadFeed(ctx, subject[len("feed:"):]) })
	return s.readFeeds(ctx, ``)
}

func (s *Store) reloadFeed(ctx context.Context, id string) {
	if err := s.readFeeds(ctx, ` where f.id = $1`, id); err != nil {
		s.log.Error("a feed could not be read again", "feed", id, "error", err)
	}
}

func (s *Store) readFeeds(ctx context.Context, condition string, args ...any) error {
	type row struct {
		hash []byte
		feed programs.Feed
	}
	list, err := Read(ctx, s, func(v *View) ([]row, error) {
		rows, err := v.Query(`select f.token_hash, coalesce(p.status, 'active'), `+feedColumns+` from feeds f left join people p on p.id = f.person_id`+condition, args...)
		return Collect(rows, err, func(scan func(...any) error) (r row, err error) {
			var status programs.PersonStatus
			err = scan(append([]any{&r.hash, &status}, feedInto(&r.feed)...)...)
			if status != programs.Active && r.feed.RevokedAt == 0 {
				r.feed.RevokedAt = v.Now
			}
			return r, err
		})
	})
	if err != nil {
		return err
	}
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	if s.feeds.byHash == nil {
		s.feeds.byHash, s.feeds.fetched = map[[32]byte]programs.Feed{}, map[programs.FeedID]fetch{}
	}
	for _, r := range list {
		s.feeds.byHash[[32]byte(r.hash)] = r.feed
	}
	return nil
}

// Feed returns the feed of a token by its SHA-256, from memory. A feed that was stopped, or whose owner is not active, has RevokedAt set.
func (s *Store) Feed(hash [32]byte) (programs.Feed, bool) {
	s.feeds.mu.RLock()
	defer s.feeds.mu.RUnlock()
	f, ok := s.feeds.byHash[hash]
	return f, ok
}

// FeedRevision is what a feed's bytes follow, and when it last rose.
func (s *Store) FeedRevision(f programs.Feed) (int64, programs.Instant) {
	if f.Scope == programs.ProgramFeed {
		return s.Revision("program:" + string(f.Program))
	}
	return s.Revision("person:" + string(f.Owner))
}

// Fetched notes in memory that a feed was read, by which family of clients. FlushFetches stores it.
func (s *Store) Fetched(hash [32]byte, at programs.Instant, client string) {
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	if f, ok := s.feeds.byHash[hash]; ok {
		s.feeds.fetched[f.ID] = fetch{at, client}
	}
}

// FlushFetches stores when feeds were read since the last flush, and returns how many.
func FlushFetches(ctx context.Context, s *Store) (int, error) {
	s.feeds.mu.Lock()
	seen := s.feeds.fetched
	s.feeds.fetched = map[programs.FeedID]fetch{}
	s.feeds.mu.Unlock()
	if len(seen) == 0 {
		return 0, nil
	}
	return Write(ctx, s, func(tx *Tx) (int, error) {
		for id, f := range seen {
			if _, err := tx.Exec(`update feeds set fetched_at = $2, client = $3 where id = $1`, string(id), int64(f.at), f.client); err != nil {
				return 0, err
			}
		}
		return len(seen), nil
	})
}

// FeedSession is one session as a feed shows it.
type FeedSession struct {
	Session      programs.Session
	Program      string
	Facilitators []string
	GivenUp      int // confirmed seats the owner has given up in it: they count in a mine feed's SEQUENCE
}

// FeedSessions lists what a feed shows now, by start and UID, in the window of FeedWindow. Drafts and skipped dates are in none (C8);
// cancelled sessions stay until 30 days after their end (F5).
func (v *View) FeedSessions(f programs.Feed) ([]FeedSession, error) {
	_, from, until, ended := programs.FeedWindow(v.Now)
	var w where
	w.and("s.starts_at >= ? and s.starts_at < ?", int64(from), int64(until))
	w.and("s.status in ('scheduled', 'completed', 'finalized') or s.status = 'cancelled' and s.ends_at >= ?", int64(ended))
	givenUp, joins := "0", ""
	switch f.Scope {
	case programs.ProgramFeed:
		w.and("s.program_id = ?", string(f.Program))
	case programs.Hosting:
		joins = " join assignments h on h.session_id = s.id"
		w.and("h.person_id = ? and h.status = 'accepted'", string(f.Owner))
	default:
		w.args = append(w.args, string(f.Owner))
		me := "$" + strconv.Itoa(len(w.args))
		givenUp = `(select count(*) from signups g where g.session_id = s.id and g.person_id = ` + me + `
			and g.state = 'cancelled' and g.end_reason <> 'session' and g.confirmed_at is not null)`
		w.and(`s.id in (select u.session_id from signups u where u.person_id = ` + me + ` and (u.state = 'confirmed'
			or s.status = 'cancelled' and u.state = 'cancelled' and u.end_reason = 'session' and u.confirmed_at is not null))`)
	}
	w.and("p.status <> 'draft'")
	rows, err := v.Query(`select `+givenUp+`, p.name, `+sessionColumns+` from sessions s join programs p on p.id = s.program_id`+joins+w.String()+
		` order by s.starts_at, s.uid`, w.args...)
	list, err := Collect(rows, err, func(scan func(...any) error) (f FeedSession, err error) {
		f.Session, err = scanSession(func(dst ...any) error { return scan(append([]any{&f.GivenUp, &f.Program}, dst...)...) })
		return f, err
	})
	if err != nil {
		return nil, err
	}
	ids := make([]programs.SessionID, len(list))
	for i := range list {
		ids[i] = list[i].Session.ID
	}
	leads, err := v.Facilitators(ids)
	if err != nil {
		return nil, err
	}
	for i := range list {
		for _, p := range leads[list[i].Session.ID] {
			list[i].Facilitators = append(list[i].Facilitators, p.Name)
		}
	}
	return list, nil
}
