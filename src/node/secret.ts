import type { Hex } from "viem";
import { readOrCreateSecret } from "../store/secretFile.ts";

/**
 * The node's secret, 32 bytes in hex: from its file, or new and written there before anything depends on it. Salts of
 * commitments come from it, so a copy of this file alone saves the bonds of a node that lost everything else.
 * @throws ProtocolError `node/invalid-secret` when the file holds something else
 */
export async function openSecret(file: string): Promise<Hex> {
  return await readOrCreateSecret(file, "node/invalid-secret");
}
