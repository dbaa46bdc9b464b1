create table secrets (
	id text collate "C" primary key,
	root bytea not null,
	created_at bigint not null
);

create table scratch (
	id bigint primary key,
	at bigint not null
);

create table leases (
	name text collate "C" primary key,
	owner text collate "C" not null,
	until bigint not null
);

create table revisions (
	subject text collate "C" primary key,
	revision bigint not null,
	changed_at bigint not null,
	stamp bigint not null
);
create index revisions_stamp on revisions (stamp);

create table offices (
	id text collate "C" primary key,
	name text collate "C" not null unique,
	time_zone text collate "C",
	created_at bigint not null
);

create table people (
	id text collate "C" primary key,
	email text collate "C" not null unique,
	name text collate "C" not null,
	sort_name text collate "C" not null,
	office_id text collate "C" references offices (id),
	department text collate "C" not null,
	manager_id text collate "C" references people (id),
	time_zone text collate "C",
	locale text collate "C",
	roles text collate "C" not null,
	status text collate "C" not null,
	version bigint not null,
	revision bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);
create index people_sort on people (sort_name, id);

create table programs (
	id text collate "C" primary key,
	slug text collate "C" not null unique,
	name text collate "C" not null,
	kind text collate "C" not null,
	description text collate "C" not null,
	status text collate "C" not null,
	participants text collate "C" not null,
	min_age bigint,
	max_age bigint,
	overlap text collate "C" not null,
	auto_cutoff_minutes bigint not null,
	offer_ttl_minutes bigint not null,
	cancel_cutoff_minutes bigint not null,
	reminder_minutes text collate "C" not null,
	version bigint not null,
	revision bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);

create table grants (
	person_id text collate "C" not null references people (id),
	program_id text collate "C" not null references programs (id),
	primary key (person_id, program_id)
);

create table dependents (
	id text collate "C" primary key,
	given_name text collate "C" not null,
	birth_date text collate "C" not null,
	version bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);

create table guardianships (
	person_id text collate "C" not null references people (id),
	dependent_id text collate "C" not null references dependents (id),
	relation text collate "C" not null,
	may_book bigint not null,
	may_collect bigint not null,
	from_at bigint not null,
	until_at bigint,
	primary key (person_id, dependent_id)
);
create index guardianships_dependent on guardianships (dependent_id);

create table changes (
	id text collate "C" primary key,
	actor text collate "C" not null,
	kind text collate "C" not null,
	scope text collate "C" not null,
	created_at bigint not null,
	hold_until bigint not null,
	reason text collate "C",
	inverse text collate "C",
	undone_by text collate "C" references changes (id)
);

create table series (
	id text collate "C" primary key,
	program_id text collate "C" not null references programs (id),
	predecessor_id text collate "C" references series (id),
	title text collate "C" not null,
	description text collate "C" not null,
	local_start text collate "C" not null,
	time_zone text collate "C" not null,
	duration_minutes bigint not null,
	rrule text collate "C" not null,
	extra_dates text collate "C" not null,
	skip_dates text collate "C" not null,
	capacity bigint,
	location text collate "C" not null,
	join_url text collate "C" not null,
	reminder_minutes text collate "C",
	status text collate "C" not null,
	open_ended bigint not null,
	version bigint not null,
	revision bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);
create index series_program on series (program_id, id);
create index series_open on series (id) where open_ended = 1 and status = 'active';

create table series_facilitators (
	series_id text collate "C" not null references series (id),
	person_id text collate "C" not null references people (id),
	position bigint not null,
	primary key (series_id, person_id)
);

