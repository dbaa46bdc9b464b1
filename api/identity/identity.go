package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/wellweek/wellweek/api/door"
	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

// Unauthenticated says that a request has no credentials that are good now. It never says why: a revoked key, an expired one and
// one that never was look alike. It answers as 401 with WWW-Authenticate: Bearer.
type Unauthenticated struct{}

// Error implements error with the sentence that people see.
func (u Unauthenticated) Error() string { return u.Unwrap().Error() }

// Unwrap is the refusal that the door answers.
func (Unauthenticated) Unwrap() error {
	return programs.Refuse(door.Unauthenticated, "This needs a valid key, sent as Authorization: Bearer ww_...")
}

// most is how many tokens are kept in memory; with more, all are forgotten and read again as they come.
const most = 20_000

// useStep is how often the last use of one key is written at most, in milliseconds.
const useStep = 60_000

// Identity finds out who asks. Make it with New; its methods may be called from any goroutine.
type Identity struct {
	store *store.Store
	now   func() programs.Instant

	mu    sync.RWMutex
	known map[[sha256.Size]byte]known

	uses sync.Mutex
	used map[string]use // by key id
}

// known is what a token was good for when its key and its person stood at these revisions.
type known struct {
	actor   programs.Actor
	expires programs.Instant
	key     int64 // revision of the key
	person  int64 // revision of the person, 0 without one
	subject [2]string
}

// use is when a key was last seen, and the last use that is in the database.
type use struct{ seen, stored programs.Instant }

// New makes an Identity over an open store. now is what people see: keys expire by it.
func New(s *store.Store, now func() programs.Instant) *Identity {
	return &Identity{store: s, now: now, known: map[[sha256.Size]byte]known{}, used: map[string]use{}}
}

// Actor returns who sent the request. It reads the Authorization header alone, never a cookie and never the query. Without a key
// that is good now, or when the key's person is not active, the error is Unauthenticated; Busy comes from the database.
func (i *Identity) Actor(ctx context.Context, r *http.Request) (programs.Actor, error) {
	token, ok := bearer(r.Header.Values("Authorization"))
	if !ok {
		return programs.Actor{}, Unauthenticated{}
	}
	hash := sha256.Sum256([]byte(token))
	now := i.now()
	i.mu.RLock()
	k, ok := i.known[hash]
	i.mu.RUnlock()
	if !ok || !i.stands(k) {
		var err error
		if k, err = i.read(ctx, hash); err != nil {
			i.mu.Lock()
			delete(i.known, hash)
			i.mu.Unlock()
			return programs.Actor{}, err
		}
		i.mu.Lock()
		if len(i.known) >= most {
			clear(i.known)
		}
		i.known[hash] = k
		i.mu.Unlock()
	}
	if k.expires != 0 && now >= k.expires {
		return programs.Actor{}, Unauthenticated{}
	}
	i.note(k.actor.Key, now)
	return k.actor, nil
}

// stands reports whether nothing that k was made from has changed since.
func (i *Identity) stands(k known) bool {
	if r, _ := i.store.Revision(k.subject[0]); r != k.key {
		return false
	}
	if k.subject[1] == "" {
		return true
	}
	r, _ := i.store.Revision(k.subject[1])
	return r == k.person
}

// read looks a token's hash up. The revisions are taken before the rows are read: a change in between makes the answer look older
// than it is, and it is read once more; the other way round an old answer would look current.
func (i *Identity) read(ctx context.Context, hash [sha256.Size]byte) (known, error) {
	type row struct{ id, role, person string }
	found, err := store.Read(ctx, i.store, func(v *store.View) (row, error) {
		var k row
		var role, person sql.NullString
		err := v.QueryRow(`select k.id, k.role, k.person_id from keys k where k.hash = $1`, hash[:]).Scan(&k.id, &role, &person)
		if errors.Is(err, sql.ErrNoRows) {
			return row{}, Unauthenticated{}
		}
		k.role, k.person = role.String, person.String
		return k, err
	})
	if err != nil {
		return known{}, err
	}
	k := known{subject: [2]string{subject(found.id), ""}}
	if found.person != "" {
		k.subject[1] = "person:" + found.person
		k.person, _ = i.store.Revision(k.subject[1])
	}
	k.key, _ = i.store.Revision(k.subject[0])
	return store.Read(ctx, i.store, func(v *store.View) (known, error) {
		var expires, revoked sql.NullInt64
		err := v.QueryRow(`select k.expires_at, k.revoked_at from keys k where k.id = $1`, found.id).Scan(&expires, &revoked)
		if errors.Is(err, sql.ErrNoRows) || err == nil && revoked.Valid {
			return known{}, Unauthenticated{}
		}
		if err != nil {
			return known{}, err
		}
		k.expires = programs.Instant(expires.Int64)
		if found.person == "" {
			k.actor = programs.Actor{Key: found.id, Roles: []programs.Role{programs.Role(found.role)}}
			return k, nil
		}
		k.actor, err = v.Actor(programs.PersonID(found.person))
		if errors.Is(err, programs.NotFound) { // suspended or gone: the key is dead until the person is active again
			return known{}, Unauthenticated{}
		}
		k.actor.Key = found.id
		return k, err
	})
}

// note remembers a use of a key, in memory.
func (i *Identity) note(id string, now programs.Instant) {
	i.uses.Lock()
	defer i.uses.Unlock()
	u := i.used[id]
	u.seen = now
	i.used[id] = u
}

// FlushUses writes when keys were last used, each at most once a minute, and returns how many it wrote. It is a loop's work; what
// a crash loses is at most that minute.
func (i *Identity) FlushUses(ctx context.Context) (int, error) {
	due := map[string]programs.Instant{}
	i.uses.Lock()
	for id, u := range i.used {
		if u.seen >= u.stored+useStep || u.seen < u.stored { // earlier: the clock was set back
			due[id] = u.seen
		}
	}
	i.uses.Unlock()
	if len(due) == 0 {
		return 0, nil
	}
	if _, err := store.Write(ctx, i.store, func(tx *store.Tx) (int, error) {
		for _, id := range slices.Sorted(maps.Keys(due)) { // in one order everywhere: two servers cannot lock each other
			if _, err := tx.Exec(`update keys set last_used_at = $2 where id = $1`, id, int64(due[id])); err != nil {
				return 0, err
			}
		}
		return len(due), nil
	}); err != nil {
		return 0, err
	}
	i.uses.Lock()
	defer i.uses.Unlock()
	for id, at := range due {
		u := i.used[id]
		u.stored = at
		i.used[id] = u
	}
	return len(due), nil
}

// bearer is the token of exactly one Authorization header of the scheme Bearer, which may be written in any case (RFC 9110 11.1).
// What cannot be one of our tokens is not looked up.
func bearer(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimLeft(token, " ")
	return token, len(token) == len(prefix)+43 && strings.HasPrefix(token, prefix)
}
