import { badRequest } from "../protocol/apiError.ts";
import { canonicalRequest } from "../protocol/requestHash.ts";
import type { Route } from "../protocol/route.ts";
import { type CallRequest, MAX_BODY_BYTES } from "./exchange.ts";

/** What an app may say beside the request itself. */
export type AskOptions = {
  signal?: AbortSignal;
  /** So many operators are asked, and most of them must answer the same: odd, 3 to 9. */
  quorum?: number;
  /** The most one call may cost, OPG base units. */
  maxPrice?: bigint;
  /** Only this one is asked. */
  operator?: number;
};

export const APP_HEADERS = {
  quorum: "x-opg-quorum",
  maxPrice: "x-opg-max-price",
  operator: "x-opg-operator",
} as const;

/**
 * A request as it goes to operators.
 * @throws ApiError 400 `invalid_body`, `missing_model`, `invalid_value`; 413 `request_too_large`
 */
export function readRequest(route: Route, body: unknown, signal: AbortSignal): CallRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("the body is something else than a JSON object: send one", "invalid_body");
  }
  const fields = body as Record<string, unknown>;
  const { model, stream } = fields;
  if (typeof model !== "string" || model === "") {
    throw badRequest("the body names no model: say which, as `provider/model`", "missing_model", "model");
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    throw badRequest("stream is something else than true or false: send one of them", "invalid_value", "stream");
  }
  checkSayable(route, fields);
  const bytes = new TextEncoder().encode(JSON.stringify(fields));
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  return { route, body: fields, bytes, model, isStream: stream === true, signal };
}

export function tooLarge() {
  return badRequest(`the body has more than ${MAX_BODY_BYTES} bytes: send less`, "request_too_large", undefined, 413);
}

/** What the app says in headers. @throws ApiError 400 `invalid_header` */
export function readAskOptions(header: (name: string) => string | null | undefined): AskOptions {
  const read = (name: string, form: RegExp, wanted: string): string | undefined => {
    const value = header(name);
    if (value === null || value === undefined) return undefined;
    if (form.test(value)) return value;
    throw badRequest(`the header ${name} is something else than ${wanted}: send that`, "invalid_header", name);
  };
  const quorum = read(APP_HEADERS.quorum, /^[3579]$/, "3, 5, 7 or 9");
  const maxPrice = read(APP_HEADERS.maxPrice, /^(0|[1-9][0-9]{0,28})$/, "OPG base units, a decimal number");
  const operator = read(APP_HEADERS.operator, /^[1-9][0-9]{0,9}$/, "an operator's number");
  return {
    ...(quorum !== undefined && { quorum: Number(quorum) }),
    ...(maxPrice !== undefined && { maxPrice: BigInt(maxPrice) }),
    ...(operator !== undefined && { operator: Number(operator) }),
  };
}

function checkSayable(route: Route, body: Record<string, unknown>): void {
  try {
    canonicalRequest(route, body);
  } catch {
    throw badRequest(
      "the body holds what can't be hashed, such as half of a surrogate pair: correct it",
      "invalid_body",
    );
  }
}
