import type { Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { partsOfSequence, type SignedReceipt, sequenceOf } from "../protocol/receipt.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";
import type { Database, Query, Row } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

/** A channel's account, OPG base units. */
export type ChannelAccount = {
  /** By all receipts issued. */
  owed: bigint;
  /** Highest price of each call under way, together. */
  reserved: bigint;
  /** The highest voucher taken. */
  voucher: SignedVoucher | undefined;
};

export type Reservation = {
  channelId: Hex;
  /** Brought with the call; undefined: the one taken before is to do. */
  voucher: SignedVoucher | undefined;
  /** Highest price of the call, OPG base units. */
  cap: bigint;
  /** What the channel holds, claimed part included, OPG base units. */
  deposited: bigint;
  /** What of it was claimed: at least so much is owed, whatever a restored store remembers. */
  claimed: bigint;
  incarnation: number;
  /** A sequence that this process has taken already, the highest: no store that lost it gives it out again. */
  above: bigint;
};

/** Makes the receipt that ends a call, once what the channel owes by then is known. */
export type MakeReceipt = (cumulativeOwed: bigint) => Promise<SignedReceipt>;

/** The table of calls: a sequence is in it before the model runs, a receipt before it leaves. */
export type CallTable = {
  account(channelId: Hex): Promise<ChannelAccount>;
  /**
   * Takes the next sequence of the channel, if a voucher covers what is owed, all caps under way and this one.
   * @throws ProtocolError `call/voucher-too-low`, `call/channel-too-small`
   */
  reserve(reservation: Reservation): Promise<bigint>;
  /**
   * Makes a call's receipt and keeps it; the second time, gives the one that was made.
   * @throws ProtocolError `call/not-reserved`, `call/over-cap`
   */
  issue(channelId: Hex, sequence: bigint, price: bigint, make: MakeReceipt): Promise<SignedReceipt>;
  /** The receipt of a call; undefined: there is none. */
  receipt(channelId: Hex, sequence: bigint): Promise<SignedReceipt | undefined>;
  /** Gives up a call that has no receipt: it will never have one, and costs nothing. */
  abandon(channelId: Hex, sequence: bigint): Promise<void>;
  /** Gives up all calls of earlier incarnations that have no receipt. @returns how many */
  abandonBefore(incarnation: number): Promise<number>;
};

const ACCOUNT = `select owed::text, voucher_amount::text, voucher,
  (select coalesce(sum(cap), 0)::text from calls where calls.channel_id = channels.channel_id and stage = 'reserved') as reserved
from channels where channel_id = $1`;

/** The table of calls and their channels. */
export function createCallTable(database: Database): CallTable {
  const { query, transaction } = database;
  return {
    async account(channelId) {
      const [row] = await query(ACCOUNT, [channelId]);
      return toAccount(row);
    },
    reserve: (reservation) => transaction((inside) => reserve(inside, reservation)),
    issue: (channelId, sequence, price, make) =>
      transaction(async (inside) => {
        await lock(inside, channelId);
        const call = await callOf(inside, channelId, sequence);
        if (call?.stage === "issued") return fromJson(call.receipt) as SignedReceipt;
        if (call?.stage !== "reserved") throw notReserved(sequence, call?.stage);
        if (price > BigInt(call.cap as string)) throw overCap(price, BigInt(call.cap as string));
        const { owed } = toAccount((await inside(ACCOUNT, [channelId]))[0]);
        const receipt = await make(owed + price);
        await inside("update channels set owed = owed + $2::numeric where channel_id = $1", [channelId, String(price)]);
        await inside("update calls set stage = 'issued', receipt = $3 where channel_id = $1 and sequence = $2", [
          channelId,
          sequence,
          toJson(receipt),
        ]);
        return receipt;
      }),
    async receipt(channelId, sequence) {
      const call = await callOf(query, channelId, sequence);
      return call?.stage === "issued" ? (fromJson(call.receipt) as SignedReceipt) : undefined;
    },
    async abandon(channelId, sequence) {
      await query(
        "update calls set stage = 'abandoned' where channel_id = $1 and sequence = $2 and stage = 'reserved'",
        [channelId, sequence],
      );
    },
    async abandonBefore(incarnation) {
      const rows = await query(
        "update calls set stage = 'abandoned' where stage = 'reserved' and sequence < $1 returning sequence",
        [sequenceOf(incarnation, 0n)],
      );
      return rows.length;
    },
  };
}

async function reserve(query: Query, reservation: Reservation): Promise<bigint> {
  const { channelId, voucher, cap, deposited, claimed, incarnation, above } = reservation;
  await lock(query, channelId);
  await query("update channels set owed = greatest(owed, $2::numeric) where channel_id = $1", [
    channelId,
    String(claimed),
  ]);
  if (voucher !== undefined) await keepHigher(query, channelId, voucher);
  const account = toAccount((await query(ACCOUNT, [channelId]))[0]);
  const wanted = account.owed + account.reserved + cap;
  const promised = account.voucher?.voucher.cumulativeAmount ?? 0n;
  if (wanted > deposited) throw channelTooSmall(wanted, deposited);
  if (promised < wanted) throw voucherTooLow(promised, wanted);
  const sequence = await nextSequence(query, channelId, incarnation, above);
  await query("insert into calls (channel_id, sequence, stage, cap) values ($1, $2, 'reserved', $3::numeric)", [
    channelId,
    sequence,
    String(cap),
  ]);
  return sequence;
}

/** One after another, for each channel. */
async function lock(query: Query, channelId: Hex): Promise<void> {
  await query("insert into channels (channel_id) values ($1) on conflict do nothing", [channelId]);
  await query("select 1 from channels where channel_id = $1 for update", [channelId]);
}

async function keepHigher(query: Query, channelId: Hex, voucher: SignedVoucher): Promise<void> {
  await query(
    "update channels set voucher = $2, voucher_amount = $3::numeric where channel_id = $1 and voucher_amount < $3::numeric",
    [channelId, toJson(voucher), String(voucher.voucher.cumulativeAmount)],
  );
}

async function nextSequence(query: Query, channelId: Hex, incarnation: number, above: bigint): Promise<bigint> {
  const [row] = await query(
    "select max(sequence) as last from calls where channel_id = $1 and sequence >= $2 and sequence < $3",
    [channelId, sequenceOf(incarnation, 0n), sequenceOf(incarnation + 1, 0n)],
  );
  const stored = (row?.last as bigint | null) ?? sequenceOf(incarnation, 0n);
  const last = stored > above ? stored : above;
  return sequenceOf(incarnation, partsOfSequence(last).counter + 1n);
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

function voucherTooLow(promised: bigint, wanted: bigint): ProtocolError {
  return new ProtocolError(
    "call/voucher-too-low",
    `the channel's vouchers promise ${promised} base units, this call needs ${wanted}: send a voucher of at least that`,
  );
}

function channelTooSmall(wanted: bigint, deposited: bigint): ProtocolError {
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
