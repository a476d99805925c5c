import { type Address, encodeFunctionData, type Hex } from "viem";
import type { Batch, BatchContent, Inclusion } from "../protocol/batch.ts";
import type { Link } from "../protocol/contradiction.ts";
import { onChainReceipt, type Receipt, type SignedPart, type SignedReceipt } from "../protocol/receipt.ts";
import { receiptLogAbi } from "./abi/receiptLog.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** Where a network's `ReceiptLog` is. */
export type ReceiptsAddress = { receipts: Address };

/** A connection to a network with a `ReceiptLog`. */
export type ReceiptsChain = Pick<Chain, "publicClient"> & { addresses: ReceiptsAddress };

/** `ReceiptLog`'s constants of the same names. */
export const RING_SIZE = 256;
export const CLOCK_MARGIN_SECONDS = 600;

/** Windows in seconds, stakes in OPG base units; fixed. */
export type LogTerms = {
  /** From a receipt's time until it must be in a root. */
  anchorSeconds: number;
  /** After that, in which its omission can be challenged. */
  challengeSeconds: number;
  /** From a challenge until it must be answered. */
  answerSeconds: number;
  /** From the later of two times until an equivocation can be shown. */
  evidenceSeconds: number;
  omissionSlash: bigint;
  equivocationSlash: bigint;
};

/** Where an operator's log stands. */
export type LogStatus = {
  /** Who may anchor. */
  signer: Address;
  /** Batches anchored so far: the next one's number. */
  batchCount: number;
  /** Of its sequences, the current one; zero before the first. */
  incarnation: number;
};

/** Where the challenge of a receipt's omission stands. */
export type ChallengeStatus = (typeof CHALLENGE_STATUSES)[number];

const CHALLENGE_STATUSES = ["none", "open", "answered", "upheld"] as const;
const BOND_UNIT = 10n ** 12n;

export type Challenge = {
  challenger: Address;
  /** Unix seconds. */
  answerBy: number;
  /** OPG base units. */
  bond: bigint;
  status: ChallengeStatus;
};

export async function logTerms({ publicClient, addresses }: ReceiptsChain): Promise<LogTerms> {
  return publicClient
    .readContract({ address: addresses.receipts, abi: receiptLogAbi, functionName: "terms" })
    .catch(rethrow);
}

/** Least time between two anchorings of an operator, seconds. */
export async function anchorIntervalOf({ publicClient, addresses }: ReceiptsChain): Promise<number> {
  const seconds = await publicClient
    .readContract({ address: addresses.receipts, abi: receiptLogAbi, functionName: "ANCHOR_INTERVAL_SECONDS" })
    .catch(rethrow);
  return Number(seconds);
}

/** What a challenge costs, OPG base units. */
export async function challengeBond({ publicClient, addresses }: ReceiptsChain): Promise<bigint> {
  return publicClient
    .readContract({ address: addresses.receipts, abi: receiptLogAbi, functionName: "challengeBond" })
    .catch(rethrow);
}

/** The standing bond that isn't leaving, OPG base units. */
export async function standingBondOf({ publicClient, addresses }: ReceiptsChain, operatorId: number): Promise<bigint> {
  return publicClient
    .readContract({ address: addresses.receipts, abi: receiptLogAbi, functionName: "bondOf", args: [operatorId] })
    .catch(rethrow);
}

export async function logOf({ publicClient, addresses }: ReceiptsChain, operatorId: number): Promise<LogStatus> {
  const [signer, batchCount, incarnation] = await publicClient
    .readContract({ address: addresses.receipts, abi: receiptLogAbi, functionName: "logOf", args: [operatorId] })
    .catch(rethrow);
  return { signer, batchCount: Number(batchCount), incarnation: Number(incarnation) };
}

/** The word at the place of an operator's batch; another batch's once the ring has gone round, zero if it was never used. */
export async function batchWordAt(
  { publicClient, addresses }: ReceiptsChain,
  operatorId: number,
  number: number,
): Promise<bigint> {
  return publicClient
    .readContract({
      address: addresses.receipts,
      abi: receiptLogAbi,
      functionName: "batchWordAt",
      args: [operatorId, BigInt(number)],
    })
    .catch(rethrow);
}

/** When a batch was anchored, unix seconds; zero if it isn't in the operator's ring (any more). */
export async function anchoredAt(
  { publicClient, addresses }: ReceiptsChain,
  operatorId: number,
  batch: Batch,
): Promise<number> {
  const timestamp = await publicClient
    .readContract({
      address: addresses.receipts,
      abi: receiptLogAbi,
      functionName: "anchoredAt",
      args: [operatorId, batch],
    })
    .catch(rethrow);
  return Number(timestamp);
}

export async function challengeOf(
  { publicClient, addresses }: ReceiptsChain,
  operatorId: number,
  receiptId: Hex,
): Promise<Challenge> {
  const { challenger, answerBy, bondUnits, status } = await publicClient
    .readContract({
      address: addresses.receipts,
      abi: receiptLogAbi,
      functionName: "challengeOf",
      args: [operatorId, receiptId],
    })
    .catch(rethrow);
  return {
    challenger,
    answerBy,
    bond: BigInt(bondUnits) * BOND_UNIT,
    status: CHALLENGE_STATUSES[status] ?? "none",
  };
}

