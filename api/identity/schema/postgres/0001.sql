create table keys (
	id text collate "C" primary key,
	name text collate "C" not null,
	role text collate "C",
	person_id text collate "C" references people (id),
	hash bytea not null unique,
	created_at bigint not null,
	expires_at bigint,
	revoked_at bigint,
	last_used_at bigint,
	check ((role is null) <> (person_id is null))
);
create index keys_person on keys (person_id, id) where person_id is not null;
