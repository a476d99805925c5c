import { type Address, encodeFunctionData, type Hex } from "viem";
import { operatorStakingAbi } from "./abi/operatorStaking.ts";
import type { NetworkAddresses } from "./addresses.ts";
import type { Chain } from "./clients.ts";
import type { ContractCall } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

/** Owner and own money of an operator, OPG base units. */
export type OperatorStake = {
  owner: Address;
  /** Backs nothing yet. */
  unallocated: bigint;
  /** Unallocated and all allocations' active part. */
  active: bigint;
  /** Withdrawable now. */
  claimable: bigint;
};

/** What an operator has allocated to a verifier, OPG base units. */
export type Allocation = {
  active: bigint;
  /** Slashable until `releasesAt`, withdrawable after. */
  leaving: bigint;
  /** Unix seconds. */
  releasesAt: number;
};

/** The operator owned by this account; 0 if none. */
export async function operatorOf({ publicClient, addresses }: Chain, owner: Address): Promise<number> {
  return publicClient
    .readContract({ address: addresses.staking, abi: operatorStakingAbi, functionName: "operatorOf", args: [owner] })
    .catch(rethrow);
}

/** The current signer. */
export async function signerOf({ publicClient, addresses }: Chain, operatorId: number): Promise<Address> {
  return publicClient
    .readContract({ address: addresses.staking, abi: operatorStakingAbi, functionName: "signerOf", args: [operatorId] })
    .catch(rethrow);
}

/** The operator whose current signer this is, by `OperatorStaking`; 0 if none. */
export async function operatorSignedBy({ publicClient, addresses }: Chain, signer: Address): Promise<number> {
  return publicClient
    .readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "operatorOfSigner",
      args: [signer],
    })
    .catch(rethrow);
}

/** The signer an operator had at the end of a second; zero address if none yet. @param timestamp unix seconds */
export async function signerAt(
  { publicClient, addresses }: Chain,
  operatorId: number,
  timestamp: number,
): Promise<Address> {
  return publicClient
    .readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "signerAt",
      args: [operatorId, timestamp],
    })
    .catch(rethrow);
}

export async function stakeOf({ publicClient, addresses }: Chain, operatorId: number): Promise<OperatorStake> {
  return publicClient
    .readContract({ address: addresses.staking, abi: operatorStakingAbi, functionName: "stakeOf", args: [operatorId] })
    .catch(rethrow);
}

export async function allocationOf(
  { publicClient, addresses }: Chain,
  operatorId: number,
  verifier: Address = addresses.verifier,
): Promise<Allocation> {
  return publicClient
    .readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "allocationOf",
      args: [operatorId, verifier],
    })
    .catch(rethrow);
}

/** How much active allocation an operator allows a verifier, OPG base units. */
export async function verifierAllowanceOf(
  { publicClient, addresses }: Chain,
  operatorId: number,
  verifier: Address = addresses.verifier,
): Promise<bigint> {
  return publicClient
    .readContract({
      address: addresses.staking,
      abi: operatorStakingAbi,
      functionName: "allowanceOf",
      args: [operatorId, verifier],
    })
    .catch(rethrow);
}

/** @param deadline unix seconds until which the consent holds; 0 and an empty consent when the signer is the caller */
export function encodeRegister(
  { staking }: NetworkAddresses,
  signer: Address,
  deadline: bigint,
  consent: Hex,
): ContractCall {
  const data = encodeFunctionData({
    abi: operatorStakingAbi,
    functionName: "register",
    args: [signer, deadline, consent],
  });
  return { to: staking, data, name: "OperatorStaking.register" };
}

export function encodeRotateSigner(
  { staking }: NetworkAddresses,
  signer: Address,
  deadline: bigint,
  consent: Hex,
): ContractCall {
  const data = encodeFunctionData({
    abi: operatorStakingAbi,
    functionName: "rotateSigner",
    args: [signer, deadline, consent],
  });
  return { to: staking, data, name: "OperatorStaking.rotateSigner" };
}

export function encodeStake({ staking }: NetworkAddresses, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "stake", args: [amount] });
  return { to: staking, data, name: "OperatorStaking.stake" };
}

export function encodeAllowVerifier({ staking }: NetworkAddresses, verifier: Address, max: bigint): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "allowVerifier", args: [verifier, max] });
  return { to: staking, data, name: "OperatorStaking.allowVerifier" };
}

export function encodeUnbond({ staking }: NetworkAddresses, amount: bigint): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "unbond", args: [amount] });
  return { to: staking, data, name: "OperatorStaking.unbond" };
}

export function encodeRelease({ staking }: NetworkAddresses, operatorId: number, verifier: Address): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "release", args: [operatorId, verifier] });
  return { to: staking, data, name: "OperatorStaking.release" };
}

export function encodeHarvest({ staking }: NetworkAddresses, operatorId: number, verifier: Address): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "harvest", args: [operatorId, verifier] });
  return { to: staking, data, name: "OperatorStaking.harvest" };
}

/** Pays out everything claimable. */
export function encodeWithdrawStake({ staking }: NetworkAddresses, to: Address): ContractCall {
  const data = encodeFunctionData({ abi: operatorStakingAbi, functionName: "withdraw", args: [to] });
  return { to: staking, data, name: "OperatorStaking.withdraw" };
}
