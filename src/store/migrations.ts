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
];
