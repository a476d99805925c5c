import { ApiError, badRequest } from "../protocol/apiError.ts";
import type { Route } from "../protocol/route.ts";
import { type AskOptions, readRequest } from "./appRequest.ts";
import { type Answer, type Attempt, type AttemptOptions, type Choice, createAttempt } from "./attempt.ts";
import { capOf } from "./caps.ts";
import { rank } from "./choose.ts";
import type { CallRequest } from "./exchange.ts";
import type { Operators } from "./operators.ts";
import { askQuorum } from "./quorum.ts";
import type { Random } from "./seats.ts";

export type AskerOptions = AttemptOptions & {
  operators: Operators;
  /** Operators asked for one answer at most. */
  attempts: number;
  /** The most one call may cost unless the app says, OPG base units. */
  maxPrice: bigint | undefined;
  /** Who sits in a quorum; the machine's own unless told. */
  random?: Random | undefined;
};

/** @throws ApiError, whose `attempts` say how many operators were asked; the signal's reason */
export type Asker = (route: Route, body: unknown, options: AskOptions) => Promise<Answer>;

export function createAsker(options: AskerOptions): Asker {
  const { operators, reputation, rests } = options;

  async function choicesFor(request: CallRequest, { maxPrice, operator: only }: AskOptions): Promise<Choice[]> {
    const offered = await operators.offering(request.model, request.route);
    if (offered.length === 0) throw unknownModel(request);
    const usable = offered.filter(
      ({ operator: { operatorId }, offer }) =>
        reputation.shunnedFor(operatorId) === undefined &&
        (only === undefined || operatorId === only) &&
        (!request.isStream || offer.stream),
    );
    if (usable.length === 0) throw nobodyLeft(request, only);
    const priced = { ...request, byteLength: request.bytes.length };
    return rank(
      usable.map(({ operator, offer }): Choice => {
        const cap = capOf(offer, priced, maxPrice ?? options.maxPrice);
        const { operatorId, bond } = operator;
        const experience = {
          latencyMs: reputation.latencyMsOf(operatorId),
          failures: reputation.failuresOf(operatorId),
          rest: rests.of(operatorId),
        };
        return { operator, offer, cap, operatorId, bond, price: capOf(offer, priced, undefined), ...experience };
      }),
    );
  }

  return async (route, body, asked) => {
    const { signal = new AbortController().signal, quorum } = asked;
    signal.throwIfAborted();
    const request = readRequest(route, body, signal);
    if (quorum !== undefined && request.isStream) {
      throw badRequest("a quorum compares whole answers: ask without stream", "quorum_without_stream", "stream");
    }
    const choices = await choicesFor(request, asked);
    const attempt = createAttempt(options, request);
    return quorum === undefined
      ? await askOneAfterAnother(choices.slice(0, options.attempts), attempt)
      : await askQuorum(choices, quorum, attempt, options.random);
  };
}

/** One operator alone may be wrong about a request: it is, when the next one answers, and isn't, when that agrees. */
async function askOneAfterAnother(choices: readonly Choice[], attempt: Attempt): Promise<Answer> {
  const failures: ApiError[] = [];
  const refusals: { failure: ApiError; refute: () => void }[] = [];
  for (const choice of choices) {
    const outcome = await attempt(choice);
    const attempts = failures.length + 1;
    if ("failure" in outcome) {
      const { failure, refute } = outcome;
      failures.push(failure);
      if (refute !== undefined) refusals.push({ failure, refute });
      if (refusals.length > 1) break;
      continue;
    }
    for (const { refute } of refusals) refute();
    const { exchanged } = outcome;
    const operatorIds = [choice.operatorId];
    if (exchanged.kind === "stream") {
      return { kind: "stream", parts: exchanged.parts, operatorIds, attempts, verified: "parts" };
    }
    const { bytes, price, receiptId } = exchanged;
    return { kind: "whole", bytes, price, receiptIds: [receiptId], operatorIds, attempts, verified: "receipt" };
  }
  throw refusals[0]?.failure ?? mostTelling(failures);
}

/** What the app can do something about comes first, then what came last. */
function mostTelling(failures: readonly ApiError[]): ApiError {
  const telling = failures.find(({ code }) => code === "budget_exhausted") ?? failures.at(-1);
  if (telling === undefined) throw new Error("nobody was asked");
  return telling;
}

function unknownModel({ model, route }: CallRequest): ApiError {
  return new ApiError(`no operator offers ${JSON.stringify(model.slice(0, 100))} at ${route}: see /v1/models`, {
    ...{ status: 404, type: "not_found_error", code: "model_not_found", param: "model" },
  });
}

function nobodyLeft({ model }: CallRequest, only: number | undefined): ApiError {
  const who = only === undefined ? "every operator" : `operator ${only}`;
  return new ApiError(
    `${who} that offers ${JSON.stringify(model.slice(0, 100))} can't do this, or was caught lying: ask for another model`,
    { status: 503, type: "server_error", code: "no_operator" },
  );
}
