import { bytesToHex, type Hex } from "viem";
import { type Batch, batchOf, type Inclusion } from "../protocol/batch.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import type { Database, Query, Row } from "./database.ts";
import { fromJson } from "./json.ts";
import { proofPlaces, treeBytes } from "./treeBytes.ts";

/** Receipts that are in no batch. */
export type UnbatchedReceipts = {
  count: number;
  /** Unix seconds; undefined when there are none. */
  oldestAt: number | undefined;
};

/** Which receipts a batch takes, and what travels with it. */
export type BatchRequest = {
  /** Receipts, unless more than that must go. */
  atMost: number;
  /** Receipts issued until then go, however many; unix seconds. */
  mustGoUntil?: number;
  /** Packed, see `packVouchers`. */
  vouchers: Hex;
};

/** A batch whose receipts are fixed, on its way to the chain. */
export type PlannedBatch = Pick<Batch, "root" | "count" | "dataHash"> & {
  id: bigint;
  vouchers: Hex;
  /** Of its oldest receipt, unix seconds. */
  oldestAt: number;
  /** Where its data was published; empty: the gateway serves it; undefined: it isn't yet. */
  uri: string | undefined;
};

/** Where and when a batch was anchored. */
export type AnchoringRecord = Pick<Batch, "number" | "previousWord"> & {
  /** Unix seconds. */
  anchoredAt: number;
};

/** A receipt that was issued, with what shows that it is in a batch, once that is anchored. */
export type IssuedReceipt = {
  receiptId: Hex;
  signed: SignedReceipt;
  /** Whether it is in a batch at least. */
  isBatched: boolean;
  inclusion: Inclusion | undefined;
  /** Unix seconds; undefined until then. */
  anchoredAt: number | undefined;
};

/** The table of batches: a receipt is in one, for good, before its anchoring is sent. */
export type BatchTable = {
  unbatched(): Promise<UnbatchedReceipts>;
  /**
   * Puts the oldest receipts that are in no batch into a new one, in the order of their times: all of it or nothing.
   * @returns undefined when there are none
   */
  plan(request: BatchRequest): Promise<PlannedBatch | undefined>;
  /** Batches that aren't known to be anchored, oldest first. */
  planned(): Promise<PlannedBatch[]>;
  /** Notes where a planned batch's data is. */
  published(id: bigint, uri: string): Promise<void>;
  anchored(id: bigint, record: AnchoringRecord): Promise<void>;
  /** @param id the receiptId or the requestHash @returns undefined when no such receipt was issued */
  receipt(id: Hex): Promise<IssuedReceipt | undefined>;
  /** The data of a batch, anchored or not: its leaves, 32 bytes each. */
  data(root: Hex): Promise<Uint8Array | undefined>;
};

const UNBATCHED = "from calls where stage = 'issued' and batch_id is null";
const PLANNED = "select id, root, count, data_hash, vouchers, oldest_at, uri from batches where stage = 'planned'";
const TAKE = `select receipt_id, issued_at ${UNBATCHED} order by issued_at, receipt_id
limit greatest($1::bigint, (select count(*) ${UNBATCHED} and issued_at <= $2)) for update`;
const ASSIGN = `update calls set batch_id = $1, batch_index = taken.at - 1
from unnest($2::text[]) with ordinality as taken (receipt_id, at) where calls.receipt_id = taken.receipt_id`;
const FIND = `select calls.receipt_id, calls.receipt, calls.batch_id, calls.batch_index,
  batches.stage as batch_stage, batches.root, batches.count, batches.data_hash, batches.number, batches.previous_word,
  batches.anchored_at
from calls left join batches on batches.id = calls.batch_id
where calls.stage = 'issued' and (calls.receipt_id = $1 or calls.request_hash = $1) limit 1`;
const NODES = `select substring(tree from place for 32) as node
from batches, unnest($2::integer[]) with ordinality as wanted (place, at) where id = $1 order by at`;

/** The table of batches. */
export function createBatchTable({ query, prepare, transaction }: Database): BatchTable {
  // Asked with each block.
  const statements = {
    unbatched: prepare(`select count(*) as count, min(issued_at) as oldest_at ${UNBATCHED}`),
    planned: prepare(`${PLANNED} order by id`),
    find: prepare(FIND),
  };
  return {
    async unbatched() {
      const [row] = await statements.unbatched();
      return { count: Number(row?.count), oldestAt: row?.oldest_at === null ? undefined : Number(row?.oldest_at) };
    },
    plan: (request) => transaction((inside) => plan(inside, request)),
    async planned() {
      return (await statements.planned()).map(toPlanned);
    },
    async published(id, uri) {
      await query("update batches set uri = $2 where id = $1", [id, uri]);
    },
    async anchored(id, { number, previousWord, anchoredAt }) {
      await query(
        `update batches set stage = 'anchored', number = $2, previous_word = $3, anchored_at = $4
         where id = $1 and stage = 'planned'`,
        [id, number, String(previousWord), anchoredAt],
      );
    },
    async receipt(id) {
      const [row] = await statements.find(id);
      return row && (await toIssued(query, row));
    },
    async data(root) {
      const [row] = await query("select substring(tree from 1 for 32 * count) as data from batches where root = $1", [
        root,
      ]);
      return row?.data as Uint8Array | undefined;
    },
  };
}

async function plan(query: Query, { atMost, mustGoUntil, vouchers }: BatchRequest): Promise<PlannedBatch | undefined> {
  const taken = await query(TAKE, [atMost, mustGoUntil ?? 0]);
  if (taken.length === 0) return undefined;
  const receiptIds = taken.map(({ receipt_id }) => receipt_id as Hex);
  const { root, count, dataHash, tree } = batchOf(receiptIds);
  const [row] = await query(
    `insert into batches (stage, root, count, data_hash, vouchers, oldest_at, tree)
     values ('planned', $1, $2, $3, $4, $5, $6) returning id, root, count, data_hash, vouchers, oldest_at, uri`,
    [root, count, dataHash, vouchers, taken[0]?.issued_at, treeBytes(tree)],
  );
  await query(ASSIGN, [row?.id, receiptIds]);
  return toPlanned(row as Row);
}

function toPlanned(row: Row): PlannedBatch {
  return {
    id: row.id as bigint,
    root: row.root as Hex,
    count: Number(row.count),
    dataHash: row.data_hash as Hex,
    vouchers: row.vouchers as Hex,
    oldestAt: Number(row.oldest_at),
    uri: (row.uri as string | null) ?? undefined,
  };
}

async function toIssued(query: Query, row: Row): Promise<IssuedReceipt> {
  const isAnchored = row.batch_stage === "anchored";
  return {
    receiptId: row.receipt_id as Hex,
    signed: fromJson(row.receipt) as SignedReceipt,
    isBatched: row.batch_id !== null,
    inclusion: isAnchored ? await inclusionOf(query, row) : undefined,
    anchoredAt: isAnchored ? Number(row.anchored_at) : undefined,
  };
}

async function inclusionOf(query: Query, row: Row): Promise<Inclusion> {
  const count = Number(row.count);
  const places = proofPlaces(count, Number(row.batch_index)).map((place) => place + 1); // SQL counts from one
  const nodes = await query(NODES, [row.batch_id, places]);
  return {
    batch: {
      number: Number(row.number),
      previousWord: BigInt(row.previous_word as string),
      root: row.root as Hex,
      count,
      dataHash: row.data_hash as Hex,
    },
    proof: nodes.map(({ node }) => bytesToHex(node as Uint8Array)),
  };
}
