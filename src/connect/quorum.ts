import { ApiError, badRequest } from "../protocol/apiError.ts";
import type { Answer, Attempt, Choice } from "./attempt.ts";
import type { Exchanged } from "./exchange.ts";

type Whole = Extract<Exchanged, { kind: "whole" }>;
type Vote = { choice: Choice; answer: Whole };

/**
 * Asks so many operators, others in place of those that fail, and takes what a strict majority of them answers, byte for
 * byte. Each is paid.
 * @throws ApiError 400 `quorum_not_bit_exact`, 502 `no_quorum`, and what is wrong with the request itself
 */
export async function askQuorum(choices: readonly Choice[], quorum: number, attempt: Attempt): Promise<Answer> {
  const exact = choices.filter(({ offer }) => offer.bitExact);
  if (exact.length === 0) {
    throw badRequest(
      "no operator gives the same answer to the byte with this model: ask without a quorum",
      "quorum_not_bit_exact",
      "model",
    );
  }
  if (exact.length < quorum)
    throw noQuorum(`${exact.length} operators offer the model to the byte, ${quorum} are wanted`);
  const { votes, attempts } = await collect(exact, quorum, attempt);
  const standing = majority(votes, quorum);
  if (standing === undefined)
    throw noQuorum(`of ${quorum} operators, ${votes.length} answered, and most of them differ`);
  return {
    ...{ kind: "whole", attempts, verified: `quorum=${quorum}` },
    operatorIds: standing.map(({ choice }) => choice.operatorId),
    bytes: standing[0]?.answer.bytes ?? new Uint8Array(),
    receiptIds: votes.map(({ answer }) => answer.receiptId),
    price: votes.reduce((sum, { answer }) => sum + answer.price, 0n),
  };
}

/** So many answers at once; in place of each that fails the next best is asked. */
async function collect(
  choices: readonly Choice[],
  quorum: number,
  attempt: Attempt,
): Promise<{ votes: Vote[]; attempts: number }> {
  const left = [...choices];
  const votes: Vote[] = [];
  let attempts = 0;
  async function seat(): Promise<void> {
    for (let choice = left.shift(); choice !== undefined; choice = left.shift()) {
      attempts += 1;
      const outcome = await attempt(choice);
      if ("exchanged" in outcome && outcome.exchanged.kind === "whole") {
        votes.push({ choice, answer: outcome.exchanged });
        return;
      }
      if ("failure" in outcome && outcome.refute !== undefined) throw outcome.failure;
    }
  }
  const seats = await Promise.allSettled(Array.from({ length: quorum }, seat));
  const failed = seats.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return { votes, attempts };
}

/** Those that gave the answer most of the quorum gave. */
function majority(votes: readonly Vote[], quorum: number): Vote[] | undefined {
  return votes
    .map(({ answer }) => votes.filter((other) => Buffer.compare(other.answer.bytes, answer.bytes) === 0))
    .find((same) => same.length > quorum / 2);
}

function noQuorum(why: string): ApiError {
  return new ApiError(`no majority: ${why}; ask again, or without a quorum`, {
    ...{ status: 502, type: "upstream_error", code: "no_quorum" },
  });
}
