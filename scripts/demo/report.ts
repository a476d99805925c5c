import type { Address } from "viem";
import { formatOpg } from "../../src/protocol/units.ts";
import type { CallsReport } from "./calls/story.ts";
import type { JobGas } from "./jobGas.ts";
import type { DemoRequest } from "./requests.ts";

/** The demo's result, as `--json` prints it; amounts are decimal strings in OPG base units. */
export type DemoReport = {
  chainId: number;
  jobs: {
    jobId: string;
    model: string;
    predicted: string | null;
    expected: string;
    status: "settled" | "refunded";
    committee: Address[];
    gas: JobGas;
  }[];
  operators: { address: Address; stakeBefore: string; stakeAfter: string; earned: string; slashed: string }[];
  escrow: { held: string; owed: string };
  calls: CallsReport;
  durationMs: number;
};

const PICTURE_COLUMNS = 14;
const PICTURE_ROWS = 7;
const SIDE = 28;
const RAMP = " .:-=+*#%@";

/** The demo as a person reads it. */
export function describeReport(report: DemoReport, requests: DemoRequest[]): string {
  const rows = report.jobs.map((job, index) => describeJob(job, requests[index] as DemoRequest));
  return [...rows, describeOperators(report), describeCalls(report.calls), describeTotals(report)].join("\n\n");
}

function describeJob(job: DemoReport["jobs"][number], request: DemoRequest): string {
  const { gas } = job;
  const facts = [
    `job        ${job.jobId.slice(0, 18)}…  ${job.model}, asked by a ${describeVia(request)}`,
    `predicted  ${job.predicted ?? "—"}   true  ${job.expected}`,
    `committee  ${job.committee.map((address) => address.slice(0, 10)).join("  ") || "—"}`,
    `gas        open ${gas.open ?? "—"} · commit ${gas.commit.join(" ") || "—"}`,
    `           reveal ${gas.reveal.join(" ") || "—"}`,
    `           settle ${gas.settle ?? "—"} · refund ${gas.refund ?? "—"} · total ${gas.total}`,
    `state      ${job.status}`,
  ];
  const picture =
    request.model === "digits" ? drawPicture(request.sample.inputBytes) : drawRow(request.sample.inputBytes);
  return facts.map((fact, line) => `${(picture[line] ?? "").padEnd(PICTURE_COLUMNS)}   ${fact}`).join("\n");
}

function describeVia({ via }: DemoRequest): string {
  if (via === "consumer") return "contract";
  return via === "client" ? "client" : "client whose input nobody serves";
}

/** 28×28 grey values as characters, each the brightest of the 2×4 pixels it stands for. */
function drawPicture(pixels: Uint8Array): string[] {
  const [width, height] = [SIDE / PICTURE_COLUMNS, SIDE / PICTURE_ROWS];
  return Array.from({ length: PICTURE_ROWS }, (_, row) =>
    Array.from({ length: PICTURE_COLUMNS }, (_, column) => {
      let brightest = 0;
      for (let y = row * height; y < (row + 1) * height; y++) {
        for (let x = column * width; x < (column + 1) * width; x++) {
          brightest = Math.max(brightest, pixels[y * SIDE + x] ?? 0);
        }
      }
      return RAMP[Math.floor((brightest * (RAMP.length - 1)) / 255)];
    }).join(""),
  );
}

function drawRow(millimetres: Uint8Array): string[] {
  const names = ["sepal long", "sepal wide", "petal long", "petal wide"];
  return Array.from(millimetres, (value, index) => `${names[index]} ${(value / 10).toFixed(1)}`);
}

function describeOperators({ operators }: DemoReport): string {
  const lines = operators.map(({ address, stakeBefore, stakeAfter, earned, slashed }) => {
    const [before, after, gain, loss] = [stakeBefore, stakeAfter, earned, slashed].map((amount) =>
      formatOpg(BigInt(amount)),
    );
    return `${address}  stake ${before} → ${after} OPG, earned ${gain}, slashed ${loss}`;
  });
  return ["operators", ...lines].join("\n");
}

function describeCalls({ channels, receipts, equivocations, omissions, ...rest }: CallsReport): string {
  const { operators, payers, vouchers, bonds, claimedLate } = rest;
  const balance = (of: { held: string; owed: string }) => (of.held === of.owed ? "balanced" : "NOT BALANCED");
  return [
    "calls",
    `${channels} channels, ${receipts.issued} receipts checked by their clients, ${receipts.anchored} anchored`,
    `equivocations shown ${equivocations}; omissions challenged ${omissions.challenged}: ${omissions.answered} answered, ${omissions.upheld} upheld`,
    ...operators.map(
      ({ operatorId, earned, slashed }) =>
        `operator ${operatorId}: earned ${formatOpg(BigInt(earned))} OPG, slashed ${formatOpg(BigInt(slashed))}`,
    ),
    ...payers.map(
      ({ paid, returned, remaining }, index) =>
        `payer ${index + 1}: paid ${formatOpg(BigInt(paid))} OPG, got back ${formatOpg(BigInt(returned))}, left ${formatOpg(BigInt(remaining))}`,
    ),
    `claimed after the payer's exit was due: ${formatOpg(BigInt(claimedLate))} OPG`,
    `voucher escrow holds ${vouchers.held} and owes ${vouchers.owed} base units: ${balance(vouchers)}; bonds: ${balance(bonds)}`,
  ].join("\n");
}

function describeTotals({ jobs, operators, escrow, durationMs }: DemoReport): string {
  const settled = jobs.filter(({ status }) => status === "settled");
  const right = settled.filter(({ predicted, expected }) => predicted === expected);
  const slashed = operators.reduce((sum, operator) => sum + BigInt(operator.slashed), 0n);
  const gas = settled.map(({ gas: { total } }) => total);
  const mean = Math.round(gas.reduce((sum, total) => sum + total, 0) / Math.max(gas.length, 1));
  const balance = escrow.held === escrow.owed ? "balanced to the last unit" : "NOT BALANCED";
  return [
    `settled ${settled.length} (${right.length} predictions true), refunded ${jobs.length - settled.length}, slashed ${formatOpg(slashed)} OPG`,
    `escrow holds ${escrow.held} and owes ${escrow.owed} base units: ${balance}`,
    `gas per settled job: ${mean} on average, ${Math.min(...gas)} to ${Math.max(...gas)}`,
    `took ${(durationMs / 1000).toFixed(1)} s`,
  ].join("\n");
}
