import { type Batch, batchWord } from "../protocol/batch.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { BatchAnchored } from "./receiptLogEvents.ts";

/** A batch as its anchoring told it, and the word the contract made of it. */
export type ReplayedBatch = {
  batch: Batch;
  word: bigint;
  /** Unix seconds. */
  anchoredAt: number;
};

/** What the chain says of the end of an operator's log: `logOf`, and `batchWordAt` of the last batch. */
export type LogHead = {
  batchCount: number;
  /** Zero while there is none. */
  lastWord: bigint;
};

/**
 * The batches of one operator with their words, oldest first. Each word hashes the one before, so if the last is the chain's,
 * all batches are: that proves an old root the ring no longer holds.
 *
 * @param events Every anchoring of the operator, oldest first.
 * @throws ProtocolError `receipt-log/incomplete` when events are missing or too many, `receipt-log/mismatch` when they don't
 * lead to the chain's word
 */
export function replayBatches(
  events: readonly Pick<BatchAnchored, "root" | "count" | "dataHash" | "anchoredAt">[],
  { batchCount, lastWord }: LogHead,
): ReplayedBatch[] {
  if (events.length !== batchCount) {
    throw new ProtocolError(
      "receipt-log/incomplete",
      `got ${events.length} anchorings, the operator has made ${batchCount}: read the log from its first block to the same one`,
    );
  }
  let previousWord = 0n;
  const replayed = events.map(({ root, count, dataHash, anchoredAt }, number): ReplayedBatch => {
    const batch = { number, previousWord, root, count, dataHash };
    const word = batchWord(batch, anchoredAt);
    previousWord = word;
    return { batch, word, anchoredAt };
  });
  if (previousWord === lastWord) return replayed;
  throw new ProtocolError(
    "receipt-log/mismatch",
    `the anchorings lead to the word ${previousWord}, the chain has ${lastWord}: the RPC's log isn't what happened, ask another`,
  );
}
