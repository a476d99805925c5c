import { type Address, encodeFunctionData, type Hex } from "viem";
import { jobEscrowAbi } from "./abi/jobEscrow.ts";
import type { NetworkAddresses } from "./addresses.ts";
import type { Chain } from "./clients.ts";
import { type BlockRange, type ContractCall, type LogPlace, placeOf } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";
import { readLogs } from "./logRanges.ts";

/** What a publisher says of a model; the first five fields and the publisher are its identity. */
export type ModelListing = {
  manifestHash: Hex;
  graphRoot: Hex;
  weightRoot: Hex;
  bitExact: boolean;
  maxResultBytes: number;
  /** Lowest fee of a job, OPG base units. */
  price: bigint;
  royaltyPpm: number;
  royaltyRecipient: Address;
};

/** What a job must meet, as it stands now; all zero for an unknown model. */
export type ModelTerms = {
  /** OPG base units. */
  price: bigint;
  royaltyPpm: number;
  maxResultBytes: number;
  bitExact: boolean;
  retired: boolean;
  published: boolean;
};

export type ModelPublished = {
  modelId: Hex;
  publisher: Address;
  manifestHash: Hex;
  manifestUri: string;
  listing: ModelListing;
  place: LogPlace;
};

/** Terms for a new job. */
export async function modelTermsOf({ publicClient, addresses }: Chain, modelId: Hex): Promise<ModelTerms> {
  return publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "termsOf", args: [modelId] })
    .catch(rethrow);
}

/** Who published the model; the zero address for an unknown one. */
export async function publisherOf({ publicClient, addresses }: Chain, modelId: Hex): Promise<Address> {
  return publicClient
    .readContract({ address: addresses.escrow, abi: jobEscrowAbi, functionName: "publisherOf", args: [modelId] })
    .catch(rethrow);
}

/** Publications, oldest first. */
export async function modelsPublished(
  chain: Chain,
  { modelId, ...wanted }: BlockRange & { modelId?: Hex },
): Promise<ModelPublished[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    publicClient.getContractEvents({
      address: addresses.escrow,
      abi: jobEscrowAbi,
      eventName: "ModelPublished",
      args: modelId === undefined ? {} : { modelId },
      strict: true,
      ...range,
    }),
  );
  return logs.map((log) => ({ ...log.args, place: placeOf(log) }));
}

export function encodePublish({ escrow }: NetworkAddresses, listing: ModelListing, manifestUri: string): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "publish", args: [listing, manifestUri] });
  return { to: escrow, data, name: "JobEscrow.publish" };
}

/** @param price lowest fee of a job, OPG base units */
export function encodeSetPrice(
  { escrow }: NetworkAddresses,
  modelId: Hex,
  price: bigint,
  royaltyPpm: number,
): ContractCall {
  const data = encodeFunctionData({
    abi: jobEscrowAbi,
    functionName: "setPrice",
    args: [modelId, price, royaltyPpm],
  });
  return { to: escrow, data, name: "JobEscrow.setPrice" };
}

export function encodeRetire({ escrow }: NetworkAddresses, modelId: Hex): ContractCall {
  const data = encodeFunctionData({ abi: jobEscrowAbi, functionName: "retire", args: [modelId] });
  return { to: escrow, data, name: "JobEscrow.retire" };
}
