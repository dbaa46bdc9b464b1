alter table outbox add column part text collate "C" not null default '';
alter table outbox add column said text collate "C" not null default '';
alter table invites add column said text collate "C" not null default '';

create table notices (
	outbox_id text collate "C" not null references outbox (id),
	session_id text collate "C" not null references sessions (id),
	signup_id text collate "C" references signups (id),
	event text collate "C" not null,
	was_starts_at bigint,
	was_ends_at bigint,
	was_location text collate "C",
	primary key (outbox_id, session_id)
);
