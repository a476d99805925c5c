import type { Head } from "./chainWatch.ts";

/** Work that a new block gives occasion for; never two at a time. */
export type BlockSteps = {
  /** Begins a step, unless one runs: then another follows it, with the newest block. */
  onBlock(head: Head): void;
  /** Runs in turn with the steps. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Begins none any more, and waits for the one that runs. */
  stop(): Promise<void>;
};

/** @param onError what a step threw; each message once in a row: the next block tries again */
export function createBlockSteps(step: (head: Head) => Promise<void>, onError: (error: unknown) => void): BlockSteps {
  let next: Head | undefined;
  let isStopped = false;
  let last: Promise<unknown> = Promise.resolve();
  let told = "";

  async function run(): Promise<void> {
    const head = next;
    next = undefined;
    if (head === undefined || isStopped) return;
    try {
      await step(head);
      told = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== told && !isStopped) onError(error);
      told = reason;
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  }

  return {
    onBlock(head) {
      const isQueued = next !== undefined;
      next = head;
      if (!isQueued && !isStopped) void inTurn(run);
    },
    inTurn,
    async stop() {
      isStopped = true;
      await last;
    },
  };
}
