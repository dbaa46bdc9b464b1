alter table outbox add column part text not null default '';
alter table outbox add column said text not null default '';
alter table invites add column said text not null default '';

create table notices (
	outbox_id text not null references outbox (id),
	session_id text not null references sessions (id),
	signup_id text references signups (id),
	event text not null,
	was_starts_at integer,
	was_ends_at integer,
	was_location text,
	primary key (outbox_id, session_id)
) strict, without rowid;
