/**
 * Gas of one paid job, step by step, on an in-process chain, beside the peers' and the floor. `node bench/gas.bench.ts`
 * writes `bench/results/gas.json` and the tables of `docs/gas.md`; `--check` measures afresh and fails if anything
 * differs from what is committed.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import hre from "hardhat";
import { measureCalls } from "./gas/calls.ts";
import { HARDFORK } from "./gas/chain.ts";
import { measureGas, setStage } from "./gas/scenario.ts";
import { besidePeers, itemsOf, withTables } from "./gas/tables.ts";

const RESULT_FILE = new URL("./results/gas.json", import.meta.url);
const DOCUMENT = new URL("../docs/gas.md", import.meta.url);

const CONDITIONS = [
  "inline input of 64 bytes, or of 784 (a digit picture: a ring on black); result of 40 bytes, another one for each job",
  "no consumer unless named",
  "royalty and protocol fee 1 % each, to distinct accounts that already hold a balance",
  "bond equal to the fee (above zero)",
  "five distinct parties: payer, three operators' signers, settler",
  "fixed keys and salts; fixed block times",
  "first: a fresh nonce key and parties that have not done the step before; fresh key: a fresh nonce key, the parties of before; else the same parties and key, third job or later",
  "of the commits and reveals of a job the dearest is given",
  "job, three operators, total: open, three commits, two reveals, the third reveal inside settle (seat 0's, whose operator settles first); reveals carried: all three inside settle; every reveal alone: none",
  "the result's hash stored, the earners paid, the bonds unlocked; the whole job and its input in the event; every txReceipt's status and the job's end asserted",
  "anchorings and vouchers: an operator whose ring of batches has gone round once and whose earnings aren't zero; no URI, the data being where its gateway serves it; a batch's size makes no difference but for its bytes",
  "vouchers: of distinct payers, each the third or later of its channel and for more than the one before; voucher, in a batch of 100: an anchoring with 100 of them less one with none, divided by 100; alone: claimed without an anchoring, the whole transaction divided by their number",
  "receipt, 1,000 from 10 payers: one anchoring of 1,000 receipts with 10 vouchers for 100 calls each, the whole transaction divided by 1,000",
  "omission challenge: with a bond in OPG, into a fresh slot; omission answer: the 501st of 1,000 receipts, ten siblings, the bond paid out; equivocation: two receipts, no bounty, into a fresh slot",
  "fund channel: by somebody else, with the payer's signature and permit; first: the payer's first OPG and channel",
  "freshSlotsPerJob: storage slots that were zero before and aren't after, counted from the execution traces",
];

const check = process.argv.includes("--check");
await hre.tasks.getTask("build").run({ noTests: true, quiet: true });
const stage = await setStage(hre);
const { cases: jobs, steady } = await measureGas(stage);
const calls = await measureCalls(hre);
const cases = { ...jobs, ...calls.cases };
const items = { ...(await itemsOf(stage, steady)), ...calls.items };
const compiler = hre.config.solidity.profiles.default?.compilers[0];
const report = {
  unit: "gas",
  evm: compiler?.settings.evmVersion,
  rules: HARDFORK,
  optimizer: { ...compiler?.settings.optimizer, viaIR: compiler?.settings.viaIR },
  commit: check ? undefined : commitOfTree(),
  conditions: CONDITIONS,
  cases,
  items,
};

if (check) compareWithCommitted();
else {
  writeFileSync(RESULT_FILE, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, "utf8"), cases, items));
}
for (const [name, gas] of Object.entries(cases)) process.stdout.write(`${String(gas).padStart(9)} ${name}\n`);
process.stdout.write(`\n${besidePeers(cases)}\n`);

function compareWithCommitted(): void {
  const committed = JSON.parse(readFileSync(RESULT_FILE, "utf8"));
  for (const kind of ["cases", "items"] as const) {
    const [before, now] = [committed[kind], report[kind]] as Record<string, unknown>[];
    for (const name of new Set([...Object.keys(before ?? {}), ...Object.keys(now ?? {})])) {
      if (isDeepStrictEqual(before?.[name], now?.[name])) continue;
      const [was, is] = [before?.[name], now?.[name]].map((value) => JSON.stringify(value));
      process.stderr.write(`gas changed: ${name}: committed ${was}, measured ${is}\n`);
      process.exitCode = 1;
    }
  }
  const text = readFileSync(DOCUMENT, "utf8");
  if (withTables(text, cases, items) !== text) {
    process.stderr.write("docs/gas.md has other figures than were measured\n");
    process.exitCode = 1;
  }
  if (process.exitCode === 1)
    process.stderr.write("Run `npm run bench:gas` and commit what it wrote if it is meant.\n");
}

/** The commit measured, marked when the tree holds changes that are in no commit. */
function commitOfTree(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const dirty = git("status", "--porcelain", "--", "contracts", "hardhat.config.ts") !== "";
  return git("rev-parse", "HEAD") + (dirty ? "+changes" : "");
}
