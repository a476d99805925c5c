import type { Chain } from "./clients.ts";
import type { BlockRange } from "./contractCall.ts";
import { toProtocolError } from "./contractErrors.ts";

/** How RPCs that answer, if with an error worth trying again, say that a request looks through or finds too much. */
const TOO_MUCH =
  /status 413|block range|ranges? over|too (large|wide|big)|too many (blocks|results|logs)|more than \d+|limited to|response size|(exceed|max|limit)\w* .{0,20}(range|block|result|log|size)|(range|block|result|log|size)\w* .{0,20}(exceed|limit)/i;

/**
 * Reads logs over a range in as few requests as the RPC lets: all at once, or in halves of halves where it refuses that.
 * How much is too much each provider decides for itself, and words as it likes.
 * @param read one request; its failures as they come
 * @throws ProtocolError as {@link toProtocolError}
 */
export async function readLogs<Log>(
  chain: Pick<Chain, "publicClient">,
  range: BlockRange,
  read: (range: BlockRange) => Promise<Log[]>,
): Promise<Log[]> {
  try {
    return await read(range);
  } catch (cause) {
    const error = toProtocolError(cause);
    if (error.isRetryable && !TOO_MUCH.test(error.message)) throw error;
    const { fromBlock } = range;
    const toBlock = range.toBlock === "latest" ? await chain.publicClient.getBlockNumber() : range.toBlock;
    if (toBlock <= fromBlock) throw error;
    const middle = (fromBlock + toBlock) / 2n;
    const older = await readLogs(chain, { fromBlock, toBlock: middle }, read);
    return [...older, ...(await readLogs(chain, { fromBlock: middle + 1n, toBlock }, read))];
  }
}
