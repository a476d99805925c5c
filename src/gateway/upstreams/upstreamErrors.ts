import { ApiError } from "../../protocol/apiError.ts";
import { oneLine } from "../../protocol/oneLine.ts";

/** What may go wrong between the gateway and an upstream, as its clients are told. */

const broken = (status: number, code: string, message: string, cause?: unknown): ApiError =>
  new ApiError(message, { status, type: "upstream_error", code, cause });

export const unreachable = (cause?: unknown): ApiError =>
  broken(502, "upstream_unreachable", "the model's provider can't be reached: try again, or another operator", cause);

export const timedOut = (timeoutMs: number): ApiError =>
  broken(
    504,
    "upstream_timeout",
    `the model's provider said nothing for ${timeoutMs} ms: try again, or another operator`,
  );

export const tooLarge = (maxBytes: number): ApiError =>
  broken(502, "upstream_too_large", `the provider's answer is larger than ${maxBytes} bytes: ask for less`);

/** The connection, or the stream on it, ended before the answer did. */
export const cutShort = (cause?: unknown): ApiError =>
  broken(502, "upstream_cut", "the model's provider stopped in the middle of its answer: try again", cause);

export const garbage = (cause?: unknown): ApiError =>
  broken(502, "upstream_garbage", "the model's provider sent what is no answer: try again, or another operator", cause);

export const failed = (cause?: unknown): ApiError =>
  broken(502, "upstream_failed", "the model's provider has failed: try again, or another operator", cause);

/** Without the upstream's words: they may hold the operator's key. */
const refusedUs = (): ApiError =>
  broken(502, "upstream_refused", "the model's provider refuses this operator: try another operator");

export const limited = (retryAfterSeconds?: number): ApiError =>
  new ApiError("the model's provider is asked too often: wait, or try another operator", {
    status: 429,
    type: "rate_limit_error",
    code: "rate_limit_exceeded",
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });

/** Nobody waits for the answer any more. */
export const aborted = (cause?: unknown): ApiError =>
  new ApiError("the call was given up before it was answered", {
    status: 499,
    type: "invalid_request_error",
    code: "call_aborted",
    cause,
  });

/** @param param what was asked for and can't be had */
export const notTaken = (param: string, message?: string): ApiError =>
  new ApiError(oneLine(message ?? `${param} is not supported by this model: leave it out`), {
    status: 400,
    type: "invalid_request_error",
    code: "unsupported_parameter",
    param,
  });

/** What the answer takes at least is over the cap. */
export const capTooLow = (wanted: number, room: number): ApiError =>
  new ApiError(`the answer takes ${wanted} units of output, the cap leaves room for ${room}: allow more`, {
    status: 402,
    type: "insufficient_quota",
    code: "cap_too_low",
  });

/** An answer that isn't one: by its status, and what it says. */
export function statusError(
  status: number,
  retryAfter: string | string[] | undefined,
  text: string,
  secrets: readonly string[],
): ApiError {
  if (status === 429) return limited(secondsOf(retryAfter));
  if (status === 401 || status === 402 || status === 403) return refusedUs();
  if (status !== 400 && status !== 413 && status !== 422) return failed();
  return new ApiError(oneLine(withoutSecrets(messageOf(text), secrets)), {
    status: 400,
    type: "invalid_request_error",
    code: "upstream_rejected",
  });
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function secondsOf(retryAfter: string | string[] = ""): number | undefined {
  const value = String(retryAfter).trim();
  if (value === "") return undefined;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value);
  const seconds = Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** All providers say it at one of these places. */
function messageOf(text: string): string {
  const fallback = "the model's provider finds something wrong with the request and doesn't say what";
  try {
    const parsed: unknown = JSON.parse(text);
    const body = Array.isArray(parsed) ? parsed[0] : parsed;
    const said = body?.error?.message ?? body?.message ?? body?.error;
    return typeof said === "string" && said !== "" ? said : fallback;
  } catch {
    return fallback;
  }
}

const KEYS = /\b(?:sk|pk|xai|gsk|hf)[-_][\w-]{8,}|\bAIza[\w-]{8,}|\bBearer\s+\S+/g;

function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret !== "");
  return known.reduce((left, secret) => left.replaceAll(secret, "…"), text).replaceAll(KEYS, "…");
}
