import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** All of IPv6 that is handed out for the public network; the library calls much of the rest unicast too. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether packets to the address go to one host of the public network. Everything in IANA's special-purpose registries is
 * refused, and so are the addresses that carry an IPv4 address inside, since a gateway on the way may unwrap them.
 * @param address in its plain form, as a resolver gives it or `URL.hostname` without brackets; anything else isn't public
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes("%")) return false; // a zone names an interface of this machine
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed.kind() === "ipv4" || parsed.match(GLOBAL_UNICAST);
}
