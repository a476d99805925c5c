/**
 * Takes every check out of the contracts for calls, one at a time, and runs their tests: each must be found. `node
 * bench/checks.bench.ts` writes `bench/results/checks.json`; it takes some ten minutes on two cores.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import hre from "hardhat";
import { allChecks, type Check, tryWithout, type Verdict } from "../test/support/mutants/campaign.ts";
import { createScratch } from "../test/support/mutants/scratch.ts";

const RESULT_FILE = new URL("./results/checks.json", import.meta.url);
const WORKERS = 2;

const startedAt = performance.now();
await hre.tasks.getTask("build").run({ quiet: true });
const checks = allChecks();
const waiting = [...checks];
const verdicts: Verdict[] = [];
await Promise.all(Array.from({ length: WORKERS }, work));

const survived = verdicts.filter(({ foundBy }) => foundBy.length === 0);
const report = {
  commit: execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim(),
  machine: `${cpus().length} × ${cpus()[0]?.model}`,
  durationMs: Math.round(performance.now() - startedAt),
  checks: checks.length,
  found: verdicts.length - survived.length,
  survived: survived.map(({ file, line, check }) => `${file}:${line} ${check}`),
  foundBy: Object.fromEntries(
    verdicts
      .sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
      .map(({ file, line, check, foundBy }) => [`${file}:${line} ${check}`, foundBy.length]),
  ),
};
writeFileSync(RESULT_FILE, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`${report.found} of ${report.checks} found\n`);
if (survived.length > 0) process.exitCode = 1;

async function work(): Promise<void> {
  const scratch = await createScratch();
  try {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await judge(check, scratch);
  } finally {
    await scratch.remove();
  }
}

async function judge(check: Check, scratch: Awaited<ReturnType<typeof createScratch>>): Promise<void> {
  const verdict = await tryWithout(check, scratch);
  verdicts.push(verdict);
  const found = verdict.foundBy.length > 0 ? `found by ${verdict.foundBy.length}` : "SURVIVED";
  process.stderr.write(
    `${verdicts.length}/${checks.length} ${found}: ${check.source.file}:${check.line} ${check.check}\n`,
  );
}
