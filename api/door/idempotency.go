package door

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/wellweek/wellweek/programs"
	"github.com/wellweek/wellweek/programs/store"
)

//go:embed schema
var schema embed.FS

// Schema is the tables of this room.
func Schema() fs.FS {
	sub, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // a constant path of an embedded folder
	}
	return sub
}

// keep is how long a stored answer is promised to be there, counted by the real clock: clients repeat requests in real time,
// whatever a rehearsal does. The hour more is for the sweep not to race the last repetition.
const keep = 25 * time.Hour

// SetKey takes a request's Idempotency-Key and what it stands for: method, path with query, and body. It refuses (Invalid) a key
// that is not 1 to 255 printable ASCII characters without spaces.
func (rq *Request) SetKey(key, method, target string, body []byte) error {
	if len(key) < 1 || len(key) > 255 {
		return badKey()
	}
	for i := range len(key) {
		if key[i] <= 0x20 || key[i] > 0x7e {
			return badKey()
		}
	}
	h := sha256.New()
	for _, part := range []string{method, target, string(body)} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	rq.Key = key
	h.Sum(rq.Sum[:0])
	return nil
}

func badKey() error {
	return programs.Refuse(programs.Invalid, "An Idempotency-Key has 1 to 255 printable ASCII characters without spaces.").At("header.Idempotency-Key")
}

// Running is the keyed requests that are being answered in this process. The zero value is ready for use.
type Running struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]struct{}
}

// Enter marks a keyed request as running until leave is called. It refuses (Conflict) while its twin runs.
func (r *Running) Enter(rq *Request) (leave func(), err error) {
	if rq.Key == "" {
		return func() {}, nil
	}
	id := sha256.Sum256([]byte(rq.Actor.ID() + "\x00" + rq.Key))
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.keys[id]; ok {
		return nil, programs.Refuse(programs.Conflict, "A request with this Idempotency-Key is still running; repeat it when that is answered.").At("header.Idempotency-Key")
	}
	if r.keys == nil {
		r.keys = map[[sha256.Size]byte]struct{}{}
	}
	r.keys[id] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.keys, id)
	}, nil
}

// Replay is the answer that this request was given before, in the transaction that would otherwise act. found is false for a
// request without a key, and for a new one. It refuses (Invalid) a key that stood for another request.
func Replay(tx *store.Tx, rq *Request) (answer []byte, found bool, err error) {
	if rq.Key == "" {
		return nil, false, nil
	}
	var sum []byte
	var sealed int
	hash := rq.keyHash()
	err = tx.QueryRow(`select i.sum, i.answer, i.sealed from idempotency i where i.who = $1 and i.key_hash = $2`, rq.Actor.ID(), hash[:]).
		Scan(&sum, &answer, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case string(sum) != string(rq.Sum[:]):
		return nil, false, programs.Refuse(programs.Invalid, "This Idempotency-Key was used for another request; take a new one.").At("header.Idempotency-Key")
	case sealed == 0:
		return answer, true, nil
	}
	if answer, err = rq.open(answer); err != nil {
		return nil, false, err
	}
	return answer, true, nil
}

// Keep stores the answer to a keyed request in the transaction that earned it. secret is an answer that is shown once: it is
// sealed under the key, of which only the hash is stored.
func Keep(tx *store.Tx, rq *Request, answer []byte, secret bool) error {
	if rq.Key == "" {
		return nil
	}
	sealed := 0
	if secret {
		sealed = 1
		var err error
		if answer, err = rq.seal(answer); err != nil {
			return err
		}
	}
	hash := rq.keyHash()
	n, err := tx.Exec(`insert into idempotency (who, key_hash, sum, answer, sealed, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (who, key_hash) do nothing`, rq.Actor.ID(), hash[:], rq.Sum[:], answer, sealed, int64(tx.Real))
	if err == nil && n == 0 { // a twin in another process committed first: what this one did must not stand
		return programs.Refuse(programs.Conflict, "A request with this Idempotency-Key was just answered; repeat it for that answer.").At("header.Idempotency-Key")
	}
	return err
}

// Sweep forgets answers older than a day and returns how many.
func Sweep(ctx context.Context, s *store.Store) (int, error) {
	return store.Write(ctx, s, func(tx *store.Tx) (int, error) {
		n, err := tx.Exec(`delete from idempotency where created_at < $1`, int64(tx.Real.Add(-keep)))
		return int(n), err
	})
}

// keyHash is what is stored of a key.
func (rq *Request) keyHash() [sha256.Size]byte {
	return sha256.Sum256([]byte("idempotency-key\x00" + rq.Actor.ID() + "\x00" + rq.Key))
}

func (rq *Request) seal(plain []byte) ([]byte, error) {
	aead, err := rq.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return aead.Seal(nonce, nonce, plain, rq.Sum[:]), nil
}

func (rq *Request) open(sealed []byte) ([]byte, error) {
	aead, err := rq.aead()
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("a sealed answer is cut short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], rq.Sum[:])
}

func (rq *Request) aead() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(rq.Key), rq.Sum[:], "wellweek idempotency answer "+rq.Actor.ID(), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
