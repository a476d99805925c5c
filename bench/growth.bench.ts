/**
 * The gas of one job beside few and beside many operators, models and past jobs. `node bench/growth.bench.ts` writes
 * `bench/results/growth.json`; `--check` measures afresh and fails if it differs from what is committed. Both fail when a
 * step costs more than 3 % more beside many.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import hre from "hardhat";
import { dearerBy, growthProblems, measureGrowth } from "./gas/growth.ts";

const RESULT_FILE = new URL("./results/growth.json", import.meta.url);
const FEW = 10;
const MANY = 2_000;

const check = process.argv.includes("--check");
await hre.tasks.getTask("build").run({ noTests: true, quiet: true });
const growth = await measureGrowth(hre, FEW, MANY, (line) => process.stderr.write(`${line}\n`));
const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();

if (check) {
  const { growth: committed } = JSON.parse(readFileSync(RESULT_FILE, "utf8"));
  if (!isDeepStrictEqual(committed, growth)) {
    process.stderr.write(
      "growth changed: run `npm run bench:growth` and commit bench/results/growth.json if it is meant\n",
    );
    process.exitCode = 1;
  }
} else
  writeFileSync(RESULT_FILE, `${JSON.stringify({ unit: "gas", few: FEW, many: MANY, commit, growth }, null, 2)}\n`);

for (const [what, beside] of Object.entries(growth.common)) {
  for (const [step, pct] of Object.entries(dearerBy(beside)))
    process.stdout.write(
      `${what}: ${step} ${beside.few[step]} beside ${FEW}, ${beside.many[step]} beside ${MANY} (${pct} %)\n`,
    );
  for (const problem of growthProblems(what, beside)) {
    process.stderr.write(`${problem}\n`);
    process.exitCode = 1;
  }
}
for (const [what, steps] of Object.entries(growth.stakeChangedSinceOpening))
  process.stdout.write(`stake changed since the job opened, ${what}: ${JSON.stringify(steps)}\n`);
