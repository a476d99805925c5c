import type { Hex } from "viem";
import { channelEvents } from "../chain/channelEvents.ts";
import { type Chain, chainTime } from "../chain/clients.ts";
import { anchoredAt, batchWordAt, challengeOf, isShown, type LogTerms, logOf, logTerms } from "../chain/receiptLog.ts";
import { batchesAnchored } from "../chain/receiptLogEvents.ts";
import { type ReplayedBatch, replayBatches } from "../chain/replayBatches.ts";
import { signerAt, signerOf } from "../chain/staking.ts";
import { type Inclusion, leafOf } from "../protocol/batch.ts";
import { areAllOk, areSameAddress, type Check, checkSame, checkThat } from "../protocol/check.ts";
import { checkReceipt, type ReceiptCheckName, type ReceiptExpectation } from "../protocol/checkReceipt.ts";
import { merkleRoot } from "../protocol/merkle.ts";
import { type Receipt, receiptId } from "../protocol/receipt.ts";
import type { PortableReceipt } from "../protocol/receiptJson.ts";
import { checkSignature } from "../protocol/signature.ts";

/** What the client knows of its call; what is left out isn't looked at. */
export type KnownCall = Partial<
  Pick<ReceiptExpectation, "model" | "allowOtherServedModel" | "requestHash" | "response" | "maxPrice" | "previousOwed">
> & {
  /** The hash of the payment authorisation, for a call that no channel pays. */
  authorisation?: Hex;
};

/** In this order: first what the chain tells, then what the client knows. */
export type VerifiedCheckName = "log" | "signer" | "date" | "channel" | "equivocation" | "anchoring" | ReceiptCheckName;

export type ReceiptVerification = {
  receiptId: Hex;
  /** Whether every check is ok. */
  ok: boolean;
  checks: Check<VerifiedCheckName>[];
  /** Unix seconds; undefined: it isn't anchored, as far as was shown. */
  anchoredAt: number | undefined;
};

/**
 * Whether a receipt is one that its operator answers for: signed with the key it had at that time, about a channel that was
 * opened, anchored (or not yet due), contradicted by nothing that was shown, and of the call that the client knows. Needs no
 * key and sends nothing. Never throws for what the receipt holds.
 *
 * @throws ProtocolError `chain/…` where the chain can't be read
 */
export async function verifyReceipt(
  chain: Chain,
  portable: PortableReceipt,
  known: KnownCall = {},
): Promise<ReceiptVerification> {
  const { receipt, domain, inclusion } = portable;
  const id = receiptId(receipt, domain);
  const [terms, now] = await Promise.all([logTerms(chain), chainTime(chain)]);
  const anchored = inclusion && (await anchoringTime(chain, receipt, id, inclusion));
  const checks = [
    checkLog(chain, portable),
    await checkSigner(chain, portable, id),
    checkDate(receipt, now),
    await checkChannel(chain, receipt, known.authorisation),
    await checkEquivocation(chain, receipt),
    await checkAnchoring(chain, { receipt, id, terms, now, anchored, isShown: inclusion !== undefined }),
    ...(await checkCall(portable, known)),
  ];
  return { receiptId: id, ok: areAllOk(checks), checks, anchoredAt: anchored };
}

/** Of the chain and contract this network's receipts are for: under any other a signature means nothing here (R1). */
function checkLog({ chainId, addresses }: Chain, { domain }: PortableReceipt): Check<"log"> {
  const sameChain = checkSame("log", domain.chainId, chainId);
  if (!sameChain.ok) return { ...sameChain, detail: `its chain: ${sameChain.detail}` };
  return checkSame("log", domain.receipts.toLowerCase(), addresses.receipts.toLowerCase());
}

async function checkSigner(chain: Chain, { receipt, signature }: PortableReceipt, id: Hex): Promise<Check<"signer">> {
  const signer = await signerAt(chain, receipt.operatorId, receipt.issuedAt);
  const detail = `signed by ${signer}, operator ${receipt.operatorId}'s key at ${receipt.issuedAt}`;
  return await checkThat("signer", detail, () => checkSignature(id, signature, signer, "receipt"));
}

/** Dated ahead of the chain, its operator could still void it by changing its signer. */
function checkDate({ issuedAt }: Receipt, now: number): Check<"date"> {
  return { name: "date", ok: issuedAt <= now, detail: `issued at ${issuedAt}, the chain is at ${now}` };
}

async function checkChannel(chain: Chain, receipt: Receipt, authorisation?: Hex): Promise<Check<"channel">> {
  const name = "channel";
  if (authorisation !== undefined) return checkSame(name, receipt.channelId, authorisation);
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const events = await channelEvents(chain, { ...range, channelId: receipt.channelId });
  const opened = events.find((event) => event.kind === "opened");
  if (opened === undefined) return { name, ok: false, detail: `no channel ${receipt.channelId} was ever opened here` };
  if (opened.operatorId !== receipt.operatorId || !areSameAddress(opened.payer, receipt.payer)) {
    const detail = `that channel is of payer ${opened.payer} and operator ${opened.operatorId}`;
    return { name, ok: false, detail };
  }
  const deposited = events.reduce((most, event) => (event.kind === "funded" ? event.totalDeposited : most), 0n);
  const covered = receipt.cumulativeOwed <= deposited;
  return { name, ok: covered, detail: `${receipt.cumulativeOwed} are owed, ${deposited} base units were put in` };
}

