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

export type AttemptOptions = { reputation: Reputation; channels: Channels; exchange: Exchange };

/** What asking one operator came to. */
export type Attempt = (
  choice: Choice,
) => Promise<{ exchanged: Exclude<Exchanged, { kind: "error" }> } | { failure: ApiError; isFinal: boolean }>;

export function createAttempt({ reputation, channels, exchange }: AttemptOptions, request: CallRequest): Attempt {
  /** Again while a gateway may not have seen yet what was put into its channel just now. */
  async function askPatiently(operator: Operator, cap: bigint): Promise<Exchanged> {
    for (;;) {
      const exchanged = await exchange(operator, request, cap);
      if (exchanged.kind !== "error" || !LATE_CODES.includes(exchanged.error.code)) return exchanged;
      const { fundedAtMs } = (await channels.of(operator.operatorId)) ?? {};
      if (fundedAtMs === undefined || performance.now() - fundedAtMs > SEEN_AFTER_MS) return exchanged;
      await pause(LOOK_AGAIN_MS, request.signal);
      request.signal.throwIfAborted();
    }
  }

  return async ({ operator, cap }) => {
    const { operatorId } = operator;
    try {
      const exchanged = await askPatiently(operator, cap);
      if (exchanged.kind !== "error") return { exchanged };
      const { error } = exchanged;
      if (error.status === 402) channels.forget(operatorId);
      const isFinal = error.status < 500 && error.status !== 429 && error.status !== 402;
      if (!isFinal && error.status !== 402) reputation.failed(operatorId);
      return { failure: error, isFinal };
    } catch (error) {
      request.signal.throwIfAborted();
      if (error instanceof ApiError) return { failure: error, isFinal: false };
      reputation.failed(operatorId);
      return { failure: toApiError(error, operatorId), isFinal: false };
    }
  };
}

/** What went wrong with an operator, for the app. */
export function toApiError(error: unknown, operatorId: number): ApiError {
  const why = error instanceof Error ? error.message : String(error);
  const isOtherModel = error instanceof ProtocolError && error.code === "connect/other-model-served";
  const code = isOtherModel ? "other_model_served" : isLie(error) ? "answer_refused" : "operator_failed";
  return new ApiError(`operator ${operatorId}: ${why}`, { status: 502, type: "upstream_error", code, cause: error });
}