create table sessions (
	id text collate "C" primary key,
	series_id text collate "C" not null references series (id),
	program_id text collate "C" not null references programs (id),
	slot text collate "C" not null,
	title text collate "C" not null,
	description text collate "C" not null,
	local_start text collate "C" not null,
	time_zone text collate "C" not null,
	duration_minutes bigint not null,
	starts_at bigint not null,
	ends_at bigint not null,
	tzdata text collate "C" not null,
	status text collate "C" not null,
	overrides bigint not null,
	capacity bigint,
	location text collate "C" not null,
	join_url text collate "C" not null,
	uid text collate "C" not null unique,
	sequence bigint not null,
	version bigint not null,
	counts bigint not null,
	revision bigint not null,
	taken bigint not null,
	offered bigint not null,
	waiting bigint not null,
	forced bigint not null,
	created_at bigint not null,
	last_modified bigint not null,
	cancelled_at bigint,
	cancel_reason text collate "C",
	unique (series_id, slot),
	check (ends_at > starts_at),
	check (offered >= 0 and offered <= taken and waiting >= 0),
	check (forced = 1 or capacity is null or taken <= capacity)
);
create index sessions_start on sessions (starts_at, id);
create index sessions_program on sessions (program_id, starts_at, id);
create index sessions_series on sessions (series_id, starts_at, id);
create index sessions_location on sessions (location, starts_at) where location <> '';
create index sessions_unfinished on sessions (ends_at) where status = 'scheduled';
create index sessions_offering on sessions (starts_at) where offered > 0;
create index sessions_listed on sessions (starts_at) where waiting > 0 or offered > 0;

create table assignments (
	session_id text collate "C" not null references sessions (id),
	person_id text collate "C" not null references people (id),
	role text collate "C" not null,
	status text collate "C" not null,
	position bigint not null,
	primary key (session_id, person_id)
);
create index assignments_person on assignments (person_id, session_id);

create table signups (
	id text collate "C" primary key,
	session_id text collate "C" not null references sessions (id),
	person_id text collate "C" not null references people (id),
	dependent_id text collate "C" references dependents (id),
	participant text collate "C" not null,
	mode text collate "C" not null,
	state text collate "C" not null,
	source text collate "C" not null,
	queued_at bigint,
	priority bigint not null,
	bypass_count bigint not null,
	offer_expires_at bigint,
	confirmed_at bigint,
	end_reason text collate "C",
	late bigint not null,
	version bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);
create unique index signups_active on signups (session_id, participant) where state in ('requested', 'waitlisted', 'offered', 'confirmed');
create index signups_session on signups (session_id, created_at, id);
create index signups_waiting on signups (session_id, priority desc, queued_at, id) where state = 'waitlisted';
create index signups_offers on signups (offer_expires_at) where state = 'offered';
create index signups_person on signups (person_id, id);
create index signups_participant on signups (participant, session_id) where state in ('requested', 'waitlisted', 'offered', 'confirmed');

create table enrollments (
	id text collate "C" primary key,
	series_id text collate "C" not null references series (id),
	person_id text collate "C" not null references people (id),
	dependent_id text collate "C" references dependents (id),
	participant text collate "C" not null,
	mode text collate "C" not null,
	status text collate "C" not null,
	version bigint not null,
	created_at bigint not null,
	updated_at bigint not null
);
create unique index enrollments_active on enrollments (series_id, participant) where status = 'active';
create index enrollments_series on enrollments (series_id, created_at, id) where status = 'active';
create index enrollments_person on enrollments (person_id, id);

create table enrollment_skips (
	enrollment_id text collate "C" not null references enrollments (id),
	session_id text collate "C" not null references sessions (id),
	primary key (enrollment_id, session_id)
);

create table feeds (
	id text collate "C" primary key,
	person_id text collate "C" references people (id),
	program_id text collate "C" references programs (id),
	scope text collate "C" not null,
	name text collate "C" not null,
	token_hash bytea not null unique,
	made_by text collate "C" not null,
	created_at bigint not null,
	revoked_at bigint,
	fetched_at bigint,
	client text collate "C" not null
);
create index feeds_person on feeds (person_id, id);

create table journal (
	id text collate "C" primary key,
	change_id text collate "C" references changes (id),
	at bigint not null,
	actor text collate "C" not null,
	verb text collate "C" not null,
	kind text collate "C" not null,
	subject text collate "C" not null,
	before text collate "C" not null,
	after text collate "C" not null,
	fields text collate "C" not null
);
create index journal_subject on journal (kind, subject, id);
create index journal_change on journal (change_id) where change_id is not null;
create index journal_at on journal (at, id);

create function journal_append_only() returns trigger language plpgsql as $$
begin
	raise exception 'the journal is append-only';
end;
$$;
create trigger journal_no_change before update or delete on journal
	for each row execute function journal_append_only();

create table journal_open (
	entry text collate "C" primary key references journal (id)
);
