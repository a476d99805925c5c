import { join } from "node:path";
import { type Hex, zeroHash } from "viem";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";
import { encodeClaim } from "../../../src/chain/channels.ts";
import { chainTime, type SigningChain } from "../../../src/chain/clients.ts";
import type { ContractCall } from "../../../src/chain/contractCall.ts";
import {
  anchorIntervalOf,
  batchWordAt,
  challengeBond,
  challengeOf,
  encodeAnchor,
  encodeAnswerOmission,
  encodeChallengeOmission,
  encodeShowReceipts,
  encodeUpholdOmission,
  logOf,
  logTerms,
  standingBondOf,
} from "../../../src/chain/receiptLog.ts";
import { batchesAnchored } from "../../../src/chain/receiptLogEvents.ts";
import { replayBatches } from "../../../src/chain/replayBatches.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeHarvest, stakeOf } from "../../../src/chain/staking.ts";
import { encodeApprove } from "../../../src/chain/token.ts";
import { anchoredAtOf, type BatchContent, batchOf, type Inclusion, inclusionOf } from "../../../src/protocol/batch.ts";
import { type Receipt, receiptId, type SignedReceipt } from "../../../src/protocol/receipt.ts";
import { packVouchers, type SignedVoucher } from "../../../src/protocol/voucher.ts";
import { leaveChannel, readChannel, verifyReceipt } from "../../../src/sdk/index.ts";
import { readBondBalance, readVoucherBalance } from "./balance.ts";
import {
  type CallsOperator,
  type CallsPayer,
  DEPOSIT,
  openCaller,
  openCallsOperator,
  STANDING_BOND,
  signDigest,
} from "./parties.ts";
import { askOften } from "./serve.ts";

/** What became of the calls; amounts are decimal strings in OPG base units. */
export type CallsReport = {
  channels: number;
  receipts: { issued: number; checked: number; anchored: number; verified: number };
  equivocations: number;
  omissions: { challenged: number; answered: number; upheld: number };
  /** Claimed after the payer's exit could have been closed. */
  claimedLate: string;
  operators: { operatorId: number; earned: string; slashed: string }[];
  payers: { paid: string; returned: string; remaining: string }[];
  /** Of the voucher escrow. */
  vouchers: { held: string; owed: string };
  /** Of the receipt log: challengers' bonds. */
  bonds: { held: string; owed: string };
};

/** An operator with the payer of its one channel, and what they did. */
type Pair = {
  operator: CallsOperator;
  payer: CallsPayer;
  /** All of them, checked by the payer. */
  receipts: SignedReceipt[];
  /** For all that is owed. */
  voucher: SignedVoucher;
  /** By receiptId. */
  inclusions: Map<Hex, Inclusion>;
};

type Say = (line: string) => void;

/** What an operator does: how many calls, whether it leaves the last receipt out, and whether it claims at once. */
type Plan = { calls: number; omits: boolean; claims: boolean };

const HONEST: Plan = { calls: 600, omits: false, claims: false };
const DISHONEST: Plan = { calls: 400, omits: true, claims: true };
const RECEIPTS_PER_BATCH = 200;
/** Of the dishonest operator's calls, the one it signs twice. */
const DOUBLE_SIGNED = 77;
const POLL_MS = 300;

/**
 * Two channels, a thousand calls, an operator that keeps to its word and one that doesn't, on a chain where the network is.
 *
 * @param folder For the operators' stores.
 */
export async function playCalls(
  rpcUrl: string,
  addresses: NetworkAddresses,
  folder: string,
  say: Say,
): Promise<CallsReport> {
  const operators = await Promise.all(
    (["honest", "dishonest"] as const).map((name) => openCallsOperator(rpcUrl, addresses, name, join(folder, "calls"))),
  );
  try {
    const [honest, dishonest] = operators as [CallsOperator, CallsOperator];
    say("calls: two payers open channels and ask a thousand times");
    const pairs = await Promise.all([
      openCaller(rpcUrl, addresses, "firstPayer", honest.operatorId).then((payer) => serve(honest, payer, HONEST)),
      openCaller(rpcUrl, addresses, "secondPayer", dishonest.operatorId).then((payer) =>
        serve(dishonest, payer, DISHONEST),
      ),
    ]);
    return await settle(pairs[0] as Pair, pairs[1] as Pair, say);
  } finally {
    await Promise.all(operators.map(({ store }) => store.close()));
  }
}

