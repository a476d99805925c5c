import type { LogCursors } from "../store/logCursors.ts";
import type { Head } from "./chainWatch.ts";

export type LogFollowerOptions = {
  cursors: LogCursors;
  /** Whose cursor it is. */
  reader: string;
  /** Where a new store begins, seen from the newest block. */
  firstBlock: (head: Head) => bigint;
  /** Reads the blocks, both ends included, and takes down what was in them; what was told before is told again. */
  read: (range: { fromBlock: bigint; toBlock: bigint }) => Promise<void>;
  /** A block that has to be looked at again after a restart, because what was in it isn't done. */
  keepFrom?: () => bigint | undefined;
};

/** Reads the log as far as a block, from where the last life had come; nothing is skipped. */
export type LogFollower = {
  readUntil(head: Head): Promise<void>;
  /** The last block that was read; −1: none. */
  readAt(): bigint;
};

/** RPC nodes bound what one request may look through. */
const MAX_RANGE_BLOCKS = 2_000n;
/** Looked through again: an RPC of several machines may know a block before its logs, and blocks may be replaced. */
const OVERLAP_BLOCKS = 8n;

export function createLogFollower(options: LogFollowerOptions): LogFollower {
  const { cursors, reader, firstBlock, read, keepFrom = () => undefined } = options;
  let last = -1n;
  let next: bigint | undefined;

  async function begin(head: Head): Promise<bigint> {
    const stored = await cursors.nextBlock(reader);
    if (stored !== undefined) return stored;
    const first = firstBlock(head);
    await cursors.move(reader, first);
    return first;
  }

  return {
    readAt: () => last,
    async readUntil(head) {
      if (head.number <= last) return;
      next ??= await begin(head);
      let fromBlock = atLeastZero(next - OVERLAP_BLOCKS);
      while (fromBlock <= head.number) {
        const toBlock = smaller(fromBlock + MAX_RANGE_BLOCKS - 1n, head.number);
        await read({ fromBlock, toBlock });
        next = toBlock + 1n;
        await cursors.move(reader, smaller(keepFrom() ?? next, next));
        fromBlock = next;
      }
      last = head.number;
    },
  };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function atLeastZero(block: bigint): bigint {
  return block > 0n ? block : 0n;
}
