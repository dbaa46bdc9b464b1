create table idempotency (
	who text collate "C" not null,
	key_hash bytea not null,
	sum bytea not null,
	answer bytea not null,
	sealed bigint not null,
	created_at bigint not null,
	primary key (who, key_hash)
);
create index idempotency_age on idempotency (created_at);