/** Whether an equivocation of the sequence was shown. */
export async function isShown(
  { publicClient, addresses }: ReceiptsChain,
  { operatorId, channelId, sequence }: Pick<Receipt, "operatorId" | "channelId" | "sequence">,
): Promise<boolean> {
  return publicClient
    .readContract({
      address: addresses.receipts,
      abi: receiptLogAbi,
      functionName: "isShown",
      args: [operatorId, channelId, sequence],
    })
    .catch(rethrow);
}

/** @param amount OPG base units, out of the owner's stake that backs nothing */
export function encodeJoinLog({ receipts }: ReceiptsAddress, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "join", args: [amount] });
  return { to: receipts, data, name: "ReceiptLog.join" };
}

/** @param amount OPG base units */
export function encodeLeaveLog({ receipts }: ReceiptsAddress, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "leave", args: [amount] });
  return { to: receipts, data, name: "ReceiptLog.leave" };
}

export function encodeSyncLogSigner({ receipts }: ReceiptsAddress, operatorId: number): ContractCall {
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "syncSigner", args: [operatorId] });
  return { to: receipts, data, name: "ReceiptLog.syncSigner" };
}

/**
 * @param incarnation one more than the last
 * @param life 32 random bytes of this process: two that start at once must not send the same transaction
 */
export function encodeStartIncarnation(
  { receipts }: ReceiptsAddress,
  operatorId: number,
  incarnation: number,
  life: Hex,
): ContractCall {
  const args = [operatorId, incarnation, life] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "startIncarnation", args });
  return { to: receipts, data, name: "ReceiptLog.startIncarnation" };
}

/** @param uri base URL of the operator's gateway; empty: it answers nowhere any more */
export function encodeAnnounceGateway({ receipts }: ReceiptsAddress, operatorId: number, uri: string): ContractCall {
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "announceGateway", args: [operatorId, uri] });
  return { to: receipts, data, name: "ReceiptLog.announceGateway" };
}

/**
 * @param packed vouchers of this operator, see `packVouchers`; `0x` for none
 * @param uri where the batch's data is; empty: where the operator's gateway serves it
 */
export function encodeAnchor(
  { receipts }: ReceiptsAddress,
  operatorId: number,
  { root, count, dataHash }: Pick<BatchContent, "root" | "count" | "dataHash">,
  packed: Hex = "0x",
  uri = "",
): ContractCall {
  const args = [uri, operatorId, count, root, packed, dataHash] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "anchor", args });
  return { to: receipts, data, name: "ReceiptLog.anchor" };
}

export function encodeChallengeOmission({ receipts }: ReceiptsAddress, signed: SignedReceipt): ContractCall {
  const args = [onChain(signed)] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "challengeOmission", args });
  return { to: receipts, data, name: "ReceiptLog.challengeOmission" };
}

export function encodeAnswerOmission(
  { receipts }: ReceiptsAddress,
  receipt: Receipt,
  inclusion: Inclusion,
): ContractCall {
  const args = [onChainReceipt(receipt), inclusion] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "answerOmission", args });
  return { to: receipts, data, name: "ReceiptLog.answerOmission" };
}

export function encodeUpholdOmission({ receipts }: ReceiptsAddress, operatorId: number, receiptId: Hex): ContractCall {
  const args = [operatorId, receiptId] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "upholdOmission", args });
  return { to: receipts, data, name: "ReceiptLog.upholdOmission" };
}

/** @param bountyTo the operator that gets the bounty; zero: none */
export function encodeShowReceipts(
  { receipts }: ReceiptsAddress,
  a: SignedReceipt,
  b: SignedReceipt,
  bountyTo = 0,
): ContractCall {
  const args = [onChain(a), onChain(b), bountyTo] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "showReceipts", args });
  return { to: receipts, data, name: "ReceiptLog.showReceipts" };
}

/**
 * @param links from the receipt's root back to the running hash after the part's index, see `linksBack`
 * @param bountyTo the operator that gets the bounty; zero: none
 */
export function encodeShowReceiptAndPart(
  { receipts }: ReceiptsAddress,
  receipt: SignedReceipt,
  part: SignedPart,
  links: readonly Link[],
  bountyTo = 0,
): ContractCall {
  const args = [onChain(receipt), part, links, bountyTo] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "showReceiptAndPart", args });
  return { to: receipts, data, name: "ReceiptLog.showReceiptAndPart" };
}

/**
 * @param later of the same or a higher index than `earlier`
 * @param links from the later one's running hash back to the one after the earlier one's index, see `linksBack`
 * @param bountyTo the operator that gets the bounty; zero: none
 */
export function encodeShowParts(
  { receipts }: ReceiptsAddress,
  later: SignedPart,
  earlier: SignedPart,
  links: readonly Link[],
  bountyTo = 0,
): ContractCall {
  const args = [later, earlier, links, bountyTo] as const;
  const data = encodeFunctionData({ abi: receiptLogAbi, functionName: "showParts", args });
  return { to: receipts, data, name: "ReceiptLog.showParts" };
}

function onChain({ receipt, signature }: SignedReceipt) {
  return { receipt: onChainReceipt(receipt), signature };
}
