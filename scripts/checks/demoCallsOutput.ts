import { readFileSync } from "node:fs";
import { z } from "zod";
import type { DemoCallsReport } from "../demoCalls/report.ts";

const CALLS = 200;

const count = z.int().min(0);
const amount = z.string().regex(/^(0|[1-9][0-9]*)$/);
const REPORT = z.strictObject({
  ...{ calls: count, answered: count, refusedTampered: count, retried: count },
  receipts: z.strictObject({ issued: count, anchored: count, proven: count }),
  channels: z.strictObject({ held: amount, owed: amount }),
  durationMs: count,
});

/**
 * What is wrong with the standard output of the demo of calls: it must be one JSON object and nothing else, of the documented
 * form, and tell of a demo that went as it should. Undefined: nothing.
 */
export function findCallsFault(output: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return `not one JSON value: ${JSON.stringify(output.slice(0, 200))}`;
  }
  const { success, data } = REPORT.safeParse(value);
  return success ? findStoryFault(data) : "of another form than documented";
}

function findStoryFault(report: DemoCallsReport): string | undefined {
  const { calls, answered, refusedTampered, retried, receipts, channels } = report;
  const { issued, anchored, proven } = receipts;
  if (calls !== CALLS || answered !== CALLS) return `${answered} of ${calls} calls were answered, not ${CALLS}`;
  if (refusedTampered === 0) return "no altered answer was refused";
  if (retried < refusedTampered) return `${refusedTampered} answers were refused, and only ${retried} asked for again`;
  if (issued < calls) return `there are ${issued} receipts of ${calls} calls`;
  if (anchored !== issued || proven !== issued)
    return `of ${issued} receipts ${anchored} are anchored, ${proven} proven`;
  if (BigInt(channels.held) === 0n) return "the voucher escrow holds nothing";
  if (channels.held !== channels.owed) return `the voucher escrow holds ${channels.held} and owes ${channels.owed}`;
  return undefined;
}

// node scripts/checks/demoCallsOutput.ts <file>
if (import.meta.main) {
  const fault = findCallsFault(readFileSync(process.argv[2] ?? 0, "utf8"));
  if (fault !== undefined) console.error(`demo of calls: ${fault}`);
  process.exitCode = fault === undefined ? 0 : 1;
}
