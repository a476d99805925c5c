import canonicalize from "canonicalize";
import { concat, type Hex, keccak256, size, stringToHex } from "viem";
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
  return keccak256(concat([salt, stringToHex(canonicalRequest(route, body))]));
}

/** The text that is hashed. @throws ProtocolError `request/not-json` */
export function canonicalRequest(route: string, body: unknown): string {
  try {
    const text = canonicalize({ body, route });
    if (text !== undefined && body !== undefined) return text;
  } catch (cause) {
    throw notJson(cause instanceof Error ? cause.message : String(cause), cause);
  }
  throw notJson("there is no body");
}

function notJson(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError("request/not-json", `the request has no canonical JSON (${why}): send what JSON can say`, {
    cause,
  });
}
