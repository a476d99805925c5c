import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { type Hex, isHex, size, toHex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";

/**
 * The node's secret, 32 bytes in hex: from its file, or new and written there before anything depends on it. Salts of
 * commitments come from it, so a copy of this file alone saves the bonds of a node that lost everything else.
 * @throws ProtocolError `node/invalid-secret` when the file holds something else
 */
export async function openSecret(file: string): Promise<Hex> {
  const kept = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (kept === undefined) return createSecret(file);
  const secret = kept.trim();
  if (isHex(secret) && size(secret) === 32) return secret;
  throw new ProtocolError(
    "node/invalid-secret",
    `${file} doesn't hold 32 bytes in hex, nothing else is allowed: bring its copy back, or use another folder`,
  );
}

/** Complete and on the disk, or not there at all. */
async function createSecret(path: string): Promise<Hex> {
  const secret = toHex(randomBytes(32));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.tmp`;
  const file = await open(unfinished, "w", 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  return secret;
}
