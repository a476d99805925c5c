import type { ClientActions } from "./clientActions.ts";
import type { BlockRange } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";

type Part = { fromBlock: bigint; toBlock: bigint };

/**
 * What logs say, oldest first: asked for at once, and where an RPC doesn't look through so many blocks, in parts that it
 * does. What those are each provider decides for itself, and words its refusal as it likes.
 * @param read asks for the logs of a range
 * @throws ProtocolError what `read` throws for a single block, `chain/rpc-down` (retryable)
 */
export async function inParts<T>(
  { publicClient }: { publicClient: Pick<ClientActions, "getBlockNumber"> },
  { fromBlock, toBlock }: BlockRange,
  read: (range: BlockRange) => Promise<T[]>,
): Promise<T[]> {
  try {
    return await read({ fromBlock, toBlock });
  } catch (error) {
    // An RPC that is down doesn't answer this either.
    const last = toBlock === "latest" ? await publicClient.getBlockNumber({ cacheTime: 0 }).catch(rethrow) : toBlock;
    if (last <= fromBlock) throw error;
    return readParts({ fromBlock, toBlock: last }, read);
  }
}

async function readParts<T>({ fromBlock, toBlock }: Part, read: (range: Part) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  let blocks = (toBlock - fromBlock + 1n) / 2n;
  for (let first = fromBlock; first <= toBlock; ) {
    const end = first + blocks - 1n;
    const part = { fromBlock: first, toBlock: end < toBlock ? end : toBlock };
    try {
      for (const item of await read(part)) found.push(item);
      first = part.toBlock + 1n;
    } catch (error) {
      if (blocks === 1n) throw error;
      blocks /= 2n;
    }
  }
  return found;
}
