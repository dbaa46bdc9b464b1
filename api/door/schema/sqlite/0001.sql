create table idempotency (
	who text not null,
	key_hash blob not null,
	sum blob not null,
	answer blob not null,
	sealed integer not null,
	created_at integer not null,
	primary key (who, key_hash)
) strict, without rowid;
create index idempotency_age on idempotency (created_at);