async function checkEquivocation(chain: Chain, receipt: Receipt): Promise<Check<"equivocation">> {
  const shown = await isShown(chain, receipt);
  const detail = shown ? "the operator was shown to contradict itself here" : "nothing that contradicts it was shown";
  return { name: "equivocation", ok: !shown, detail };
}

type Anchoring = {
  receipt: Receipt;
  id: Hex;
  terms: LogTerms;
  now: number;
  anchored: number | undefined;
  /** An inclusion was given. */
  isShown: boolean;
};

async function checkAnchoring(chain: Chain, anchoring: Anchoring): Promise<Check<"anchoring">> {
  const { receipt, id, terms, now, anchored } = anchoring;
  const name = "anchoring";
  const no = (detail: string) => ({ name, ok: false, detail }) as const;
  if (anchored !== undefined) return { name, ok: true, detail: `anchored at ${anchored}` };
  if (anchoring.isShown) return no("what came with it doesn't lead to a batch that the operator has anchored");

  const dueAt = receipt.issuedAt + terms.anchorSeconds;
  if (now <= dueAt) return { name, ok: true, detail: `not shown yet, due at ${dueAt}` };
  const [{ status }, signer, current] = await Promise.all([
    challengeOf(chain, receipt.operatorId, id),
    signerAt(chain, receipt.operatorId, receipt.issuedAt),
    signerOf(chain, receipt.operatorId),
  ]);
  if (status === "answered") return { name, ok: true, detail: "challenged, and answered with a batch it is in" };
  if (status === "upheld") return no("challenged, and never anchored: the operator was slashed");
  // Whoever has stolen an old key can sign with old dates for ever; what was anchored then is older than that.
  const isOld = !areSameAddress(signer, current) && now > receipt.issuedAt + terms.evidenceSeconds;
  if (isOld) return no("not anchored, and signed with a key the operator has replaced: it proves nothing any more");
  const challengeUntil = dueAt + terms.challengeSeconds;
  const advice =
    now <= challengeUntil
      ? `ask the operator for its inclusion, or challenge until ${challengeUntil}`
      : "too late to challenge";
  return no(`it should have been anchored by ${dueAt}, and no inclusion came with it: ${advice}`);
}

/**
 * When the batch was anchored that an inclusion leads to, by the ring or, once that has gone round, by the log.
 * @param batchesOf all that an operator has anchored: from the log, unless it was read before
 * @returns unix seconds; undefined: it leads to none that the operator has anchored
 */
export async function anchoringTime(
  chain: Chain,
  { operatorId }: Pick<Receipt, "operatorId">,
  id: Hex,
  { batch, proof }: Inclusion,
  batchesOf = anchoredBatches,
): Promise<number | undefined> {
  if (merkleRoot(leafOf(id), proof) !== batch.root) return undefined;
  const inRing = await anchoredAt(chain, operatorId, batch);
  if (inRing !== 0) return inRing;
  return (await batchesOf(chain, operatorId)).find(({ batch: { root } }) => root === batch.root)?.anchoredAt;
}

/** All batches an operator has anchored, from the log since the network was deployed. */
export async function anchoredBatches(chain: Chain, operatorId: number): Promise<ReplayedBatch[]> {
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const [events, { batchCount }] = await Promise.all([
    batchesAnchored(chain, { ...range, operatorId }),
    logOf(chain, operatorId),
  ]);
  const lastWord = batchCount === 0 ? 0n : await batchWordAt(chain, operatorId, batchCount - 1);
  return replayBatches(events, { batchCount, lastWord });
}

async function checkCall(
  { receipt, signature, domain }: PortableReceipt,
  known: KnownCall,
): Promise<Check<ReceiptCheckName>[]> {
  const expected: ReceiptExpectation = {
    ...{ domain, signer: receipt.payer, operatorId: receipt.operatorId, payer: receipt.payer },
    channelId: receipt.channelId,
    model: receipt.model,
    requestHash: receipt.requestHash,
    response: { responseRoot: receipt.responseRoot, partCount: receipt.partCount },
    maxPrice: receipt.price,
    ...known,
  };
  const wanted = new Set<ReceiptCheckName>(["served-model", "cumulative-owed"]);
  if (known.model !== undefined) wanted.add("model");
  if (known.requestHash !== undefined) wanted.add("request");
  if (known.response !== undefined) wanted.add("response");
  if (known.maxPrice !== undefined) wanted.add("price");
  return (await checkReceipt({ receipt, signature }, expected)).filter(({ name }) => wanted.has(name));
}
