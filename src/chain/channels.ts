import { type Address, encodeFunctionData, type Hex, zeroHash } from "viem";
import type { Channel, Funding } from "../protocol/channel.ts";
import { voucherEscrowAbi } from "./abi/voucherEscrow.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** Where a network's `VoucherEscrow` is. */
export type VouchersAddress = { vouchers: Address };

/** A connection to a network with a `VoucherEscrow`. */
export type VouchersChain = Pick<Chain, "publicClient"> & { addresses: VouchersAddress };

/** Whose channel; the `VoucherEscrow` keeps one at a time of the three. */
export type ChannelParties = Omit<Channel, "opening">;

/** Where a channel stands. Amounts are OPG base units. */
export type ChannelStatus = {
  /** Of the channel that is open, or of the last that was. */
  opening: number;
  /** Taken in since it opened; zero: none is open. */
  deposited: bigint;
  /** Of it, by the operator. */
  claimed: bigint;
  /** Unix seconds from which the rest can go back; zero: the payer hasn't asked. */
  exitsAt: number;
};

/** An ERC-2612 permit of the payer for the `VoucherEscrow`. */
export type Permit = { value: bigint; deadline: bigint; v: number; r: Hex; s: Hex };

/** Brought where there is none: the payer has allowed the amount already. */
const NO_PERMIT: Permit = { value: 0n, deadline: 0n, v: 0, r: zeroHash, s: zeroHash };

/**
 * Where the channel of the three stands.
 * @param blockNumber at the end of this block; of the latest one the RPC has unless told
 */
export async function channelOf(
  { publicClient, addresses }: VouchersChain,
  { payer, operatorId, voucherKey }: ChannelParties,
  blockNumber?: bigint,
): Promise<ChannelStatus> {
  return publicClient
    .readContract({
      address: addresses.vouchers,
      abi: voucherEscrowAbi,
      functionName: "channelOf",
      args: [payer, operatorId, voucherKey],
      ...(blockNumber !== undefined && { blockNumber }),
    })
    .catch(rethrow);
}

/** Claimed by an operator and not harvested yet, OPG base units. */
export async function callEarningsOf({ publicClient, addresses }: VouchersChain, operatorId: number): Promise<bigint> {
  return publicClient
    .readContract({
      address: addresses.vouchers,
      abi: voucherEscrowAbi,
      functionName: "earningsOf",
      args: [operatorId],
    })
    .catch(rethrow);
}

/** Whether new channels and top-ups are stopped. */
export async function areChannelsPaused({ publicClient, addresses }: VouchersChain): Promise<boolean> {
  return publicClient
    .readContract({ address: addresses.vouchers, abi: voucherEscrowAbi, functionName: "channelsPaused" })
    .catch(rethrow);
}

/** Between a payer's request to leave a channel and the earliest close, seconds. */
export async function exitSecondsOf({ publicClient, addresses }: VouchersChain): Promise<number> {
  const seconds = await publicClient
    .readContract({ address: addresses.vouchers, abi: voucherEscrowAbi, functionName: "EXIT_SECONDS" })
    .catch(rethrow);
  return Number(seconds);
}

/**
 * Opens the sender's channel or tops it up to `totalDeposited`.
 * @param permit of the sender; without it, the `VoucherEscrow` must be allowed the amount
 */
export function encodeFund({ vouchers }: VouchersAddress, funding: Funding, permit?: Permit): ContractCall {
  const data =
    permit === undefined
      ? encodeFunctionData({ abi: voucherEscrowAbi, functionName: "fund", args: [funding] })
      : encodeFunctionData({ abi: voucherEscrowAbi, functionName: "fundWithPermit", args: [funding, permit] });
  return { to: vouchers, data, name: `VoucherEscrow.${permit === undefined ? "fund" : "fundWithPermit"}` };
}

/**
 * Funds the channel of a payer who isn't the sender.
 * @param signature the payer's, over the funding
 * @param permit of the payer; without it, the `VoucherEscrow` must be allowed the amount
 */
export function encodeFundWithSignature(
  { vouchers }: VouchersAddress,
  funding: Funding,
  signature: Hex,
  permit: Permit = NO_PERMIT,
): ContractCall {
  const data = encodeFunctionData({
    abi: voucherEscrowAbi,
    functionName: "fundWithSignature",
    args: [funding, signature, permit],
  });
  return { to: vouchers, data, name: "VoucherEscrow.fundWithSignature" };
}

/** @param packed vouchers of this operator, see `packVouchers` */
export function encodeClaim({ vouchers }: VouchersAddress, operatorId: number, packed: Hex): ContractCall {
  const data = encodeFunctionData({ abi: voucherEscrowAbi, functionName: "claim", args: [operatorId, packed] });
  return { to: vouchers, data, name: "VoucherEscrow.claim" };
}

/** The payer's, or the voucher key's. */
export function encodeStartExit(
  { vouchers }: VouchersAddress,
  { payer, operatorId, voucherKey }: ChannelParties,
): ContractCall {
  const args = [payer, operatorId, voucherKey] as const;
  const data = encodeFunctionData({ abi: voucherEscrowAbi, functionName: "startExit", args });
  return { to: vouchers, data, name: "VoucherEscrow.startExit" };
}

/** Anyone's, once the exit's time has passed. */
export function encodeClose(
  { vouchers }: VouchersAddress,
  { payer, operatorId, voucherKey }: ChannelParties,
): ContractCall {
  const args = [payer, operatorId, voucherKey] as const;
  const data = encodeFunctionData({ abi: voucherEscrowAbi, functionName: "close", args });
  return { to: vouchers, data, name: "VoucherEscrow.close" };
}
