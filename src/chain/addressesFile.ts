import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ProtocolError } from "../protocol/errors.ts";
import { type NetworkAddresses, parseAddresses } from "./addresses.ts";

/** Where a network's addresses are written when it is deployed: `deploy/addresses/<chainId>.json`. */
export function addressesPath(chainId: number): string {
  return fileURLToPath(new URL(`../../deploy/addresses/${chainId}.json`, import.meta.url));
}

/**
 * Addresses of a deployed network, from its file.
 * @param file another file than {@link addressesPath} names
 * @throws ProtocolError `chain/not-deployed` when there is no such file, `addresses/invalid` or `addresses/older-network` when
 * it can't be used, `chain/wrong-chain-id` when it is another network's
 */
export async function loadAddresses(chainId: number, file = addressesPath(chainId)): Promise<NetworkAddresses> {
  const addresses = parseAddresses(await readText(chainId, file));
  if (addresses.chainId !== chainId) {
    throw new ProtocolError(
      "chain/wrong-chain-id",
      `got addresses of chain ${addresses.chainId} from ${file}, wanted chain ${chainId}: name the right file`,
    );
  }
  return addresses;
}

async function readText(chainId: number, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ProtocolError(
      "chain/not-deployed",
      `contracts not deployed: there is no ${file} for chain ${chainId}; run the deploy script for that network first`,
      { cause },
    );
  }
}
