import canonicalize from "canonicalize";
import { concat, type Hex, hexToBytes, size, stringToBytes } from "viem";
import { keccak256 } from "#keccak";
import { ProtocolError } from "./errors.ts";

/**
 * The salted hash of a request: keccak256 of the salt and the canonical JSON (RFC 8785) of the route and every field of the
 * body, so of everything that can reach the model.
 *
 * @param salt The client's, 32 bytes; known to nobody but the client and the operator.
 * @param route Of the API, such as `/v1/chat/completions`.
 * @param body The request's body as parsed from JSON.
 * @throws ProtocolError `request/salt`, `request/not-json`
 */
export function requestHash(salt: Hex, route: string, body: unknown): Hex {
  if (size(salt) !== 32) {
    throw new ProtocolError("request/salt", `the salt has ${size(salt)} bytes: give 32 random ones`);
  }
  // As bytes: a large body written as hex takes many times as long.
  return keccak256(concat([hexToBytes(salt), stringToBytes(canonicalRequest(route, body))]));
}

/** The text that is hashed. @throws ProtocolError `request/not-json` */
export function canonicalRequest(route: string, body: unknown): string {
  try {
    const text = canonicalize({ body, route });
    const unsayable = unsayableIn(body);
    if (text !== undefined && unsayable === undefined) return text;
    throw notJson(`it holds ${unsayable}`);
  } catch (cause) {
    throw cause instanceof ProtocolError
      ? cause
      : notJson(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** What in a value `JSON.stringify` would leave out or write as something else, so that two bodies had one text. */
function unsayableIn(value: unknown): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") return;
  if (typeof value !== "object") return value === undefined ? "undefined" : `a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null || Array.isArray(value);
  if (!isPlain || typeof (value as { toJSON?: unknown }).toJSON === "function") return "an object with a class";
  for (const item of Array.isArray(value) ? Array.from<unknown>(value) : Object.values(value)) {
    const unsayable = unsayableIn(item);
    if (unsayable !== undefined) return unsayable;
  }
  return;
}

function notJson(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError("request/not-json", `the request has no canonical JSON (${why}): send what JSON can say`, {
    cause,
  });
}
