import { ProtocolError } from "../protocol/errors.ts";

/** What the chain says and takes of an operator's incarnations. */
export type IncarnationChain = {
  /** The last that was started. */
  current(): Promise<number>;
  /**
   * Starts the next one and returns once that is final. By a transaction of this life of the process alone, which random bytes in
   * it make sure of: what an earlier life or another process started may be in use.
   * @throws ProtocolError `contract/WrongIncarnation` when somebody else has started it
   */
  start(incarnation: number): Promise<void>;
};

const TRIES = 5;

/**
 * Starts an incarnation that nobody else uses: every start of a gateway takes a new one, because a store can't know whether
 * it was restored from a copy, and a sequence signed by the original is not in the copy.
 *
 * @returns its number, below 2^24
 * @throws ProtocolError `gateway/incarnation-taken` when others are faster again and again
 */
export async function startIncarnation(chain: IncarnationChain): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const next = (await chain.current()) + 1;
    try {
      await chain.start(next);
      return next;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "contract/WrongIncarnation") throw error;
    }
  }
  throw new ProtocolError(
    "gateway/incarnation-taken",
    `another process started the next incarnation ${TRIES} times before this one: see that no other gateway uses this signer`,
    { isRetryable: true },
  );
}
