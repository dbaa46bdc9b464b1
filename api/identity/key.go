package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base64"
	"io/fs"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

//go:embed schema
var files embed.FS

// Schema is the folder with the tables of this room, for store.Open.
func Schema() fs.FS {
	sub, err := fs.Sub(files, "schema")
	if err != nil { // the name is a constant
		panic(err)
	}
	return sub
}

// prefix begins every token, so that scanners for leaked secrets can find them.
const prefix = "ww_"

// Key is an API key as everybody may see it: without its token. Role or Person is set, never both.
type Key struct {
	ID         string
	Name       string
	Role       programs.Role
	Person     programs.PersonID
	CreatedAt  programs.Instant
	ExpiresAt  programs.Instant // zero: never
	RevokedAt  programs.Instant
	LastUsedAt programs.Instant // to the minute
}

// MakeKey stores a new key with k's Name, Role or Person, and ExpiresAt, and returns its token, which exists nowhere else. It is
// for admins (Forbidden). It refuses (Invalid) a key with both or neither of role and person, an unknown role, a name that is no
// line of text and an end that is past, and (NotFound) a person who is not active.
func MakeKey(tx *store.Tx, a programs.Actor, k Key) (token string, made Key, err error) {
	if !programs.May(a, programs.WritePeople) { // who may make an admin may make an admin's key
		return "", Key{}, programs.Refuse(programs.Forbidden, "Only an admin makes keys.")
	}
	if k.Name, err = programs.Line("name", k.Name, 1, 100); err != nil {
		return "", Key{}, err
	}
	switch {
	case (k.Role == "") == (k.Person == ""):
		return "", Key{}, programs.Refuse(programs.Invalid, "A key has a role or a person, and not both.").At("body.role")
	case k.Person != "":
		if _, err = tx.Actor(k.Person); err != nil {
			return "", Key{}, err
		}
	case !keyRole(k.Role):
		return "", Key{}, programs.Refuse(programs.Invalid, "A role is employee, facilitator, coordinator, reporter, admin or inbound.").At("body.role")
	}
	if k.ExpiresAt != 0 && k.ExpiresAt <= tx.Now {
		return "", Key{}, programs.Refuse(programs.Invalid, "The end of a key is in the future.").At("body.expires_at")
	}
	token, hash := mint()
	made = Key{ID: tx.NewID(), Name: k.Name, Role: k.Role, Person: k.Person, CreatedAt: tx.Now, ExpiresAt: k.ExpiresAt}
	if _, err = tx.Exec(`insert into keys (id, name, role, person_id, hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		made.ID, made.Name, optional(string(made.Role)), optional(string(made.Person)), hash[:], int64(made.CreatedAt), optionalAt(made.ExpiresAt)); err != nil {
		return "", Key{}, err
	}
	_, err = tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.KeyMade, Kind: programs.OnKey, Subject: made.ID, After: string(made.Role)})
	return token, made, err
}

// Keys lists every key, oldest first, the revoked and the expired too.
func Keys(v *store.View) ([]Key, error) {
	rows, err := v.Query(`select k.id, k.name, k.role, k.person_id, k.created_at, k.expires_at, k.revoked_at, k.last_used_at from keys k order by k.created_at, k.id`)
	return store.Collect(rows, err, func(scan func(...any) error) (k Key, err error) {
		var role, person sql.NullString
		var expires, revoked, used sql.NullInt64
		err = scan(&k.ID, &k.Name, &role, &person, &k.CreatedAt, &expires, &revoked, &used)
		k.Role, k.Person = programs.Role(role.String), programs.PersonID(person.String)
		k.ExpiresAt, k.RevokedAt, k.LastUsedAt = programs.Instant(expires.Int64), programs.Instant(revoked.Int64), programs.Instant(used.Int64)
		return k, err
	})
}

// RevokeKey ends a key at once; revoking twice is the same. It is for admins (Forbidden) and refuses an id that is none (NotFound).
func RevokeKey(tx *store.Tx, a programs.Actor, id string) error {
	if !programs.May(a, programs.WritePeople) {
		return programs.Refuse(programs.Forbidden, "Only an admin revokes keys.")
	}
	n, err := tx.Exec(`update keys set revoked_at = $2 where id = $1 and revoked_at is null`, id, int64(tx.Now))
	if err != nil {
		return err
	}
	if n == 0 {
		var found int
		if err := tx.QueryRow(`select count(*) from keys where id = $1`, id).Scan(&found); err != nil {
			return err
		}
		if found == 0 {
			return programs.Refuse(programs.NotFound, "There is no such key.")
		}
		return nil
	}
	if err := tx.RevokeFeedsOf(id); err != nil {
		return err
	}
	if _, err := tx.Record(programs.Entry{Actor: a.ID(), Verb: programs.KeyRevoked, Kind: programs.OnKey, Subject: id}); err != nil {
		return err
	}
	return tx.Touch(subject(id))
}

// subject is the name under which changes of a key are published.
func subject(id string) string { return "key:" + id }

// mint makes a token of 256 random bits and the hash that is stored of it.
func mint() (token string, hash [sha256.Size]byte) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails since Go 1.24: it ends the process instead
	token = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, sha256.Sum256([]byte(token))
}

func keyRole(r programs.Role) bool {
	if r == programs.Inbound {
		return true
	}
	for _, known := range programs.Roles() {
		if r == known {
			return true
		}
	}
	return false
}

func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func optionalAt(i programs.Instant) any {
	if i == 0 {
		return nil
	}
	return int64(i)
}
