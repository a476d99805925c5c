import type { Hex } from "viem";
import { pause } from "../chain/pause.ts";
import { ApiError } from "../protocol/apiError.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Channels } from "./channels.ts";
import { isLie } from "./checkStatements.ts";
import type { Candidate } from "./choose.ts";
import type { CallRequest, CheckedParts, Exchange, Exchanged } from "./exchange.ts";
import type { Offer } from "./offers.ts";
import type { Operator } from "./operators.ts";
import type { Reputation } from "./reputation.ts";
import type { Rests } from "./rests.ts";

/** What the app gets: an answer that was checked, or an error. */
export type Answer = {
  operatorIds: readonly number[];
  /** Operators asked. */
  attempts: number;
  /** What was checked. */
  verified: "receipt" | "parts" | `quorum=${number}`;
} & (
  | { kind: "whole"; bytes: Uint8Array; receiptIds: readonly Hex[]; price: bigint }
  | { kind: "stream"; parts: CheckedParts }
);

/** An operator that could answer, and the most it may cost there. */
export type Choice = Candidate & { operator: Operator; offer: Offer; cap: bigint };

/** What a gateway says that hasn't seen a deposit yet; it has seen a new block after so long. */
const LATE_CODES = ["no_channel", "call_channel_too_small"];
const SEEN_AFTER_MS = 5_000;
const LOOK_AGAIN_MS = 250;

/** So long a wait for nothing weighs as one failure more. */
const SLOW_FAILURE_MS = 20_000;
const MOST_FAILURES = 8;

export type AttemptOptions = { reputation: Reputation; rests: Rests; channels: Channels; exchange: Exchange };

/** What asking one operator came to. `refute`: it finds the request itself wrong; to be called when another has answered that. */
export type Attempted =
  | { exchanged: Exclude<Exchanged, { kind: "error" }> }
  | { failure: ApiError; refute?: () => void };

export type Attempt = (choice: Choice) => Promise<Attempted>;

export function createAttempt(options: AttemptOptions, request: CallRequest): Attempt {
  const { reputation, rests, channels, exchange } = options;

  /** Whether a gateway may not have seen yet what was put into its channel just now. */
  async function isJustFunded(operatorId: number): Promise<boolean> {
    const { fundedAtMs } = (await channels.of(operatorId)) ?? {};
    return fundedAtMs !== undefined && performance.now() - fundedAtMs <= SEEN_AFTER_MS;
  }

  /** Again while a gateway may be right about its channel: it looks late, or this end hasn't looked for a while. */
  async function askPatiently(operator: Operator, cap: bigint): Promise<Exchanged> {
    const { operatorId } = operator;
    let hasLookedAnew = false;
    for (;;) {
      const exchanged = await exchange(operator, request, cap);
      if (exchanged.kind !== "error" || exchanged.error.status !== 402) return exchanged;
      if (LATE_CODES.includes(exchanged.error.code) && (await isJustFunded(operatorId))) {
        await pause(LOOK_AGAIN_MS, request.signal);
        request.signal.throwIfAborted();
      } else if (!hasLookedAnew) {
        hasLookedAnew = true;
        channels.forget(operatorId);
      } else return exchanged;
    }
  }

  function failed(operatorId: number, askedAtMs: number): void {
    const waits = Math.floor((performance.now() - askedAtMs) / SLOW_FAILURE_MS);
    const times = Math.min(1 + waits, MOST_FAILURES);
    for (let time = 0; time < times; time++) reputation.failed(operatorId);
    rests.failed(operatorId, askedAtMs, times);
  }

  /** A stream's operator has answered only when its end has come. */
  function watched(parts: CheckedParts, operatorId: number): CheckedParts {
    return {
      cancel: () => parts.cancel(),
      async next() {
        const askedAtMs = performance.now();
        try {
          const part = await parts.next();
          if (part === undefined) rests.succeeded(operatorId);
          return part;
        } catch (error) {
          if (!request.signal.aborted) failed(operatorId, askedAtMs);
          throw error;
        }
      },
    };
  }

  return async ({ operator, cap }) => {
    const { operatorId } = operator;
    const askedAtMs = performance.now();
    try {
      const exchanged = await askPatiently(operator, cap);
      if (exchanged.kind === "stream")
        return { exchanged: { ...exchanged, parts: watched(exchanged.parts, operatorId) } };
      if (exchanged.kind === "whole") {
        rests.succeeded(operatorId);
        return { exchanged };
      }
      const { error } = exchanged;
      if (isAboutTheRequest(error)) return { failure: error, refute: () => failed(operatorId, performance.now()) };
      failed(operatorId, askedAtMs);
      return { failure: error };
    } catch (error) {
      request.signal.throwIfAborted();
      if (error instanceof ApiError) return { failure: error };
      failed(operatorId, askedAtMs);
      return { failure: toApiError(error, operatorId) };
    }
  };
}

function isAboutTheRequest({ status }: ApiError): boolean {
  return status < 500 && status !== 429 && status !== 402;
}

/** What went wrong with an operator, for the app. */
export function toApiError(error: unknown, operatorId: number): ApiError {
  const why = error instanceof Error ? error.message : String(error);
  const isOtherModel = error instanceof ProtocolError && error.code === "connect/other-model-served";
  const code = isOtherModel ? "other_model_served" : isLie(error) ? "answer_refused" : "operator_failed";
  return new ApiError(`operator ${operatorId}: ${why}`, { status: 502, type: "upstream_error", code, cause: error });
}
