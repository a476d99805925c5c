import type { GetLogsReturnType, Hex } from "viem";
import { getLogs } from "viem/actions";
import { commitRevealVerifierAbi } from "./abi/commitRevealVerifier.ts";
import type { Chain } from "./clients.ts";
import { type BlockRange, type LogPlace, placeOf } from "./contractCall.ts";
import { readLogs } from "./logRanges.ts";

/** What happened on a job's committee. */
export type CommitteeEvent = { jobId: Hex; place: LogPlace } & (
  | { kind: "seedPinned"; seed: bigint }
  | { kind: "committed"; operatorId: number; seat: number }
  | { kind: "evicted"; operatorId: number; seat: number }
  | { kind: "revealed"; operatorId: number; resultHash: Hex }
  | { kind: "slashed"; operatorId: number; fault: Fault; amount: bigint }
);

/** Why a seat lost its bond. */
export type Fault = (typeof FAULTS)[number];

const FAULTS = ["minority", "silence", "withheld"] as const;
const EVENT_NAMES = ["SeedPinned", "ResultCommitted", "SeatEvicted", "ResultRevealed", "BondSlashed"] as const;
const EVENTS = commitRevealVerifierAbi.filter(
  (
    item,
  ): item is Extract<(typeof commitRevealVerifierAbi)[number], { type: "event"; name: (typeof EVENT_NAMES)[number] }> =>
    item.type === "event" && EVENT_NAMES.some((name) => name === item.name),
);

/** What happened on committees, oldest first; of one job only, when given. */
export async function committeeEvents(
  chain: Chain,
  { jobId, ...wanted }: BlockRange & { jobId?: Hex },
): Promise<CommitteeEvent[]> {
  const { publicClient, addresses } = chain;
  const logs = await readLogs(chain, wanted, (range) =>
    getLogs(publicClient, { address: addresses.verifier, events: EVENTS, strict: true, ...range }),
  );
  return logs.map(toCommitteeEvent).filter((event) => jobId === undefined || event.jobId === jobId);
}

type CommitteeLog = GetLogsReturnType<undefined, typeof EVENTS, true, bigint, bigint | "latest">[number];

function toCommitteeEvent(log: CommitteeLog): CommitteeEvent {
  const place = placeOf(log);
  switch (log.eventName) {
    case "SeedPinned":
      return { kind: "seedPinned", place, ...log.args };
    case "ResultCommitted":
      return { kind: "committed", place, ...log.args };
    case "SeatEvicted":
      return { kind: "evicted", place, ...log.args };
    case "ResultRevealed":
      return { kind: "revealed", place, ...log.args };
    case "BondSlashed":
      return { kind: "slashed", place, ...log.args, fault: FAULTS[log.args.fault] ?? "silence" };
  }
}
