/**
 * The schema, version by version; each is a list of statements that is never changed once it was released.
 * Hashes, addresses and call data are 0x-hex text, as everywhere else.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    // Whose store this is, one row a field.
    "create table identity (field text primary key, value text not null)",
    // The first block that hasn't been looked at.
    "create table cursor (is_only boolean primary key default true check (is_only), next_block bigint not null)",
    `create table jobs (
       id bigint generated always as identity,
       job_id text primary key,
       opened jsonb not null,
       stage text not null check (stage in ('opened', 'accepted', 'inferred', 'committed', 'revealed', 'ended')),
       seed_hash text,
       result bytea,
       tries integer not null default 0,
       outcome text
     )`,
    "create index jobs_under_way on jobs (stage) where stage <> 'ended'",
    // The outbox. A transaction is written here, signed, before it is sent for the first time.
    `create table transactions (
       purpose text primary key,
       name text not null,
       recipient text not null,
       data text not null,
       sender text not null,
       nonce bigint not null,
       hash text not null,
       signed text not null,
       status text not null check (status in ('pending', 'mined', 'reverted')),
       block_number bigint
     )`,
    "create unique index transactions_pending on transactions (sender, nonce) where status = 'pending'",
  ],
  // Hashes of what was sent under the same nonce before, for less.
  ["alter table transactions add column replaced text[] not null default '{}'"],
  // Calls that channels pay. Amounts are OPG base units.
  [
    `create table channels (
       channel_id text primary key,
       owed numeric not null default 0,
       voucher_amount numeric not null default 0,
       voucher jsonb
     )`,
    `create table calls (
       channel_id text not null references channels,
       sequence bigint not null,
       stage text not null check (stage in ('reserved', 'issued', 'abandoned')),
       cap numeric not null,
       receipt jsonb,
       primary key (channel_id, sequence)
     )`,
    "create index calls_reserved on calls (channel_id) where stage = 'reserved'",
  ],
  // What a gateway knows of its calls beside their receipts, and the batches their receipts were put into.
  [
    "alter table calls add column request_hash text, add column receipt_id text, add column issued_at bigint, add column batch_id bigint, add column batch_index integer",
    "create unique index calls_request_hash on calls (request_hash)",
    "create unique index calls_receipt_id on calls (receipt_id)",
    "create index calls_unbatched on calls (issued_at) where stage = 'issued' and batch_id is null",
    "create unique index calls_batch on calls (batch_id, batch_index) where batch_id is not null",
    // The highest voucher that promises no more than what is owed, the one an honest operator claims; and the one to follow it,
    // taken when it came and kept until as much is owed.
    "alter table channels add column voucher_key text, add column due_amount numeric not null default 0, add column due_voucher jsonb, add column next_amount numeric, add column next_voucher jsonb",
    // What the chain was last seen to say of them; deposited is null before that, exits_at zero while the payer stays.
    `alter table channels add column claimed numeric not null default 0, add column deposited numeric,
       add column exits_at bigint not null default 0, add column is_closed boolean not null default false`,
    "create index channels_exiting on channels (exits_at) where exits_at > 0 and not is_closed",
    // The uri is null until the data is published; the tree's nodes lie level by level, leaves first, 32 bytes each.
    `create table batches (
       id bigint generated always as identity primary key,
       stage text not null check (stage in ('planned', 'anchored')),
       root text not null unique,
       count integer not null,
       data_hash text not null,
       vouchers text not null,
       oldest_at bigint not null,
       tree bytea not null,
       uri text,
       number bigint unique,
       previous_word text,
       anchored_at bigint
     )`,
    // Uncompressed, so that a proof's nodes are read without the rest.
    "alter table batches alter column tree set storage external",
    "create index batches_planned on batches (id) where stage = 'planned'",
    // How far each reader of the chain's log has come: the first block it still has to look at after a restart.
    "create table log_cursors (reader text primary key, next_block bigint not null)",
  ],
  // What a payer's local end has promised to operators, and what it got for it. Amounts are OPG base units.
  [
    `create table paid_channels (
       channel_id text primary key,
       operator_id bigint not null,
       voucher_key text not null,
       opening integer not null,
       signed numeric not null default 0,
       owed numeric not null default 0
     )`,
    `create table paid_calls (
       id bigint generated always as identity,
       request_hash text primary key,
       channel_id text not null references paid_channels,
       operator_id bigint not null,
       route text not null,
       model text not null,
       cap numeric not null,
       owed_before numeric not null,
       stage text not null check (stage in ('sent', 'answered', 'refused', 'free')),
       sent_at bigint not null,
       receipt_id text unique,
       receipt jsonb,
       proof text check (proof in ('waiting', 'proven', 'missing', 'challenged', 'upheld')),
       inclusion jsonb
     )`,
    "create index paid_calls_sent on paid_calls (channel_id) where stage = 'sent'",
    "create index paid_calls_newest on paid_calls (id) where receipt_id is not null",
    "create index paid_calls_unproven on paid_calls (id) where proof in ('waiting', 'missing', 'challenged')",
    // Operators that were caught lying.
    "create table shunned_operators (operator_id bigint primary key, reason text not null)",
  ],
  // What a call's receipt is held against, however late it comes; null in calls of before.
  ["alter table paid_calls add column chain_sent_at bigint, add column quote jsonb"],
  // Receipts that nobody will look for any more.
  [
    "alter table paid_calls add column is_proof_over boolean not null default false",
    "drop index paid_calls_unproven",
    "create index paid_calls_unproven on paid_calls (id) where proof in ('waiting', 'missing', 'challenged') and not is_proof_over",
  ],
  // When they are looked at next, the chain's time, unix seconds.
  [
    "alter table paid_calls add column proof_due bigint not null default 0",
    "update paid_calls set is_proof_over = false where is_proof_over",
  ],
];
