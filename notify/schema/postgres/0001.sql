create table outbox (
	id text collate "C" primary key,
	key text collate "C" not null unique,
	event text collate "C" not null,
	person_id text collate "C" not null references people (id),
	address text collate "C" not null,
	session_id text collate "C" not null references sessions (id),
	signup_id text collate "C" references signups (id),
	lane text collate "C" not null,
	turn text collate "C" not null,
	cause_id text collate "C" references journal (id),
	was_starts_at bigint,
	was_ends_at bigint,
	not_before bigint not null,
	not_after bigint not null,
	state text collate "C" not null,
	reason text collate "C" not null,
	lease_owner text collate "C",
	lease_until bigint,
	attempts bigint not null,
	next_try bigint not null,
	message_id text collate "C" not null,
	mail_from text collate "C" not null,
	method text collate "C" not null,
	sequence bigint,
	content text collate "C" not null,
	bytes bytea,
	last_code bigint not null,
	last_text text collate "C" not null,
	queue_id text collate "C" not null,
	created_at bigint not null,
	sent_at bigint
);
create index outbox_due on outbox (next_try, id) where state in ('queued', 'unknown');
create index outbox_sending on outbox (lease_owner) where state = 'sending';
create index outbox_failed on outbox (id) where state in ('failed', 'held');
create index outbox_lane on outbox (lane, turn);
create index outbox_session on outbox (session_id, id);
create index outbox_person on outbox (person_id, id);

create table invites (
	person_id text collate "C" not null references people (id),
	session_id text collate "C" not null references sessions (id),
	token_hash bytea not null unique,
	key_id text collate "C" not null,
	address text collate "C" not null,
	first_message_id text collate "C" not null,
	last_method text collate "C" not null,
	last_sequence bigint not null,
	major_sequence bigint not null,
	stamp bigint not null,
	content_hash text collate "C" not null,
	partstat text collate "C" not null,
	told_starts_at bigint not null,
	told_ends_at bigint not null,
	told_location text collate "C" not null,
	told_at bigint not null,
	primary key (person_id, session_id)
);

create table marks (
	name text collate "C" primary key,
	at bigint not null
);
