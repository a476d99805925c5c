import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { ProtocolError } from "../src/protocol/errors.ts";
import { LOCAL_CHAIN_ID } from "./deployment/parameters.ts";

/**
 * The RPC of the network the script was started with, which must be a local chain that somebody else serves.
 * @throws ProtocolError `scripts/not-local`
 */
export async function localRpcUrl({ config, globalOptions }: HardhatRuntimeEnvironment): Promise<string> {
  const name = globalOptions.network ?? "default";
  const network = config.networks[name];
  if (network?.type === "http" && network.chainId === LOCAL_CHAIN_ID) return network.url.getUrl();
  throw new ProtocolError(
    "scripts/not-local",
    `got network ${name}, local chains only: start npx hardhat node, and add --network localhost`,
  );
}
