import { createPublicClient, http } from "viem";
import { toProtocolError } from "../chain/contractErrors.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Environment } from "./terminal.ts";

/** A chain to talk to. */
export type Network = {
  /** Absent when only an RPC was named. */
  name?: NetworkName;
  rpcUrl: string;
  chainId: number;
  /** Its keys are publicly known and its money is worth nothing. */
  isLocal: boolean;
};

export type NetworkName = (typeof NETWORK_NAMES)[number];

export const NETWORK_NAMES = ["localhost", "base", "baseSepolia", "opengradientDevnet"] as const;

/** The networks of `hardhat.config.ts`, by the same names, ids and variables. */
const NETWORKS: Record<NetworkName, { chainId: number; url: string } | { chainId: number; variable: string }> = {
  localhost: { chainId: 31337, url: "http://127.0.0.1:8545" },
  base: { chainId: 8453, variable: "BASE_RPC_URL" },
  baseSepolia: { chainId: 84532, variable: "BASE_SEPOLIA_RPC_URL" },
  opengradientDevnet: { chainId: 10740, variable: "OPENGRADIENT_DEVNET_RPC_URL" },
};

/**
 * The network that was asked for: by name, with another RPC than its usual one, or by an RPC alone, which then says
 * which chain it is of. Local only when named so: that an unknown RPC says 31337 is no reason to trust it.
 * @throws ProtocolError `usage/no-rpc`, `usage/malformed-rpc`, `chain/rpc-down` (retryable)
 */
export async function resolveNetwork(
  { network, rpc }: { network?: NetworkName; rpc?: string },
  env: Environment,
): Promise<Network> {
  if (rpc !== undefined) checkUrl("--rpc", rpc);
  if (network === undefined && rpc !== undefined) {
    return { rpcUrl: rpc, chainId: await askChainId(rpc), isLocal: false };
  }
  const name = network ?? "localhost";
  return { name, rpcUrl: rpc ?? rpcUrlOf(name, env), chainId: NETWORKS[name].chainId, isLocal: name === "localhost" };
}

function rpcUrlOf(name: NetworkName, env: Environment): string {
  const known = NETWORKS[name];
  if ("url" in known) return known.url;
  const url = env[known.variable];
  if (url === undefined || url === "") {
    throw new ProtocolError("usage/no-rpc", `there is no RPC of ${name}: set ${known.variable}, or pass --rpc <url>`);
  }
  checkUrl(known.variable, url);
  return url;
}

/** The URL itself isn't shown: it may hold a provider's key. */
function checkUrl(source: string, url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new ProtocolError(
    "usage/malformed-rpc",
    `what ${source} holds isn't the URL of an RPC: write it like http://127.0.0.1:8545`,
  );
}

async function askChainId(rpcUrl: string): Promise<number> {
  return createPublicClient({ transport: http(rpcUrl) })
    .getChainId()
    .catch((error: unknown) => {
      throw toProtocolError(error);
    });
}
