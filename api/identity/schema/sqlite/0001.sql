create table keys (
	id text primary key,
	name text not null,
	role text,
	person_id text references people (id),
	hash blob not null unique,
	created_at integer not null,
	expires_at integer,
	revoked_at integer,
	last_used_at integer,
	check ((role is null) <> (person_id is null))
) strict;
create index keys_person on keys (person_id, id) where person_id is not null;
