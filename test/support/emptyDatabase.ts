import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import packageJson from "../../package.json" with { type: "json" };

// Making an empty database takes five seconds of a processor, copying one takes one.

const CACHE = fileURLToPath(new URL("../../cache/databases", import.meta.url));
const EMPTY = join(CACHE, `empty-${packageJson.dependencies["@electric-sql/pglite"]}`);

let making: Promise<void> | undefined;

/** Puts an empty database, as PGlite makes it, where a store's would be made: for tests of what comes after. */
export async function putEmptyDatabase(folder: string): Promise<void> {
  making ??= make();
  await making;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await cp(EMPTY, join(folder, "postgres"), { recursive: true });
}

async function make(): Promise<void> {
  if (existsSync(EMPTY)) return;
  await mkdir(CACHE, { recursive: true });
  const made = await mkdtemp(join(CACHE, "making-"));
  await (await PGlite.create(made)).close();
  // Whoever is later than another process leaves that one's where it is.
  await rename(made, EMPTY).catch(() => rm(made, { recursive: true, force: true }));
}