/** Serves calls, and anchors their receipts every few hundred. */
async function serve(operator: CallsOperator, payer: CallsPayer, plan: Plan): Promise<Pair> {
  const receipts: SignedReceipt[] = [];
  const contents: BatchContent[] = [];
  let voucher: SignedVoucher | undefined;
  let owed = 0n;
  while (receipts.length < plan.calls) {
    const count = Math.min(RECEIPTS_PER_BATCH, plan.calls - receipts.length);
    const served = await askOften(payer, operator, receipts.length, count, owed);
    ({ voucher, owed } = served);
    receipts.push(...served.receipts);
    const isLast = receipts.length === plan.calls;
    const anchored = isLast && plan.omits ? served.receipts.slice(0, -1) : served.receipts;
    contents.push(batchOf(anchored.map(({ receipt }) => idOf(operator.signer, receipt))));
    await anchor(operator, contents.at(-1) as BatchContent, isLast && plan.claims ? packVouchers([voucher]) : "0x");
  }
  const inclusions = await readInclusions(operator, contents, receipts);
  return { operator, payer, receipts, voucher: voucher as SignedVoucher, inclusions };
}

async function settle(honest: Pair, dishonest: Pair, say: Say): Promise<CallsReport> {
  const exit = await leaveChannel(honest.payer.chain, partiesOf(honest));
  say("calls: all but one receipt are anchored; the first payer leaves");
  const anchored = honest.inclusions.size + dishonest.inclusions.size;
  say("calls: the other operator has signed two answers to one question; both are shown");
  const equivocations = await equivocate(dishonest, honest.operator.operatorId);
  say("calls: a receipt that was left out is challenged, and one that wasn't");
  const omissions = await challenge(honest, dishonest);
  await waitUntil(honest.payer.chain, exit.channel.exitsAt);
  say("calls: the first payer could close by now; the honest operator claims late, then the payer closes");
  const claimedLate = await claimLate(honest);
  const { returned } = await leaveChannel(honest.payer.chain, partiesOf(honest));
  const verified = await verifySome(honest, dishonest);
  const pairs = [honest, dishonest];
  for (const { operator } of pairs) {
    await send(operator.owner, (to) => encodeHarvest(to, operator.operatorId, to.vouchers));
  }
  return {
    channels: pairs.length,
    receipts: {
      issued: sum(pairs.map((pair) => pair.receipts.length)),
      checked: sum(pairs.map((pair) => pair.receipts.length)),
      anchored,
      verified,
    },
    ...{ equivocations, omissions, claimedLate: String(claimedLate) },
    operators: await Promise.all(pairs.map(operatorReport)),
    payers: [await payerReport(honest, returned), await payerReport(dishonest, 0n)],
    vouchers: asText(await readVoucherBalance(honest.payer.chain)),
    bonds: asText(await readBondBalance(honest.payer.chain)),
  };
}

async function anchor({ signer, operatorId }: CallsOperator, content: BatchContent, packed: Hex): Promise<void> {
  const { batchCount } = await logOf(signer, operatorId);
  if (batchCount > 0) {
    const lastWord = await batchWordAt(signer, operatorId, batchCount - 1);
    await waitUntil(signer, anchoredAtOf(lastWord) + (await anchorIntervalOf(signer)));
  }
  await send(signer, (to) => encodeAnchor(to, operatorId, content, packed));
}

/** What anybody can read from the log, checked against the chain's word, and prove with the batches' data. */
async function readInclusions(
  { signer, operatorId }: CallsOperator,
  contents: readonly BatchContent[],
  receipts: readonly SignedReceipt[],
): Promise<Map<Hex, Inclusion>> {
  const events = await batchesAnchored(signer, { ...wholeLog(signer), operatorId });
  const { batchCount } = await logOf(signer, operatorId);
  const lastWord = await batchWordAt(signer, operatorId, batchCount - 1);
  const inclusions = new Map<Hex, Inclusion>();
  for (const [at, { batch }] of replayBatches(events, { batchCount, lastWord }).entries()) {
    const content = contents[at] as BatchContent;
    for (let index = 0; index < content.count; index++) {
      const { receipt } = receipts[at * RECEIPTS_PER_BATCH + index] as SignedReceipt;
      inclusions.set(idOf(signer, receipt), inclusionOf(batch, content, index));
    }
  }
  return inclusions;
}

async function equivocate({ operator, payer, receipts }: Pair, bountyTo: number): Promise<number> {
  const first = receipts[DOUBLE_SIGNED] as SignedReceipt;
  // Its issuer would not: it takes the key itself to do this.
  const receipt = { ...first.receipt, responseRoot: zeroHash };
  const signature = await signDigest(operator.signer, idOf(operator.signer, receipt));
  const second = { receipt, signature };
  await sendCall(payer.chain, encodeShowReceipts(payer.chain.addresses, first, second, bountyTo));
  return 1;
}

