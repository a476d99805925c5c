import { type Address, encodeFunctionData, type Hex } from "viem";
import type { Job } from "../protocol/job.ts";
import { jobEscrowAbi } from "./abi/jobEscrow.ts";
import type { NetworkAddresses } from "./addresses.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** Where a job stands; `none` when it was never opened or its key has been used again. Only `open` has money in it. */
export type JobStatus = (typeof JOB_STATUSES)[number];

const JOB_STATUSES = ["none", "open", "settled", "undelivered", "refunded"] as const;

/** `JobEscrow`'s constants of the same names. */
export const MAX_INPUT_BYTES = 8192;
export const MAX_CONSUMER_GAS = 2_000_000;
export const REFUND_GRACE_SECONDS = 86_400;

/** An account's ledger balance, OPG base units. */
export async function ledgerBalanceOf({ publicClient, addresses }: Chain, account: Address): Promise<bigint> {
  return publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "balanceOf", args: [account] })
    .catch(rethrow);
}

/** The sequence the next job of this key must carry, and whether the key holds a live job. */
export async function nextSequence(
  { publicClient, addresses }: Chain,
  payer: Address,
  key: bigint,
): Promise<{ sequence: number; isBusy: boolean }> {
  const [sequence, isBusy] = await publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "nextSequence", args: [payer, key] })
    .catch(rethrow);
  return { sequence, isBusy };
}

/** Current protocol fee, its recipient, and whether new jobs are stopped. */
export async function protocolFee({
  publicClient,
  addresses,
}: Chain): Promise<{ recipient: Address; protocolFeePpm: number; isPaused: boolean }> {
  const [recipient, protocolFeePpm, isPaused] = await publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "protocolFee" })
    .catch(rethrow);
  return { recipient, protocolFeePpm, isPaused };
}

/**
 * Where a job stands and, when it has one, the hash of the result that stands.
 * @param blockNumber at the end of this block; of the latest one the RPC has unless told
 */
export async function resultOf(
  { publicClient, addresses }: Chain,
  job: Job,
  blockNumber?: bigint,
): Promise<{ status: JobStatus; resultHash: Hex }> {
  const [status, resultHash] = await publicClient
    .readContract({
      address: addresses.escrow,
      abi: jobEscrowAbi,
      functionName: "resultOf",
      args: [job],
      ...(blockNumber !== undefined && { blockNumber }),
    })
    .catch(rethrow);
  return { status: JOB_STATUSES[status] ?? "none", resultHash };
}

/** Royalty and protocol fee accrued by a model and not claimed, OPG base units. */
export async function accrualsOf(
  { publicClient, addresses }: Chain,
  modelId: Hex,
): Promise<{ royalty: bigint; protocolFee: bigint }> {
  const [royalty, accruedFee] = await publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "accrualsOf", args: [modelId] })
    .catch(rethrow);
  return { royalty, protocolFee: accruedFee };
}

export function encodeDeposit({ escrow }: NetworkAddresses, account: Address, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "deposit", args: [account, amount] });
  return { to: escrow, data, name: "JobEscrow.deposit" };
}

export function encodeWithdraw({ escrow }: NetworkAddresses, to: Address, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "withdraw", args: [to, amount] });
  return { to: escrow, data, name: "JobEscrow.withdraw" };
}

/** @param input the input bytes, or the URI's bytes when `job.inputUriHash` isn't zero */
export function encodeOpen({ escrow }: NetworkAddresses, job: Job, input: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "open", args: [job, input] });
  return { to: escrow, data, name: "JobEscrow.open" };
}

/** @param signature the payer's, over the jobId */
export function encodeOpenWithSignature(
  { escrow }: NetworkAddresses,
  job: Job,
  input: Hex,
  signature: Hex,
): ContractCall {
  const data = encodeFunctionData({
    abi: jobEscrowAbi,
    functionName: "openWithSignature",
    args: [job, input, signature],
  });
  return { to: escrow, data, name: "JobEscrow.openWithSignature" };
}

export function encodeCancelNonces({ escrow }: NetworkAddresses, key: bigint, sequence: number): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "cancelNonces", args: [sequence, key] });
  return { to: escrow, data, name: "JobEscrow.cancelNonces" };
}

/**
 * @param result the result bytes; `0x` to conclude that there is no result
 * @param evidence for the verifier, see `encodeEvidence`
 */
export function encodeSettle({ escrow }: NetworkAddresses, job: Job, result: Hex, evidence: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "settle", args: [result, evidence, job] });
  return { to: escrow, data, name: "JobEscrow.settle" };
}

export function encodeRefund({ escrow }: NetworkAddresses, job: Job): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "refund", args: [job] });
  return { to: escrow, data, name: "JobEscrow.refund" };
}

export function encodeDeliver({ escrow }: NetworkAddresses, job: Job, result: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "deliver", args: [job, result] });
  return { to: escrow, data, name: "JobEscrow.deliver" };
}

export function encodeClaimRoyalty({ escrow }: NetworkAddresses, modelId: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "claimRoyalty", args: [modelId] });
  return { to: escrow, data, name: "JobEscrow.claimRoyalty" };
}

export function encodeClaimProtocolFee({ escrow }: NetworkAddresses, modelId: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "claimProtocolFee", args: [modelId] });
  return { to: escrow, data, name: "JobEscrow.claimProtocolFee" };
}
