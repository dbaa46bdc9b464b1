package store

import "time"

// Lease takes or renews the lease of a name for an owner and reports whether the owner has it. It ends by itself ttl after tx.Real,
// so that the work of a process that died is taken up by another; on PostgreSQL it keeps two processes from doing the same loop.
func (tx *Tx) Lease(name, owner string, ttl time.Duration) (bool, error) {
	n, err := tx.Exec(`insert into leases (name, owner, until) values ($1, $2, $3)
		on conflict (name) do update set owner = excluded.owner, until = excluded.until
		where leases.owner = excluded.owner or leases.until <= $4`, name, owner, tx.Real.Add(ttl), tx.Real)
	return n == 1, err
}

// Release gives a lease back before its end. It is no error not to have it.
func (tx *Tx) Release(name, owner string) error {
	_, err := tx.Exec("delete from leases where name = $1 and owner = $2", name, owner)
	return err
}