async function challenge(honest: Pair, dishonest: Pair): Promise<CallsReport["omissions"]> {
  const challenged = [honest, dishonest].map((pair) => ({
    ...pair,
    signed: pair.receipts.at(-1) as SignedReceipt,
  }));
  const { anchorSeconds } = await logTerms(honest.payer.chain);
  const dueAt = Math.max(...challenged.map(({ signed }) => signed.receipt.issuedAt)) + anchorSeconds;
  await waitUntil(honest.payer.chain, dueAt + 1);
  for (const { payer, signed } of challenged) {
    const { addresses } = payer.chain;
    await sendCall(payer.chain, encodeApprove(addresses, addresses.receipts, await challengeBond(payer.chain)));
    await sendCall(payer.chain, encodeChallengeOmission(addresses, signed));
  }
  const statuses: string[] = [];
  for (const { operator, payer, signed, inclusions } of challenged) {
    const id = idOf(payer.chain, signed.receipt);
    const inclusion = inclusions.get(id);
    if (inclusion) await send(operator.signer, (to) => encodeAnswerOmission(to, signed.receipt, inclusion));
    else {
      const { answerBy } = await challengeOf(payer.chain, operator.operatorId, id);
      await waitUntil(payer.chain, answerBy + 1);
      await send(payer.chain, (to) => encodeUpholdOmission(to, operator.operatorId, id));
    }
    statuses.push((await challengeOf(payer.chain, operator.operatorId, id)).status);
  }
  const count = (status: string) => statuses.filter((each) => each === status).length;
  return { challenged: statuses.length, answered: count("answered"), upheld: count("upheld") };
}

async function claimLate(pair: Pair): Promise<bigint> {
  const before = await readChannel(pair.payer.chain, partiesOf(pair));
  const packed = packVouchers([pair.voucher]);
  await send(pair.operator.signer, (to) => encodeClaim(to, pair.operator.operatorId, packed));
  return (await readChannel(pair.payer.chain, partiesOf(pair))).claimed - before.claimed;
}

/** A receipt of each kind, as whoever holds it would look at it; throws where the answer isn't what it should be. */
async function verifySome(honest: Pair, dishonest: Pair): Promise<number> {
  const cases = [
    { pair: honest, index: 0, ok: true },
    { pair: honest, index: HONEST.calls - 1, ok: true },
    { pair: dishonest, index: 0, ok: true },
    { pair: dishonest, index: DOUBLE_SIGNED, ok: false },
    { pair: dishonest, index: DISHONEST.calls - 1, ok: false },
  ];
  for (const { pair, index, ok } of cases) {
    const { chain } = pair.payer;
    const signed = pair.receipts[index] as SignedReceipt;
    const inclusion = pair.inclusions.get(idOf(chain, signed.receipt));
    const found = await verifyReceipt(chain, { ...signed, domain: domainOf(chain), ...(inclusion && { inclusion }) });
    if (found.ok !== ok) throw new Error(`receipt ${index} is ${found.ok}: ${JSON.stringify(found.checks)}`);
  }
  return cases.filter(({ ok }) => ok).length;
}

async function operatorReport({ operator: { operatorId, owner } }: Pair): Promise<CallsReport["operators"][number]> {
  const [bond, { claimable }] = await Promise.all([standingBondOf(owner, operatorId), stakeOf(owner, operatorId)]);
  return { operatorId, earned: String(claimable), slashed: String(STANDING_BOND - bond) };
}

async function payerReport(pair: Pair, returned: bigint): Promise<CallsReport["payers"][number]> {
  const { remaining } = await readChannel(pair.payer.chain, partiesOf(pair));
  return { paid: String(DEPOSIT - remaining - returned), returned: String(returned), remaining: String(remaining) };
}

function partiesOf({ payer: { channel } }: Pair) {
  const { payer, operatorId, voucherKey } = channel;
  return { payer, operatorId, voucherKey };
}

function domainOf({ chainId, addresses }: SigningChain) {
  return { chainId, receipts: addresses.receipts };
}

function idOf(chain: SigningChain, receipt: Receipt): Hex {
  return receiptId(receipt, domainOf(chain));
}

async function send(chain: SigningChain, encode: (addresses: NetworkAddresses) => ContractCall): Promise<void> {
  await sendCall(chain, encode(chain.addresses));
}

async function waitUntil(chain: SigningChain, timestamp: number): Promise<void> {
  while ((await chainTime(chain)) < timestamp) {
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

function wholeLog({ addresses }: SigningChain) {
  return { fromBlock: BigInt(addresses.deployedAtBlock), toBlock: "latest" } as const;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function asText({ held, owed }: { held: bigint; owed: bigint }): { held: string; owed: string } {
  return { held: String(held), owed: String(owed) };
}
