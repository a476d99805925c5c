import { ApiError, badRequest } from "../protocol/apiError.ts";
import type { Answer, Attempt, Choice } from "./attempt.ts";
import type { Exchanged } from "./exchange.ts";
import { drawSeats, type Random } from "./seats.ts";

type Whole = Extract<Exchanged, { kind: "whole" }>;
type Vote = { choice: Choice; answer: Whole };
type Refusal = { failure: ApiError; refute: () => void };

/** What the operators of a quorum have said. */
type Said = { votes: Vote[]; refusals: Refusal[]; attempts: number };

/**
 * Asks so many operators, drawn by chance, others in place of those that fail, and takes what a strict majority of them
 * answers, byte for byte. Each is paid.
 * @throws ApiError 400 `quorum_not_bit_exact`, 502 `no_quorum`, and what most of them find wrong with the request itself
 */
export async function askQuorum(
  choices: readonly Choice[],
  quorum: number,
  attempt: Attempt,
  random?: Random,
): Promise<Answer> {
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
  const { votes, refusals, attempts } = await collect(drawSeats(exact, random), quorum, attempt);
  const standing = majority(votes, quorum);
  if (standing === undefined) {
    if (refusals[0] !== undefined && areMost(refusals, quorum)) throw refusals[0].failure;
    throw noQuorum(`of ${quorum} operators, ${votes.length} answered, and most of them differ`);
  }
  for (const { refute } of refusals) refute();
  return {
    ...{ kind: "whole", attempts, verified: `quorum=${quorum}` },
    operatorIds: standing.map(({ choice }) => choice.operatorId),
    bytes: standing[0]?.answer.bytes ?? new Uint8Array(),
    receiptIds: votes.map(({ answer }) => answer.receiptId),
    price: votes.reduce((sum, { answer }) => sum + answer.price, 0n),
  };
}

/** So many answers at once; in place of each that fails, or finds the request wrong while most don't, the next is asked. */
async function collect(choices: readonly Choice[], quorum: number, attempt: Attempt): Promise<Said> {
  const left = [...choices];
  const said: Said = { votes: [], refusals: [], attempts: 0 };
  const { votes, refusals } = said;
  async function seat(): Promise<void> {
    for (let choice = left.shift(); choice !== undefined; choice = left.shift()) {
      said.attempts += 1;
      const outcome = await attempt(choice);
      if ("exchanged" in outcome && outcome.exchanged.kind === "whole") {
        votes.push({ choice, answer: outcome.exchanged });
        return;
      }
      if ("failure" in outcome && outcome.refute !== undefined) {
        refusals.push({ failure: outcome.failure, refute: outcome.refute });
        return;
      }
    }
  }
  async function fill(count: number): Promise<void> {
    const seats = await Promise.allSettled(Array.from({ length: count }, seat));
    const failed = seats.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  let filled = quorum;
  await fill(quorum);
  while (left.length > 0 && filled < quorum + refusals.length && !areMost(refusals, quorum)) {
    const missing = quorum + refusals.length - filled;
    filled += missing;
    await fill(missing);
  }
  return said;
}

function areMost(some: readonly unknown[], quorum: number): boolean {
  return some.length > quorum / 2;
}

/** Those that gave the answer most of the quorum gave. */
function majority(votes: readonly Vote[], quorum: number): Vote[] | undefined {
  return votes
    .map(({ answer }) => votes.filter((other) => Buffer.compare(other.answer.bytes, answer.bytes) === 0))
    .find((same) => areMost(same, quorum));
}

function noQuorum(why: string): ApiError {
  return new ApiError(`no majority: ${why}; ask again, or without a quorum`, {
    ...{ status: 502, type: "upstream_error", code: "no_quorum" },
  });
}
