import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ProtocolError } from "../protocol/errors.ts";
import { asUnreachable, shownUrl, unreachable } from "./errors.ts";
import { isPublicAddress } from "./publicAddress.ts";

/** All addresses of a name. */
export type ResolveHost = (hostname: string) => Promise<LookupAddress[]>;

/** As every other program of this machine would resolve it. */
export const resolveBySystem: ResolveHost = (hostname) => lookup(hostname, { all: true });

/**
 * The addresses behind a URL. One that isn't public spoils them all: nobody with a public host has any use for it.
 * @throws ProtocolError `fetch/refused-address`, `fetch/unreachable`
 */
export async function hostAddresses(
  url: URL,
  { allowPrivate, resolveHost }: { allowPrivate: boolean; resolveHost: ResolveHost },
): Promise<LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const addresses = family === 0 ? await resolve(url, host, resolveHost) : [{ address: host, family }];
  const refused = allowPrivate ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
  if (refused === undefined) return addresses;
  throw new ProtocolError(
    "fetch/refused-address",
    `${shownUrl(url)} leads to ${refused.address}, only public addresses are allowed: serve it on a public host`,
  );
}

async function resolve(url: URL, host: string, resolveHost: ResolveHost): Promise<LookupAddress[]> {
  const addresses = await resolveHost(host).catch((error: unknown) => {
    throw asUnreachable(url, error);
  });
  if (addresses.length === 0) throw unreachable(url, "its name has no address");
  return addresses;
}
