import type { Hex } from "viem";
import type { Inclusion } from "../protocol/batch.ts";
import type { Channel } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Quote } from "../protocol/quote.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import type { Database, Row, Statement } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

/** A channel's account as its payer keeps it, OPG base units. */
export type PaidAccount = {
  /** By all receipts accepted. */
  owed: bigint;
  /** The highest voucher signed. */
  signed: bigint;
  /** Caps of all calls whose end isn't known. */
  uncertain: bigint;
};

export type NewPaidCall = {
  /** Unique: its salt is random. */
  requestHash: Hex;
  channelId: Hex;
  operatorId: number;
  route: string;
  model: string;
  /** OPG base units. */
  cap: bigint;
  /** What the channel holds, claimed part included, OPG base units. */
  deposited: bigint;
  /** Unix seconds. */
  sentAt: number;
  /** The newest block's time then, unix seconds; undefined in calls of before it was kept. */
  chainSentAt: number | undefined;
  /** What its operator asked for then; undefined in calls of before it was kept. */
  quote: Quote | undefined;
};

/** What calls of a channel that nobody waits for any more may promise together. */
export type LostLimits = {
  /** Request hashes of those somebody waits for. */
  live: Iterable<Hex>;
  /** Caps of the others, this call's included, once there are {@link FEW_LOST} of them; OPG base units. */
  amount: bigint;
};

/** So many may be lost whatever they cost: an answer breaks off now and then. */
export const FEW_LOST = 3;

/** `isAlone`: no other call of the channel was under way. */
export type BegunCall = { amount: bigint; owedBefore: bigint; isAlone: boolean };

/**
 * `sent`: its end isn't known; `answered`: its receipt was accepted; `refused`: what came was a lie, it is never paid for;
 * `free`: the operator charges nothing for it.
 */
export type PaidStage = "sent" | "answered" | "refused" | "free";

/** Whether a receipt was shown to be in a batch on chain; `upheld`: it wasn't, and its operator was slashed. */
export type ProofState = "waiting" | "proven" | "missing" | "challenged" | "upheld";

export type PaidCall = Omit<NewPaidCall, "deposited"> & {
  stage: PaidStage;
  /** What was owed when it was sent, OPG base units. */
  owedBefore: bigint;
  /** Once it was accepted. */
  receipt: (SignedReceipt & { receiptId: Hex; proof: ProofState; inclusion: Inclusion | undefined }) | undefined;
};

/** `now`: the chain's, unix seconds; `after`: request hash of the last one seen. */
export type ProofPage = { now: number; limit: number; after?: Hex | undefined };

/** What a payer's local end has promised, and what it got for it: written down before the promise leaves. */
export type PaidCallTable = {
  /** Writes a channel down, once. @param claimed by its operator: at least so much is owed, OPG base units */
  openChannel(channelId: Hex, channel: Channel, claimed: bigint): Promise<void>;
  /** Channels ever used with a voucher key. */
  channels(): Promise<(Omit<Channel, "payer"> & { channelId: Hex })[]>;
  account(channelId: Hex): Promise<PaidAccount>;
  /**
   * Writes a call down, and the voucher that pays it and all before it.
   * @returns the voucher's amount, and what was owed before, OPG base units
   * @throws ProtocolError `paid/channel-too-small`, `paid/too-many-lost`
   */
  begin(call: NewPaidCall, lost: LostLimits): Promise<BegunCall>;
  /** Takes a receipt for a call that was sent; the second time nothing. @returns whether it was the first time */
  accept(requestHash: Hex, receiptId: Hex, signed: SignedReceipt): Promise<boolean>;
  /** Ends a call that was sent without a receipt: from now on no voucher covers it. */
  end(requestHash: Hex, stage: "refused" | "free"): Promise<void>;
  call(requestHash: Hex): Promise<PaidCall | undefined>;
  /** @param id of the receipt, or the request hash */
  find(id: Hex): Promise<PaidCall | undefined>;
  /** Calls whose end isn't known, oldest first. */
  sent(): Promise<PaidCall[]>;
  /** Calls with a receipt, newest first. */
  answered(limit: number): Promise<PaidCall[]>;
  /** Calls with a receipt in one of these states that is to be looked at, oldest first. */
  inProof(states: readonly ProofState[], page: ProofPage): Promise<PaidCall[]>;
  setProof(receiptId: Hex, proof: ProofState, inclusion?: Inclusion): Promise<void>;
  /** Leaves a receipt missing until a time, the chain's, unix seconds; undefined: for good. */
  postponeProof(receiptId: Hex, until: number | undefined): Promise<void>;
  /** Remembers that an operator was caught lying, and why last. */
  shun(operatorId: number, reason: string): Promise<void>;
  /** Forgets that. */
  forgive(operatorId: number): Promise<void>;
  /** Operators caught lying, and why. */
  shunned(): Promise<Map<number, string>>;
};

