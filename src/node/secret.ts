import { type Hex, isHex, size } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { readOrCreateSecret } from "../store/secretFile.ts";

/**
 * The node's secret, 32 bytes in hex: from its file, or new and written there before anything depends on it. Salts of
 * commitments come from it, so a copy of this file alone saves the bonds of a node that lost everything else.
 * @throws ProtocolError `node/invalid-secret` when the file holds something else
 */
export async function openSecret(file: string): Promise<Hex> {
  const secret = await readOrCreateSecret(file);
  if (isHex(secret) && size(secret) === 32) return secret;
  throw new ProtocolError(
    "node/invalid-secret",
    `${file} doesn't hold 32 bytes in hex, nothing else is allowed: bring its copy back, or use another folder`,
  );
}
