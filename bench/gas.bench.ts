/**
 * Gas of one paid job, step by step, on an in-process chain. `node bench/gas.bench.ts` writes
 * `bench/results/gas.json`; `--check` measures afresh and fails if any case differs from what is committed.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import hre from "hardhat";
import { HARDFORK, measureGas, setStage } from "./gas/scenario.ts";

const RESULT_FILE = new URL("./results/gas.json", import.meta.url);

const CONDITIONS = [
  "inline input of 64 bytes, result of 40 bytes",
  "no consumer unless named",
  "royalty and protocol fee 1 % each, to distinct accounts that already hold a balance",
  "bond equal to the fee (above zero)",
  "five distinct parties: payer, three operators' signers, settler",
  "fixed keys and salts; fixed block times",
  "first: a fresh nonce key and parties that have not done the step before; steady: the same parties and key, third job",
  "of the three commits and reveals of a job the dearest is given; the total adds all eight transactions of a steady job",
  "the whole job and its input in the event; every txReceipt's status and the job's end asserted",
];

const check = process.argv.includes("--check");
await hre.tasks.getTask("build").run({ noTests: true, quiet: true });
const stage = await setStage(hre);
const { cases, steady } = await measureGas(stage);
if (process.argv.includes("--items")) {
  for (const hash of [steady.hashes.open, ...steady.hashes.commits, ...steady.hashes.reveals, steady.hashes.settle])
    console.log(await stage.itemsOf(hash));
}
const compiler = hre.config.solidity.profiles.default?.compilers[0];
const report = {
  unit: "gas",
  evm: compiler?.settings.evmVersion,
  optimizer: { ...compiler?.settings.optimizer, viaIR: compiler?.settings.viaIR },
  commit: check ? undefined : commitOfTree(),
  conditions: CONDITIONS,
  cases,
};

if (check) compareWithCommitted();
else writeFileSync(RESULT_FILE, `${JSON.stringify(report, null, 2)}\n`);
for (const [name, gas] of Object.entries(cases)) process.stdout.write(`${String(gas).padStart(9)} gas  ${name}\n`);

function compareWithCommitted(): void {
  const committed = JSON.parse(readFileSync(RESULT_FILE, "utf8"));
  if (isDeepStrictEqual(committed.cases, cases)) return;
  for (const name of new Set([...Object.keys(committed.cases), ...Object.keys(cases)])) {
    const [before, now] = [committed.cases[name], cases[name]];
    if (before !== now) process.stderr.write(`gas changed: ${name}: committed ${before}, measured ${now}\n`);
  }
  process.stderr.write("Run `npm run bench:gas` and commit bench/results/gas.json if the change is meant.\n");
  process.exitCode = 1;
}

/** The commit measured, marked when the tree holds changes that are in no commit. */
function commitOfTree(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const dirty = git("status", "--porcelain", "--", "contracts", "hardhat.config.ts") !== "";
  return git("rev-parse", "HEAD") + (dirty ? "+changes" : "");
}