const ACCOUNT = `select owed::text, signed::text,
  (select coalesce(sum(cap), 0)::text from paid_calls where paid_calls.channel_id = paid_channels.channel_id and stage = 'sent') as uncertain
from paid_channels where channel_id = $1`;

/** One statement, so that it is one commit: the call and the voucher that covers it, if the channel holds that much. */
const BEGIN = `with account as (
  select owed, signed, open.uncertain, open.lost_count < ${FEW_LOST} or open.lost + $6::numeric <= $12::numeric as is_known
  from paid_channels, lateral (
    select coalesce(sum(cap), 0) as uncertain,
      coalesce(sum(cap) filter (where is_lost), 0) as lost, count(*) filter (where is_lost) as lost_count
    from (
      select cap, not request_hash = any(string_to_array($11, ' ')) as is_lost
      from paid_calls where channel_id = $2 and stage = 'sent'
    ) as sent
  ) as open
  where channel_id = $2 for update of paid_channels
), begun as (
  insert into paid_calls (request_hash, channel_id, operator_id, route, model, cap, owed_before, stage, sent_at, chain_sent_at, quote)
  select $1, $2, $3, $4, $5, $6::numeric, owed, 'sent', $7, $9::bigint, $10::jsonb from account
  where is_known and owed + uncertain + $6::numeric <= $8::numeric returning request_hash
), promised as (
  update paid_channels set signed = greatest(paid_channels.signed, account.owed + account.uncertain + $6::numeric)
  from account, begun where channel_id = $2
)
select owed::text, signed::text, uncertain::text, is_known, (select count(*) from begun) as begun from account`;

const ACCEPT = `with answered as (
  update paid_calls set stage = 'answered', receipt_id = $2, receipt = $3, proof = 'waiting'
  where request_hash = $1 and stage = 'sent' returning channel_id
) update paid_channels set owed = owed + $4::numeric from answered
where paid_channels.channel_id = answered.channel_id returning paid_channels.channel_id`;

const IN_PROOF = `where proof = any($1) and proof in ('waiting', 'missing', 'challenged') and not is_proof_over
  and proof_due <= $4 and id > coalesce((select id from paid_calls where request_hash = $3), 0) order by id limit $2`;

const COLUMNS =
  "request_hash, channel_id, operator_id, route, model, cap::text, owed_before::text, stage, sent_at, chain_sent_at, quote, receipt_id, receipt, proof, inclusion";

/** The table of calls paid, and their channels. */
export function createPaidCallTable({ query, prepare }: Database): PaidCallTable {
  const statements = { begin: prepare(BEGIN), accept: prepare(ACCEPT), account: prepare(ACCOUNT) };
  const calls = async (where: string, parameters: readonly unknown[]) =>
    (await query(`select ${COLUMNS} from paid_calls ${where}`, parameters)).map(toPaidCall);
  return {
    async openChannel(channelId, { operatorId, voucherKey, opening }, claimed) {
      await query(
        `insert into paid_channels (channel_id, operator_id, voucher_key, opening, owed, signed)
         values ($1, $2, $3, $4, $5::numeric, $5::numeric) on conflict do nothing`,
        [channelId, operatorId, voucherKey, opening, String(claimed)],
      );
    },
    async channels() {
      const rows = await query("select channel_id, operator_id, voucher_key, opening from paid_channels", []);
      return rows.map(toChannel);
    },
    account: async (channelId) => toAccount((await statements.account(channelId))[0]),
    begin: (call, lost) => begin(statements.begin, call, lost),
    async accept(requestHash, receiptId, signed) {
      const price = String(signed.receipt.price);
      return (await statements.accept(requestHash, receiptId, toJson(signed), price)).length > 0;
    },
    async end(requestHash, stage) {
      await query("update paid_calls set stage = $2 where request_hash = $1 and stage = 'sent'", [requestHash, stage]);
    },
    call: async (requestHash) => (await calls("where request_hash = $1", [requestHash]))[0],
    find: async (id) => (await calls("where request_hash = $1 or receipt_id = $1", [id]))[0],
    sent: () => calls("where stage = 'sent' order by id", []),
    answered: (limit) => calls("where receipt_id is not null order by id desc limit $1", [limit]),
    inProof: (states, { now, limit, after = null }) => calls(IN_PROOF, [states, limit, after, now]),
    async setProof(receiptId, proof, inclusion) {
      await query(
        "update paid_calls set proof = $2, inclusion = coalesce($3::jsonb, inclusion) where receipt_id = $1",
        [receiptId, proof, inclusion === undefined ? null : toJson(inclusion)],
      );
    },
    async postponeProof(receiptId, until) {
      await query(
        "update paid_calls set proof = 'missing', is_proof_over = $2::bigint is null, proof_due = coalesce($2::bigint, 0) where receipt_id = $1",
        [receiptId, until ?? null],
      );
    },
    async shun(operatorId, reason) {
      await query(
        "insert into shunned_operators (operator_id, reason) values ($1, $2) on conflict (operator_id) do update set reason = $2",
        [operatorId, reason],
      );
    },
    async forgive(operatorId) {
      await query("delete from shunned_operators where operator_id = $1", [operatorId]);
    },
    async shunned() {
      const rows = await query("select operator_id, reason from shunned_operators", []);
      return new Map(rows.map((row) => [Number(row.operator_id), row.reason as string]));
    },
  };
}

