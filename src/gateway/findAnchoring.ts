import { type Hex, isAddressEqual, type Log, parseEventLogs } from "viem";
import { receiptLogAbi } from "../chain/abi/receiptLog.ts";
import { rethrow } from "../chain/contractErrors.ts";
import { batchWordAt, logOf, type ReceiptsChain, RING_SIZE } from "../chain/receiptLog.ts";
import { batchesAnchored } from "../chain/receiptLogEvents.ts";
import { replayBatches } from "../chain/replayBatches.ts";
import { anchoredAtOf, type Batch, batchWord } from "../protocol/batch.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { AnchoringRecord } from "../store/batches.ts";

/** A batch that was anchored, without its place in the operator's log. */
type Anchored = Pick<Batch, "root" | "count" | "dataHash">;

/** When the operator last anchored, unix seconds; zero: never. */
export async function lastAnchoringAt(chain: ReceiptsChain, operatorId: number): Promise<number> {
  const { batchCount } = await logOf(chain, operatorId);
  return batchCount === 0 ? 0 : anchoredAtOf(await batchWordAt(chain, operatorId, batchCount - 1));
}

/**
 * The number, the word before and the time of the batch that a transaction has anchored: by its event, its block's time
 * and the words of the ring; by the whole log, once the ring has gone round.
 * @throws ProtocolError `gateway/anchoring-not-found` (retryable) when the RPC doesn't show what was mined, `chain/…`
 */
export async function findAnchoring(
  chain: ReceiptsChain,
  operatorId: number,
  batch: Anchored,
  transactionHash: Hex,
): Promise<AnchoringRecord> {
  const { logs, blockHash } = await chain.publicClient.getTransactionReceipt({ hash: transactionHash }).catch(rethrow);
  if (!logs.some((log) => isAnchoring(chain, operatorId, batch, log))) throw notFound(batch.root, transactionHash);
  const block = await chain.publicClient.getBlock({ blockHash }).catch(rethrow);
  const anchoredAt = Number(block.timestamp);
  const place =
    (await placeInRing(chain, operatorId, batch, anchoredAt)) ?? (await placeInLog(chain, operatorId, transactionHash));
  if (place === undefined) throw notFound(batch.root, transactionHash);
  return { ...place, anchoredAt };
}

function isAnchoring({ addresses }: ReceiptsChain, operatorId: number, batch: Anchored, log: Log): boolean {
  if (!isAddressEqual(log.address, addresses.receipts)) return false;
  const [event] = parseEventLogs({ abi: receiptLogAbi, eventName: "BatchAnchored", logs: [log] });
  return event?.args.operatorId === operatorId && event.args.root === batch.root;
}

/** From the newest word back to the one of that time: an operator anchors once in a block at most. */
async function placeInRing(chain: ReceiptsChain, operatorId: number, batch: Anchored, anchoredAt: number) {
  const { batchCount } = await logOf(chain, operatorId);
  const oldest = Math.max(0, batchCount - RING_SIZE);
  for (let number = batchCount - 1; number >= oldest; number--) {
    const word = await batchWordAt(chain, operatorId, number);
    if (anchoredAtOf(word) > anchoredAt) continue;
    const previousWord = number === 0 ? 0n : await batchWordAt(chain, operatorId, number - 1);
    return batchWord({ ...batch, previousWord }, anchoredAt) === word ? { number, previousWord } : undefined;
  }
  return undefined;
}

async function placeInLog(
  chain: ReceiptsChain & { addresses: { deployedAtBlock?: number } },
  operatorId: number,
  transactionHash: Hex,
) {
  const fromBlock = BigInt(chain.addresses.deployedAtBlock ?? 0);
  const [events, { batchCount }] = await Promise.all([
    batchesAnchored(chain, { operatorId, fromBlock, toBlock: "latest" }),
    logOf(chain, operatorId),
  ]);
  const lastWord = batchCount === 0 ? 0n : await batchWordAt(chain, operatorId, batchCount - 1);
  const at = events.findIndex(({ place }) => place.transactionHash === transactionHash);
  const { number, previousWord } = replayBatches(events, { batchCount, lastWord })[at]?.batch ?? {};
  return number === undefined || previousWord === undefined ? undefined : { number, previousWord };
}

function notFound(root: Hex, transactionHash: Hex): ProtocolError {
  return new ProtocolError(
    "gateway/anchoring-not-found",
    `the RPC shows no anchoring of ${root} in ${transactionHash}, which was mined: it may lag behind, and is asked again`,
    { isRetryable: true },
  );
}
