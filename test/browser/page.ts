import type { NetworkAddresses } from "../../src/chain/addresses.ts";

/** What the page is built for: put in by the bundler. */
declare const CHAIN: { rpcUrl: string; addresses: NetworkAddresses };

/** The local chain process behind the page, and where the network is on it. */
export const { rpcUrl, addresses } = CHAIN;
