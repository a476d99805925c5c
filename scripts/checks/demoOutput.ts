import { readFileSync } from "node:fs";
import type { DemoReport } from "../demo/report.ts";

const JOB_KEYS = ["jobId", "model", "predicted", "expected", "status", "committee", "gas"];
const GAS_KEYS = ["open", "commit", "reveal", "settle", "refund", "total"];
const CALLS_KEYS = [
  "channels",
  "receipts",
  "equivocations",
  "omissions",
  "claimedLate",
  "operators",
  "payers",
  "vouchers",
  "bonds",
];
const OPERATOR_KEYS = ["address", "stakeBefore", "stakeAfter", "earned", "slashed"];

/**
 * What is wrong with the demo's standard output: it must be one JSON object and nothing else, of the documented form,
 * and tell of a demo that went as it should. Undefined: nothing.
 */
export function findFault(output: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return `not one JSON value: ${JSON.stringify(output.slice(0, 200))}`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not a JSON object";
  return findFormFault(value) ?? findStoryFault(value as DemoReport) ?? findCallsFault((value as DemoReport).calls);
}

function findFormFault(report: object): string | undefined {
  const { jobs, operators } = report as Partial<DemoReport>;
  if (!hasKeys(report, ["chainId", "jobs", "operators", "escrow", "calls", "durationMs"]))
    return "other keys than documented";
  if (!Array.isArray(jobs) || !jobs.every((job) => hasKeys(job, JOB_KEYS) && hasKeys(job.gas, GAS_KEYS))) {
    return "jobs of another form than documented";
  }
  if (!Array.isArray(operators) || !operators.every((operator) => hasKeys(operator, OPERATOR_KEYS))) {
    return "operators of another form than documented";
  }
  if (!hasKeys((report as Partial<DemoReport>).calls, CALLS_KEYS)) return "calls of another form than documented";
  return undefined;
}

function findStoryFault({ jobs, operators, escrow }: DemoReport): string | undefined {
  const settled = (model: string) => jobs.filter((job) => job.model === model && job.status === "settled").length;
  const liars = operators.filter(({ slashed }) => BigInt(slashed) > 0n);
  const honest = operators.filter(({ slashed }) => BigInt(slashed) === 0n);
  if (settled("digits") < 20 || settled("iris") < 10) return "fewer than 20 pictures and 10 rows settled";
  if (!jobs.some(({ status }) => status === "refunded")) return "no job was refunded";
  if (liars.length !== 1) return `${liars.length} operators were slashed, not one`;
  if (!liars.every(({ stakeBefore, stakeAfter }) => BigInt(stakeAfter) < BigInt(stakeBefore))) {
    return "a liar kept its stake";
  }
  if (!honest.every(({ earned }) => BigInt(earned) > 0n)) return "an honest operator earned nothing";
  return escrow.held === escrow.owed ? undefined : `the escrow holds ${escrow.held} and owes ${escrow.owed}`;
}

function findCallsFault({
  channels,
  receipts,
  equivocations,
  omissions,
  ...rest
}: DemoReport["calls"]): string | undefined {
  const { claimedLate, operators, payers, vouchers, bonds } = rest;
  const total = (amounts: string[]) => amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);
  if (channels !== 2 || receipts.issued !== 1_000 || receipts.checked !== 1_000)
    return "not 1,000 receipts of 2 channels";
  if (receipts.anchored !== 999) return `${receipts.anchored} receipts are anchored, all but one should be`;
  if (equivocations !== 1) return `${equivocations} equivocations were shown, not one`;
  if (omissions.answered !== 1 || omissions.upheld !== 1) return "not one omission answered and one upheld";
  if (BigInt(claimedLate) <= 0n) return "nothing was claimed late";
  const slashed = operators.map((operator) => BigInt(operator.slashed));
  if (slashed.filter((amount) => amount > 0n).length !== 1) return "not one operator of calls was slashed";
  if (vouchers.held !== vouchers.owed) return `the voucher escrow holds ${vouchers.held} and owes ${vouchers.owed}`;
  if (bonds.held !== bonds.owed || bonds.held !== "0")
    return `the receipt log holds ${bonds.held} and owes ${bonds.owed}`;
  const left = total(payers.map(({ remaining }) => remaining));
  if (left !== BigInt(vouchers.held))
    return `the channels have ${left} left, the voucher escrow holds ${vouchers.held}`;
  return undefined;
}

function hasKeys(value: object | undefined, keys: string[]): boolean {
  return value !== undefined && Object.keys(value).sort().join() === [...keys].sort().join();
}

// node scripts/checks/demoOutput.ts <file>
if (import.meta.main) {
  const fault = findFault(readFileSync(process.argv[2] ?? 0, "utf8"));
  if (fault !== undefined) console.error(`demo output: ${fault}`);
  process.exitCode = fault === undefined ? 0 : 1;
}
