import type { Faults } from "./operators.ts";

/** What became of the calls; amounts are decimal strings in OPG base units. */
export type DemoCallsReport = {
  /** Questions of the apps. */
  calls: number;
  /** Of these, how many got a whole answer, which was true. */
  answered: number;
  /** Answers that `opg connect` refused because they didn't match what their operator had signed. */
  refusedTampered: number;
  /** How often an operator was asked beyond the first, or the quorum's: by `opg connect`, or by the app after a stream broke off. */
  retried: number;
  /**
   * Receipts that the apps' side holds, those that their operators show a batch for, and those that this was proven of with
   * nothing but the receipt and the chain.
   */
  receipts: { issued: number; anchored: number; proven: number };
  /** What the voucher escrow holds, and owes to channels and operators. */
  channels: { held: string; owed: string };
  durationMs: number;
};

/** What the report doesn't say. */
export type DemoCallsOutcome = { report: DemoCallsReport; faults: Faults; claimed: bigint };

/** The end of the demo for people. */
export function describeCallsReport({ report, faults, claimed }: DemoCallsOutcome): string {
  const { calls, answered, refusedTampered, retried, receipts, channels, durationMs } = report;
  return [
    `${answered} of ${calls} calls answered, every answer true`,
    `altered answers ${faults.tampered}, all ${refusedTampered} refused; streams cut ${faults.cut}; asked again ${retried} times`,
    `wrong answers with true receipts ${faults.answeredWrongly}, all outvoted`,
    `receipts ${receipts.issued}, anchored ${receipts.anchored}, proven ${receipts.proven}; claimed ${claimed} base units, which is all that is owed for them`,
    `voucher escrow holds ${channels.held} and owes ${channels.owed} base units: ${channels.held === channels.owed ? "balanced" : "NOT BALANCED"}`,
    `took ${(durationMs / 1_000).toFixed(1)} s`,
  ].join("\n");
}
