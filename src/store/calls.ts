import type { Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { type SignedReceipt, sequenceOf } from "../protocol/receipt.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";
import { createCallMemory, type Reservation, type Reserved, type TakenReservation } from "./callMemory.ts";
import type { Database, Query, Row, Statement } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

export type { Reservation };

/** A channel's account, OPG base units. */
export type ChannelAccount = {
  /** By all receipts issued. */
  owed: bigint;
  /** Highest price of each call under way, together. */
  reserved: bigint;
  /** The highest voucher taken. */
  voucher: SignedVoucher | undefined;
};

/** Makes the receipt that ends a call, once what the channel owes by then is known. */
export type MakeReceipt = (cumulativeOwed: bigint) => Promise<SignedReceipt & { receiptId: Hex }>;

/** A call as it is kept. */
export type StoredCall = { stage: "reserved" | "issued" | "abandoned"; receipt: SignedReceipt | undefined };

/** The table of calls: a sequence is in it before anything is signed under it, a receipt before it leaves. */
export type CallTable = {
  account(channelId: Hex): Promise<ChannelAccount>;
  /**
   * Takes the next sequence of the channel, if a voucher covers what is owed, all caps under way and this one.
   * @throws ProtocolError `call/replayed`, `call/voucher-too-low`, `call/channel-too-small`
   */
  reserve(reservation: Reservation): Promise<bigint>;
  /**
   * Whether `reserve`, which alone decides, will take a call, as far as this process remembers; false where it remembers
   * nothing. `reserve` must follow, in the order of this: until it has ended, other calls are foreseen as if it took this one.
   */
  foresee(reservation: Omit<Reservation, "incarnation" | "above">): boolean;
  /**
   * Makes a call's receipt and keeps it; the second time, gives the one that was made.
   * @throws ProtocolError `call/not-reserved`, `call/over-cap`
   */
  issue(channelId: Hex, sequence: bigint, price: bigint, make: MakeReceipt): Promise<SignedReceipt>;
  /** The receipt of a call; undefined: there is none. */
  receipt(channelId: Hex, sequence: bigint): Promise<SignedReceipt | undefined>;
  /** A call by its receiptId or its requestHash; undefined: there is none. */
  find(hash: Hex): Promise<StoredCall | undefined>;
  /** Keeps a voucher that came without a call, if a call came to the channel before. */
  keepVoucher(channelId: Hex, voucher: SignedVoucher): Promise<void>;
  /** Gives up a call that has no receipt: it will never have one, and costs nothing. */
  abandon(channelId: Hex, sequence: bigint): Promise<void>;
  /** Gives up all calls of earlier incarnations that have no receipt. @returns how many */
  abandonBefore(incarnation: number): Promise<number>;
};

/** The highest there is, and the highest of those that promise no more than is owed. */
const KEEP_VOUCHER = `update channels set
  voucher = case when $3::numeric > voucher_amount then $2::jsonb else voucher end,
  voucher_amount = greatest(voucher_amount, $3::numeric),
  due_voucher = case when $3::numeric > due_amount and $3::numeric <= owed then $2::jsonb else due_voucher end,
  due_amount = case when $3::numeric <= owed then greatest(due_amount, $3::numeric) else due_amount end
where channel_id = $1`;

/**
 * One statement, so that it is one commit: keeps the channel and the voucher, and takes the next sequence if the voucher and the
 * deposit cover it. What was claimed is owed, whatever a restored store remembers.
 */
const RESERVE = `with channel as (
  insert into channels as c (channel_id, voucher_key, owed, voucher, voucher_amount, next_voucher, next_amount)
  values ($1, $2, $3::numeric, $4::jsonb, $5::numeric, $4::jsonb, $5::numeric)
  on conflict (channel_id) do update set
    voucher_key = excluded.voucher_key,
    owed = greatest(c.owed, excluded.owed),
    voucher = case when excluded.voucher_amount > c.voucher_amount then excluded.voucher else c.voucher end,
    voucher_amount = greatest(c.voucher_amount, excluded.voucher_amount),
    due_voucher = case when excluded.voucher_amount > c.due_amount and excluded.voucher_amount <= c.owed
      then excluded.voucher else c.due_voucher end,
    due_amount = case when excluded.voucher_amount <= c.owed
      then greatest(c.due_amount, excluded.voucher_amount) else c.due_amount end,
    next_voucher = coalesce(c.next_voucher, excluded.voucher),
    next_amount = case when c.next_voucher is null then excluded.voucher_amount else c.next_amount end
  returning owed, voucher_amount
), reserved as (
  select coalesce(sum(cap), 0) as total from calls where channel_id = $1 and stage = 'reserved'
), taken as (
  insert into calls (channel_id, sequence, stage, cap, request_hash)
  select $1, 1 + greatest($9::bigint, coalesce((select max(sequence) from calls
    where channel_id = $1 and sequence >= $7::bigint and sequence < $8::bigint), $7::bigint)), 'reserved', $6::numeric, $10
  from channel, reserved where owed + total + $6::numeric <= least($11::numeric, voucher_amount)
  on conflict (request_hash) do nothing returning sequence
)
select owed::text, voucher_amount::text, total::text as reserved, (select sequence from taken) as sequence from channel, reserved`;

const FOR_ISSUE = `select stage, cap::text, receipt, owed::text from calls join channels using (channel_id)
where channel_id = $1 and sequence = $2`;

/** Only if nobody else has issued on the channel since it was read. */
const ISSUE = `with paid as (
  update channels set owed = owed + $3::numeric,
    due_voucher = case when next_amount <= owed + $3::numeric and next_amount > due_amount then next_voucher else due_voucher end,
    due_amount = case when next_amount <= owed + $3::numeric then greatest(due_amount, next_amount) else due_amount end,
    next_voucher = case when next_amount <= owed + $3::numeric then null else next_voucher end
  where channel_id = $1 and owed = $7::numeric returning channel_id
) update calls set stage = 'issued', receipt = $4, receipt_id = $5, issued_at = $6
from paid where calls.channel_id = paid.channel_id and sequence = $2 and stage = 'reserved' returning sequence`;

const ACCOUNT = `select owed::text, voucher_amount::text, voucher,
  (select coalesce(sum(cap), 0)::text from calls where calls.channel_id = channels.channel_id and stage = 'reserved') as reserved
from channels where channel_id = $1`;

/** The table of calls and their channels. */
export function createCallTable(database: Database): CallTable {
  const { query } = database;
  const statements = {
    reserve: database.prepare(RESERVE),
    forIssue: database.prepare(FOR_ISSUE),
    issue: database.prepare(ISSUE),
  };
  const inTurn = createTurnsByKey();
  const memory = createCallMemory();
  return {
    async account(channelId) {
      const [row] = await query(ACCOUNT, [channelId]);
      return toAccount(row);
    },
    async reserve(reservation) {
      try {
        const taken = await reserve(statements.reserve, reservation);
        memory.reserved(reservation, taken);
        return taken.sequence;
      } catch (error) {
        memory.refused(reservation, error);
        throw error;
      }
    },
    foresee: (reservation) => memory.foresee(reservation),
    issue: (channelId, sequence, price, make) =>
      inTurn(channelId, async () => {
        const known = memory.take(channelId, sequence);
        const issued = await issue(statements, { channelId, sequence, price, known }, make);
        memory.ended(channelId, sequence, issued.receipt.cumulativeOwed);
        return issued;
      }),
    async receipt(channelId, sequence) {
      const call = await callOf(query, channelId, sequence);
      return call?.stage === "issued" ? (fromJson(call.receipt) as SignedReceipt) : undefined;
    },
    async find(hash) {
      const [row] = await query("select stage, receipt from calls where request_hash = $1 or receipt_id = $1", [hash]);
      if (row === undefined) return undefined;
      const receipt = row.receipt === null ? undefined : (fromJson(row.receipt) as SignedReceipt);
      return { stage: row.stage as StoredCall["stage"], receipt };
    },
    async keepVoucher(channelId, voucher) {
      await query(KEEP_VOUCHER, [channelId, toJson(voucher), String(voucher.voucher.cumulativeAmount)]);
    },
    async abandon(channelId, sequence) {
      memory.take(channelId, sequence);
      await query(
        "update calls set stage = 'abandoned' where channel_id = $1 and sequence = $2 and stage = 'reserved'",
        [channelId, sequence],
      );
      memory.ended(channelId, sequence);
    },
    async abandonBefore(incarnation) {
      memory.clear();
      const rows = await query(
        "update calls set stage = 'abandoned' where stage = 'reserved' and sequence < $1 returning sequence",
        [sequenceOf(incarnation, 0n)],
      );
      return rows.length;
    },
  };
}

async function reserve(statement: Statement, reservation: Reservation): Promise<TakenReservation> {
  const { channelId, voucherKey, requestHash, voucher, cap, deposited, claimed, incarnation, above } = reservation;
  const [first, end] = [sequenceOf(incarnation, 0n), sequenceOf(incarnation + 1, 0n)];
  const [row] = await statement(
    ...[channelId, voucherKey, String(claimed)],
    ...[voucher === undefined ? null : toJson(voucher), String(voucher?.voucher.cumulativeAmount ?? 0n), String(cap)],
    ...[first, end, above > first ? above : first, requestHash, String(deposited)],
  );
  const owed = BigInt(row?.owed as string);
  const promised = BigInt(row?.voucher_amount as string);
  const reserved = BigInt(row?.reserved as string);
  if (typeof row?.sequence === "bigint") return { sequence: row.sequence, owed, reserved, promised };
  const wanted = owed + reserved + cap;
  if (wanted > deposited) throw channelTooSmall(wanted, deposited);
  if (promised < wanted) throw voucherTooLow(promised, wanted);
  throw replayed(requestHash);
}

async function issue(
  statements: Record<"forIssue" | "issue", Statement>,
  {
    channelId,
    sequence,
    price,
    known,
  }: { channelId: Hex; sequence: bigint; price: bigint; known: Reserved | undefined },
  make: MakeReceipt,
): Promise<SignedReceipt> {
  const found = known ?? (await readForIssue(statements.forIssue, channelId, sequence));
  if ("signature" in found) return found;
  const { cap, owed } = found;
  if (price > cap) throw overCap(price, cap);
  const { receiptId, ...receipt } = await make(owed + price);
  const kept = await statements.issue(
    ...[channelId, sequence, String(price)],
    ...[toJson(receipt), receiptId, receipt.receipt.issuedAt, String(owed)],
  );
  if (kept.length > 0) return receipt;
  throw new ProtocolError(
    "call/not-kept",
    `the receipt of sequence ${sequence} can't be kept: another process uses the store`,
  );
}

/** @returns the receipt, where there is one @throws ProtocolError `call/not-reserved` */
async function readForIssue(statement: Statement, channelId: Hex, sequence: bigint): Promise<Reserved | SignedReceipt> {
  const [call] = await statement(channelId, sequence);
  if (call?.stage === "issued") return fromJson(call.receipt) as SignedReceipt;
  if (call?.stage !== "reserved") throw notReserved(sequence, call?.stage);
  return { cap: BigInt(call.cap as string), owed: BigInt(call.owed as string) };
}

/** One after another, for each key. */
function createTurnsByKey(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, turn);
    const forget = () => {
      if (last.get(key) === turn) last.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  };
}

