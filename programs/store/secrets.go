package store

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// root is the secret from which every key of the installation comes. It is made at the first start and kept in backups, so that
// links in mail that was sent stay good.
type root struct {
	id     string
	secret []byte
}

// loadRoot reads the root, or makes it where there is none. It runs in the transaction of conn.
func (s *Store) loadRoot(ctx context.Context, conn *sql.Conn) error {
	err := conn.QueryRowContext(ctx, "select id, root from secrets order by created_at desc, id desc limit 1").Scan(&s.key.id, &s.key.secret)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	id := make([]byte, 4)
	rand.Read(id) // never fails: crypto/rand
	s.key.id = hex.EncodeToString(id)
	s.key.secret = make([]byte, 32)
	rand.Read(s.key.secret)
	_, err = conn.ExecContext(ctx, "insert into secrets (id, root, created_at) values ($1, $2, $3)", s.key.id, s.key.secret, s.instant())
	return err
}

// Key is the 32 bytes for one purpose, derived from the installation's root by HKDF with SHA-256 (RFC 5869). Two purposes never
// share a key, so that what is signed for one is refused for the other.
func (s *Store) Key(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.key.secret, nil, "wellweek:"+purpose, 32)
	if err != nil {
		panic(fmt.Sprintf("hkdf: %v", err)) // only for lengths beyond 8160 bytes
	}
	return key
}

// KeyID names the root that Key derives from. It is no secret.
func (s *Store) KeyID() string { return s.key.id }
