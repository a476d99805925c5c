import { readFileSync } from "node:fs";
import type { Hex } from "viem";
import { claimEvents } from "../../../src/chain/channelEvents.ts";
import { callEarningsOf, channelOf } from "../../../src/chain/channels.ts";
import type { SigningChain } from "../../../src/chain/clients.ts";
import type { SignedReceipt } from "../../../src/protocol/receipt.ts";
import { parseReceipt } from "../../../src/protocol/receiptJson.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { fromJson } from "../../../src/store/json.ts";
import { createPaidCallTable } from "../../../src/store/paidCalls.ts";
import { contradicted, type Statement } from "../calls.ts";
import type { ConnectBooks } from "./connectProcess.ts";
import { comesTrue, type Lane, type Payer } from "./lane.ts";

const SETTLES_MS = 30_000;
const PROVEN_MS = 60_000;

/** What is wrong between a payer's local end and a gateway while both live, once every call's end is known; in words. */
export async function checkLiving(lane: Lane, checked: Set<Hex>): Promise<string[]> {
  const { connect, gateway, proxy } = lane;
  const wrong = await checkPayer(connect);
  const { receipts } = await connect.books();
  const kept = new Map(receipts.map(({ receiptId, signature }) => [signature, receiptId as Hex]));
  const payer = receipts[0]?.receipt.payer;
  const left = proxy.left.filter((each): each is SignedReceipt => "receipt" in each && each.receipt.payer === payer);
  for (const { receipt, signature } of left) {
    if (!kept.has(signature)) wrong.push(`the receipt of sequence ${receipt.sequence} has left and isn't kept`);
  }
  for (const [signature, id] of kept) {
    if (checked.has(id)) continue;
    checked.add(id);
    const answer = await fetch(`${gateway.started()?.url}/v1/receipts/${id}`);
    const isSame = answer.ok && parseReceipt(await answer.text()).signature === signature;
    if (!isSame) wrong.push(`the gateway has lost receipt ${id}, or has another: ${answer.status}`);
  }
  return [...wrong, ...checkStatements(lane)];
}

/** That every call's end comes to be known, and is counted once. */
export async function checkPayer(payer: Payer): Promise<string[]> {
  const isSure = await comesTrue(async () => (await payer.books()).uncertain === "0", SETTLES_MS);
  const books = await payer.books();
  const paid = sum(books.receipts.map(({ receipt }) => BigInt(receipt.price)));
  return [
    ...(isSure ? [] : [`${books.uncertain} base units stay uncertain`]),
    ...(paid === BigInt(books.owed) ? [] : [`receipts come to ${paid}, owed are ${books.owed}`]),
    ...checkOwed(books),
  ];
}

/** Cumulated by the operator, channel by channel, receipts come to the same. */
function checkOwed({ receipts }: ConnectBooks): string[] {
  const channels = Map.groupBy(receipts, ({ receipt }) => receipt.channelId);
  return [...channels].flatMap(([channelId, list]) => {
    const paid = sum(list.map(({ receipt }) => BigInt(receipt.price)));
    const highest = list.reduce((most, { receipt }) => larger(most, BigInt(receipt.cumulativeOwed)), 0n);
    return paid === highest ? [] : [`channel ${channelId}: receipts come to ${paid}, the newest says ${highest}`];
  });
}

/** All that was ever signed, whether it left or not, and all that left. */
function checkStatements({ gateway, proxy }: Lane): string[] {
  const signed = readFileSync(gateway.statementsFile, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => fromJson(JSON.parse(line)) as Statement);
  const channels = Map.groupBy([...signed, ...proxy.left], (it) =>
    "part" in it ? it.part.channelId : it.receipt.channelId,
  );
  return [...channels].flatMap(([channelId, statements]) =>
    contradicted(statements).map((sequence) => `channel ${channelId}: sequence ${sequence} was signed twice`),
  );
}

/** What a lane has come to in the end. Amounts are OPG base units. */
export type FinalBooks = {
  wrong: string[];
  receipts: number;
  anchored: number;
  proven: number;
  batches: number;
  owed: bigint;
  claimed: bigint;
};

