import type { Chain } from "../chain/clients.ts";
import { gatewaysAnnounced } from "../chain/receiptLogEvents.ts";
import type { GatewayPlace } from "./operators.ts";

/** Blocks looked through again: an RPC of several machines may know a block before its logs. */
const OVERLAP_BLOCKS = 8n;

/**
 * Where operators say on chain that their gateways are: the newest of each. The chain is read through once, then what is new.
 * @param fixed places that are known beforehand, and stand against what the chain says
 */
export function createGatewayPlaces(
  chain: Chain,
  fixed: readonly GatewayPlace[],
): () => Promise<readonly GatewayPlace[]> {
  const urls = new Map<number, string>();
  let fromBlock = BigInt(chain.addresses.deployedAtBlock);
  return async () => {
    const toBlock = await chain.publicClient.getBlockNumber();
    for (const { operatorId, uri } of await gatewaysAnnounced(chain, { fromBlock, toBlock })) urls.set(operatorId, uri);
    if (toBlock - OVERLAP_BLOCKS > fromBlock) fromBlock = toBlock - OVERLAP_BLOCKS;
    for (const { operatorId, url } of fixed) urls.set(operatorId, url);
    return [...urls]
      .filter(([, url]) => url !== "")
      .map(([operatorId, url]) => ({ operatorId, url: withoutSlash(url) }));
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
