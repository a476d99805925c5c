import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compileMutant } from "../authority/mutate.ts";
import { type RemovedCheck, removableChecks } from "./checks.ts";
import type { Scratch, TestRun } from "./scratch.ts";

/** A check of one of the contracts for calls, and where it stands. */
export type Check = RemovedCheck & { source: Source };
export type Verdict = { file: string; line: number; check: string; foundBy: string[] };

type Source = {
  file: string;
  /** The contract that is deployed with the check taken out; undefined: a library, which tests hold in themselves. */
  contract?: string;
  /** Tests that are compiled with the library. */
  tests?: readonly string[];
};

const TESTS = "test/contracts/calls";

const SOURCES: readonly Source[] = [
  { file: "contracts/calls/VoucherEscrow.sol", contract: "VoucherEscrow" },
  { file: "contracts/calls/ReceiptLog.sol", contract: "ReceiptLog" },
  { file: "contracts/calls/ChannelState.sol", tests: [`${TESTS}/ChannelState.t.sol`] },
  { file: "contracts/calls/LogState.sol", tests: [`${TESTS}/LogState.t.sol`] },
  { file: "contracts/types/Voucher.sol", tests: ["test/contracts/types/Voucher.t.sol"] },
  { file: "contracts/libraries/ReceiptProof.sol", tests: ["test/contracts/libraries/ReceiptProof.t.sol"] },
];

/** All checks of the contracts for calls and of their libraries. */
export function allChecks(): Check[] {
  return SOURCES.flatMap((source) =>
    removableChecks(source.file, readFileSync(source.file, "utf8")).map((check) => ({ ...check, source })),
  );
}

/** Takes a check out, runs the tests, and says which of them found that. */
export async function tryWithout({ source, line, check, patch }: Check, scratch: Scratch): Promise<Verdict> {
  const run = source.contract === undefined ? libraryWithout : contractWithout;
  const { failed } = await run(source, patch, scratch);
  return { file: source.file, line, check, foundBy: failed };
}

async function contractWithout(
  { file, contract = "" }: Source,
  patch: Check["patch"],
  scratch: Scratch,
): Promise<TestRun> {
  await scratch.replace(file, contract, compileMutant(file, contract, patch));
  try {
    return await scratch.test(await callsTests(), true);
  } finally {
    await scratch.replace(file, contract, undefined);
  }
}

async function libraryWithout({ file, tests = [] }: Source, patch: Check["patch"], scratch: Scratch): Promise<TestRun> {
  await scratch.write(file, patch.to);
  try {
    return await scratch.test(tests, false);
  } finally {
    await scratch.write(file, undefined);
  }
}

/** Without those compiled against a library's own code, which can't see what is deployed. */
export async function callsTests(): Promise<string[]> {
  const names = await readdir(TESTS);
  return names.filter((name) => /^(VoucherEscrow|ReceiptLog)\..*\.t\.sol$/.test(name)).map((name) => join(TESTS, name));
}