/** Waits for the proofs, ends both, and compares what is in their stores and on the chain. */
export async function closeBooks(chain: SigningChain, lane: Lane): Promise<FinalBooks> {
  const { connect, gateway, operator } = lane;
  const { operatorId } = operator;
  await comesTrue(async () => (await connect.books()).receipts.every(({ proof }) => proof === "proven"), PROVEN_MS);
  const { receipts } = await connect.books();
  await connect.kill();
  await gateway.kill();
  const paid = await readPaid(connect.dataDir);
  const issued = await readIssued(gateway.dataDir, paid.channelId);
  const { claimed } = await channelOf(chain, { payer: paid.payer, operatorId, voucherKey: paid.voucherKey });
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest", operatorId } as const;
  const claims = (await claimEvents(chain, range)).map((event) => (event.kind === "claimed" ? event.amount : 0n));
  const earned = await callEarningsOf(chain, operatorId);
  const proven = receipts.filter(({ proof }) => proof === "proven").length;
  const wrong = [
    ...(proven === receipts.length ? [] : [`${receipts.length - proven} receipts aren't proven`]),
    ...(issued.unanchored === 0 ? [] : [`${issued.unanchored} receipts aren't anchored`]),
    ...differences(paid.signatures, issued.signatures),
    ...(paid.owed === issued.owed ? [] : [`the local end owes ${paid.owed}, the gateway is owed ${issued.owed}`]),
    ...(paid.uncertain === 0n ? [] : [`${paid.uncertain} stay uncertain`]),
    ...(claimed <= paid.owed ? [] : [`claimed are ${claimed}, owed ${paid.owed}`]),
    ...(claimed <= paid.signed ? [] : [`claimed are ${claimed}, signed ${paid.signed}`]),
    ...(sum(claims) === earned ? [] : [`claims come to ${sum(claims)}, earned are ${earned}`]),
  ];
  const anchored = receipts.length - issued.unanchored;
  return { wrong, receipts: receipts.length, anchored, proven, batches: issued.batches, owed: paid.owed, claimed };
}

async function readPaid(folder: string) {
  const database = await openDatabase(folder);
  try {
    const paid = createPaidCallTable(database);
    const answered = await paid.answered(1_000_000);
    const [channel] = await paid.channels();
    const [first] = answered;
    if (channel === undefined || first?.receipt === undefined) throw new Error(`${folder} has paid for nothing`);
    const account = await paid.account(channel.channelId);
    const signatures = answered.flatMap(({ receipt }) => receipt?.signature ?? []);
    const { payer } = first.receipt.receipt;
    return { ...account, signatures, payer, channelId: channel.channelId, voucherKey: channel.voucherKey };
  } finally {
    await database.close();
  }
}

async function readIssued(folder: string, channelId: Hex) {
  const database = await openDatabase(folder);
  try {
    const { query } = database;
    const rows = await query("select receipt from calls where stage = 'issued' and channel_id = $1", [channelId]);
    const [channel] = await query("select owed::text from channels where channel_id = $1", [channelId]);
    const [unanchored] = await query(
      `select count(*) as count from calls left join batches on batches.id = calls.batch_id
       where calls.stage = 'issued' and batches.stage is distinct from 'anchored'`,
    );
    const [batches] = await query("select count(*) as count from batches where stage = 'anchored'");
    return {
      signatures: rows.map(({ receipt }) => (fromJson(receipt) as SignedReceipt).signature),
      owed: BigInt(channel?.owed as string),
      unanchored: Number(unanchored?.count),
      batches: Number(batches?.count),
    };
  } finally {
    await database.close();
  }
}

function differences(paid: readonly Hex[], issued: readonly Hex[]): string[] {
  const [ofPaid, ofIssued] = [new Set(paid), new Set(issued)];
  const onlyPaid = paid.filter((signature) => !ofIssued.has(signature)).length;
  const onlyIssued = issued.filter((signature) => !ofPaid.has(signature)).length;
  return [
    ...(onlyPaid === 0 ? [] : [`the gateway has lost ${onlyPaid} receipts`]),
    ...(onlyIssued === 0 ? [] : [`the local end has lost ${onlyIssued} receipts`]),
  ];
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
