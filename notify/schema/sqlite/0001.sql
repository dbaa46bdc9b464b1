create table outbox (
	id text primary key,
	key text not null unique,
	event text not null,
	person_id text not null references people (id),
	address text not null,
	session_id text not null references sessions (id),
	signup_id text references signups (id),
	lane text not null,
	turn text not null,
	cause_id text references journal (id),
	was_starts_at integer,
	was_ends_at integer,
	not_before integer not null,
	not_after integer not null,
	state text not null,
	reason text not null,
	lease_owner text,
	lease_until integer,
	attempts integer not null,
	next_try integer not null,
	message_id text not null,
	mail_from text not null,
	method text not null,
	sequence integer,
	content text not null,
	bytes blob,
	last_code integer not null,
	last_text text not null,
	queue_id text not null,
	created_at integer not null,
	sent_at integer
) strict;
create index outbox_due on outbox (next_try, id) where state in ('queued', 'unknown');
create index outbox_sending on outbox (lease_owner) where state = 'sending';
create index outbox_failed on outbox (id) where state in ('failed', 'held');
create index outbox_lane on outbox (lane, turn);
create index outbox_session on outbox (session_id, id);
create index outbox_person on outbox (person_id, id);

create table invites (
	person_id text not null references people (id),
	session_id text not null references sessions (id),
	token_hash blob not null unique,
	key_id text not null,
	address text not null,
	first_message_id text not null,
	last_method text not null,
	last_sequence integer not null,
	major_sequence integer not null,
	stamp integer not null,
	content_hash text not null,
	partstat text not null,
	told_starts_at integer not null,
	told_ends_at integer not null,
	told_location text not null,
	told_at integer not null,
	primary key (person_id, session_id)
) strict, without rowid;

create table marks (
	name text primary key,
	at integer not null
) strict, without rowid;