async function begin(statement: Statement, call: NewPaidCall, lost: LostLimits): Promise<BegunCall> {
  const { requestHash, channelId, operatorId, route, model, cap, deposited, sentAt, chainSentAt = null, quote } = call;
  const names = [requestHash, channelId, operatorId, route, model];
  const amounts = [String(cap), sentAt, String(deposited)];
  const kept = [chainSentAt, quote === undefined ? null : toJson(quote)];
  const [row] = await statement(...names, ...amounts, ...kept, [...lost.live].join(" "), String(lost.amount));
  const { owed, signed, uncertain } = toAccount(row);
  const wanted = owed + uncertain + cap;
  if (row?.is_known === false) throw tooManyLost(operatorId);
  if (row === undefined || row.begun === 0n) throw channelTooSmall(wanted, deposited);
  return { amount: wanted > signed ? wanted : signed, owedBefore: owed, isAlone: uncertain === 0n };
}

function toAccount(row: Row | undefined): PaidAccount {
  if (row === undefined) return { owed: 0n, signed: 0n, uncertain: 0n };
  return {
    owed: BigInt(row.owed as string),
    signed: BigInt(row.signed as string),
    uncertain: BigInt(row.uncertain as string),
  };
}

function toChannel(row: Row): Omit<Channel, "payer"> & { channelId: Hex } {
  return {
    channelId: row.channel_id as Hex,
    operatorId: Number(row.operator_id),
    voucherKey: row.voucher_key as Hex,
    opening: Number(row.opening),
  };
}

function toPaidCall(row: Row): PaidCall {
  const inclusion = row.inclusion === null ? undefined : (fromJson(row.inclusion) as Inclusion);
  return {
    requestHash: row.request_hash as Hex,
    channelId: row.channel_id as Hex,
    operatorId: Number(row.operator_id),
    route: row.route as string,
    model: row.model as string,
    cap: BigInt(row.cap as string),
    owedBefore: BigInt(row.owed_before as string),
    stage: row.stage as PaidStage,
    sentAt: Number(row.sent_at),
    quote: row.quote === null ? undefined : (fromJson(row.quote) as Quote),
    chainSentAt: row.chain_sent_at === null ? undefined : Number(row.chain_sent_at),
    receipt:
      row.receipt === null
        ? undefined
        : {
            ...(fromJson(row.receipt) as SignedReceipt),
            ...{ receiptId: row.receipt_id as Hex, proof: row.proof as ProofState, inclusion },
          },
  };
}

function tooManyLost(operatorId: number): ProtocolError {
  return new ProtocolError(
    "paid/too-many-lost",
    `operator ${operatorId} hasn't said yet how its last calls ended: ask another one until it has`,
    { isRetryable: true },
  );
}

function channelTooSmall(wanted: bigint, deposited: bigint): ProtocolError {
  return new ProtocolError(
    "paid/channel-too-small",
    `the channel holds ${deposited} base units, this call and those before it need ${wanted}: top it up`,
  );
}
