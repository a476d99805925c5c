import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../bench/results/", import.meta.url);

/** Writes a campaign's figures into `bench/results/`, with the machine and the commit they are of. */
export async function writeResults(name: string, figures: object): Promise<void> {
  const report = {
    ...figures,
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${process.platform} ${process.arch}`,
    node: process.version,
    commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
    date: new Date().toISOString(),
  };
  await writeFile(fileURLToPath(new URL(`${name}.json`, FOLDER)), `${JSON.stringify(report, null, 2)}\n`);
}
