create table secrets (
	id text primary key,
	root blob not null,
	created_at integer not null
) strict;

create table scratch (
	id integer primary key,
	at integer not null
) strict;

create table leases (
	name text primary key,
	owner text not null,
	until integer not null
) strict;

create table revisions (
	subject text primary key,
	revision integer not null,
	changed_at integer not null,
	stamp integer not null
) strict;
create index revisions_stamp on revisions (stamp);

create table offices (
	id text primary key,
	name text not null unique,
	time_zone text,
	created_at integer not null
) strict;

create table people (
	id text primary key,
	email text not null unique,
	name text not null,
	sort_name text not null,
	office_id text references offices (id),
	department text not null,
	manager_id text references people (id),
	time_zone text,
	locale text,
	roles text not null,
	status text not null,
	version integer not null,
	revision integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;
create index people_sort on people (sort_name, id);

create table programs (
	id text primary key,
	slug text not null unique,
	name text not null,
	kind text not null,
	description text not null,
	status text not null,
	participants text not null,
	min_age integer,
	max_age integer,
	overlap text not null,
	auto_cutoff_minutes integer not null,
	offer_ttl_minutes integer not null,
	cancel_cutoff_minutes integer not null,
	reminder_minutes text not null,
	version integer not null,
	revision integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;

create table grants (
	person_id text not null references people (id),
	program_id text not null references programs (id),
	primary key (person_id, program_id)
) strict, without rowid;

create table dependents (
	id text primary key,
	given_name text not null,
	birth_date text not null,
	version integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;

create table guardianships (
	person_id text not null references people (id),
	dependent_id text not null references dependents (id),
	relation text not null,
	may_book integer not null,
	may_collect integer not null,
	from_at integer not null,
	until_at integer,
	primary key (person_id, dependent_id)
) strict, without rowid;
create index guardianships_dependent on guardianships (dependent_id);

create table changes (
	id text primary key,
	actor text not null,
	kind text not null,
	scope text not null,
	created_at integer not null,
	hold_until integer not null,
	reason text,
	inverse text,
	undone_by text references changes (id)
) strict;

create table series (
	id text primary key,
	program_id text not null references programs (id),
	predecessor_id text references series (id),
	title text not null,
	description text not null,
	local_start text not null,
	time_zone text not null,
	duration_minutes integer not null,
	rrule text not null,
	extra_dates text not null,
	skip_dates text not null,
	capacity integer,
	location text not null,
	join_url text not null,
	reminder_minutes text,
	status text not null,
	open_ended integer not null,
	version integer not null,
	revision integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;
create index series_program on series (program_id, id);
create index series_open on series (id) where open_ended = 1 and status = 'active';

create table series_facilitators (
	series_id text not null references series (id),
	person_id text not null references people (id),
	position integer not null,
	primary key (series_id, person_id)
) strict, without rowid;

create table sessions (
	id text primary key,
	series_id text not null references series (id),
	program_id text not null references programs (id),
	slot text not null,
	title text not null,
	description text not null,
	local_start text not null,
	time_zone text not null,
	duration_minutes integer not null,
	starts_at integer not null,
	ends_at integer not null,
	tzdata text not null,
	status text not null,
	overrides integer not null,
	capacity integer,
	location text not null,
	join_url text not null,
	uid text not null unique,
	sequence integer not null,
	version integer not null,
	counts integer not null,
	revision integer not null,
	taken integer not null,
	offered integer not null,
	waiting integer not null,
	forced integer not null,
	created_at integer not null,
	last_modified integer not null,
	cancelled_at integer,
	cancel_reason text,
	unique (series_id, slot),
	check (ends_at > starts_at),
	check (offered >= 0 and offered <= taken and waiting >= 0),
	check (forced = 1 or capacity is null or taken <= capacity)
) strict;
create index sessions_start on sessions (starts_at, id);
create index sessions_program on sessions (program_id, starts_at, id);
create index sessions_series on sessions (series_id, starts_at, id);
create index sessions_location on sessions (location, starts_at) where location <> '';
create index sessions_unfinished on sessions (ends_at) where status = 'scheduled';
create index sessions_offering on sessions (starts_at) where offered > 0;
create index sessions_listed on sessions (starts_at) where waiting > 0 or offered > 0;

create table assignments (
	session_id text not null references sessions (id),
	person_id text not null references people (id),
	role text not null,
	status text not null,
	position integer not null,
	primary key (session_id, person_id)
) strict, without rowid;
create index assignments_person on assignments (person_id, session_id);

create table signups (
	id text primary key,
	session_id text not null references sessions (id),
	person_id text not null references people (id),
	dependent_id text references dependents (id),
	participant text not null,
	mode text not null,
	state text not null,
	source text not null,
	queued_at integer,
	priority integer not null,
	bypass_count integer not null,
	offer_expires_at integer,
	confirmed_at integer,
	end_reason text,
	late integer not null,
	version integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;
create unique index signups_active on signups (session_id, participant) where state in ('requested', 'waitlisted', 'offered', 'confirmed');
create index signups_session on signups (session_id, created_at, id);
create index signups_waiting on signups (session_id, priority desc, queued_at, id) where state = 'waitlisted';
create index signups_offers on signups (offer_expires_at) where state = 'offered';
create index signups_person on signups (person_id, id);
create index signups_participant on signups (participant, session_id) where state in ('requested', 'waitlisted', 'offered', 'confirmed');

create table enrollments (
	id text primary key,
	series_id text not null references series (id),
	person_id text not null references people (id),
	dependent_id text references dependents (id),
	participant text not null,
	mode text not null,
	status text not null,
	version integer not null,
	created_at integer not null,
	updated_at integer not null
) strict;
create unique index enrollments_active on enrollments (series_id, participant) where status = 'active';
create index enrollments_series on enrollments (series_id, created_at, id) where status = 'active';
create index enrollments_person on enrollments (person_id, id);

create table enrollment_skips (
	enrollment_id text not null references enrollments (id),
	session_id text not null references sessions (id),
	primary key (enrollment_id, session_id)
) strict, without rowid;

create table feeds (
	id text primary key,
	person_id text references people (id),
	program_id text references programs (id),
	scope text not null,
	name text not null,
	token_hash blob not null unique,
	made_by text not null,
	created_at integer not null,
	revoked_at integer,
	fetched_at integer,
	client text not null
) strict;
create index feeds_person on feeds (person_id, id);

create table journal (
	id text primary key,
	change_id text references changes (id),
	at integer not null,
	actor text not null,
	verb text not null,
	kind text not null,
	subject text not null,
	before text not null,
	after text not null,
	fields text not null
) strict;
create index journal_subject on journal (kind, subject, id);
create index journal_change on journal (change_id) where change_id is not null;
create index journal_at on journal (at, id);

create trigger journal_no_update before update on journal
begin
	select raise(abort, 'the journal is append-only');
end;
create trigger journal_no_delete before delete on journal
begin
	select raise(abort, 'the journal is append-only');
end;

create table journal_open (
	entry text primary key references journal (id)
) strict, without rowid;
