import { ProtocolError } from "../protocol/errors.ts";
import { shown, shownUrl } from "./errors.ts";

/**
 * A URI from outside as one that may be fetched.
 * @param allowFiles also `file:` URIs of this machine
 * @throws ProtocolError `fetch/unsupported-uri`
 */
export function parseUri(uri: string, allowFiles: boolean): URL {
  const url = URL.parse(uri);
  if (!url) throw unsupported(`"${shown(uri)}"`);
  if (url.protocol === "file:" && allowFiles) {
    if (url.host !== "") throw unsupported("a file of another host");
    return url;
  }
  checkWebUrl(url);
  return url;
}

/**
 * Where a redirect leads.
 * @param location the header as it came
 * @throws ProtocolError `fetch/unsupported-uri`, `fetch/insecure-redirect`
 */
export function redirectTarget(from: URL, location: string): URL {
  const target = URL.parse(location, from.href);
  if (!target) throw unsupported(`a redirect to "${shown(location)}"`);
  checkWebUrl(target);
  if (from.protocol === "https:" && target.protocol === "http:") {
    throw new ProtocolError(
      "fetch/insecure-redirect",
      `${shownUrl(from)} redirects from https to http, https is wanted to the end: serve it under https`,
    );
  }
  return target;
}

function checkWebUrl({ protocol, username, password }: URL): void {
  if (protocol !== "https:" && protocol !== "http:") throw unsupported(`a URI that begins with ${shown(protocol)}`);
  if (username !== "" || password !== "") throw unsupported("a URI with a user name or password");
}

function unsupported(got: string): ProtocolError {
  return new ProtocolError(
    "fetch/unsupported-uri",
    `got ${got}, an absolute https or http URI without user name is allowed: publish it at such a place`,
  );
}
