import { ProtocolError } from "../protocol/errors.ts";

const MAX_SHOWN = 200;

/** A text from outside, fit for one line of a message: short, and nothing in it that steers a terminal. */
export function shown(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** A URL for a message, without its query: that may hold a token. */
export function shownUrl(url: URL): string {
  return shown(`${url.protocol}//${url.host}${url.pathname}`);
}

/** Nothing usable came, for a reason that can pass. */
export function unreachable(url: URL, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    "fetch/unreachable",
    `got nothing from ${shownUrl(url)} (${why}), a whole answer is wanted: see that it is served, then try again`,
    { isRetryable: true, cause },
  );
}

/** What a socket, a resolver or a file system says, as {@link unreachable}: its code, as messages may quote the other side. */
export function asUnreachable(url: URL, error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
  return unreachable(url, code, error);
}

export function tooLarge(url: URL, maxBytes: number): ProtocolError {
  return new ProtocolError(
    "fetch/too-large",
    `got more than ${maxBytes} bytes from ${shownUrl(url)}, that many are allowed: serve what was asked for`,
  );
}