async function callOf(query: Query, channelId: Hex, sequence: bigint): Promise<Row | undefined> {
  const [row] = await query("select stage, cap::text, receipt from calls where channel_id = $1 and sequence = $2", [
    channelId,
    sequence,
  ]);
  return row;
}

function toAccount(row: Row | undefined): ChannelAccount {
  if (row === undefined) return { owed: 0n, reserved: 0n, voucher: undefined };
  return {
    owed: BigInt(row.owed as string),
    reserved: BigInt(row.reserved as string),
    voucher: row.voucher === null ? undefined : (fromJson(row.voucher) as SignedVoucher),
  };
}

function replayed(requestHash: Hex): ProtocolError {
  return new ProtocolError(
    "call/replayed",
    `a call of the request ${requestHash} was taken before: its receipt can be asked for; for a new call make a new salt`,
  );
}

export function voucherTooLow(promised: bigint, wanted: bigint): ProtocolError {
  return new ProtocolError(
    "call/voucher-too-low",
    `the channel's vouchers promise ${promised} base units, this call needs ${wanted}: send a voucher of at least that`,
  );
}

export function channelTooSmall(wanted: bigint, deposited: bigint): ProtocolError {
  return new ProtocolError(
    "call/channel-too-small",
    `the channel holds ${deposited} base units, this call needs ${wanted}: top it up, or ask with a lower cap`,
  );
}

function notReserved(sequence: bigint, stage: unknown): ProtocolError {
  return new ProtocolError(
    "call/not-reserved",
    `sequence ${sequence} is ${stage === undefined ? "unknown" : String(stage)}: only a reserved one gets a receipt`,
  );
}

function overCap(price: bigint, cap: bigint): ProtocolError {
  return new ProtocolError(
    "call/over-cap",
    `the price is ${price} base units, the call's cap ${cap}: charge at most that`,
  );
}
