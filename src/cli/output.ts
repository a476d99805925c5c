import type { TransactionReceipt } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { formatOpg } from "../protocol/units.ts";

/** What a command has to say: one JSON object, and the same for people. */
export type Answer = {
  /** Amounts are OPG base units, bigint; they become strings. */
  json: Record<string, unknown>;
  text: string;
  /** True when the answer is a no, so that a script can branch on the exit code. */
  failed?: boolean;
};

export function toJson(value: Record<string, unknown>): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item), 2);
}

/** Pairs as lines, the first column padded; what is undefined is left out. */
export function lines(pairs: readonly (readonly [string, string | undefined])[]): string {
  const shown = pairs.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

/** Rows of equally many cells as aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function opg(amount: bigint): string {
  return `${formatOpg(amount)} OPG`;
}

/** @param at unix seconds */
export function time(at: number): string {
  return new Date(at * 1000).toISOString().replace(".000Z", "Z");
}

export function percent(ppm: number): string {
  return `${(ppm / 10_000).toFixed(1)} %`;
}

export function hashesOf(txReceipts: readonly TransactionReceipt[]): string[] {
  return txReceipts.map(({ transactionHash }) => transactionHash);
}

export type Failure = { code: string; message: string; isRetryable: boolean };

/** A failure as programs and people read it. Of others' errors only the first line: the rest may hold an RPC's URL. */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProtocolError) {
    return { code: error.code, message: oneLine(message), isRetryable: error.isRetryable };
  }
  return { code: "cli/unexpected", message: oneLine(message.split("\n", 1)[0] ?? ""), isRetryable: false };
}
