import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Hex, isHex, size, toHex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";

/**
 * The node's secret, 32 bytes in hex: from its file, or new and written there before anything depends on it. Salts of
 * commitments come from it, so a copy of this file alone saves the bonds of a node that lost everything else.
 * @throws ProtocolError `node/invalid-secret` when the file holds something else
 */
export async function openSecret(file: string): Promise<Hex> {
  const secret = ((await read(file)) ?? (await create(file))).trim();
  if (isHex(secret) && size(secret) === 32) return secret;
  throw new ProtocolError(
    "node/invalid-secret",
    `${file} doesn't hold 32 bytes in hex, nothing else is allowed: bring its copy back, or use another folder`,
  );
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Complete and on the disk, or not there at all; of several that are made at once the first is everybody's. */
async function create(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(unfinished, "wx", 0o600);
    try {
      await file.writeFile(`${toHex(randomBytes(32))}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(unfinished, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(unfinished, { force: true });
  }
  return readFile(path, "utf8");
}
