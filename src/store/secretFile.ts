import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Hex, isHex, size, toHex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";

/**
 * The 32 bytes that a secret's file holds. Where there is none, random ones are written there, for its owner alone, before
 * anything depends on them.
 * @throws ProtocolError of that code when the file holds something else
 */
export async function readOrCreateSecret(file: string, errorCode: string): Promise<Hex> {
  const secret = ((await read(file)) ?? (await create(file))).trim();
  if (isHex(secret) && size(secret) === 32) return secret;
  throw new ProtocolError(
    errorCode,
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
