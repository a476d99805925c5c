import type { GetLogsReturnType, Hex } from "viem";
import { getLogs } from "viem/actions";
import { commitRevealVerifierAbi } from "./abi/commitRevealVerifier.ts";
import type { Chain } from "./clients.ts";
import { type BlockRange, type LogPlace, placeOf } from "./contractCall.ts";
import { readLogs } from "./logRanges.ts";

/** What happened on a job's committee. */
export type CommitteeEvent = { jobId: Hex; place: LogPlace } & (
  | { kind: "seedPinned"; seed: bigint }
  /** The seat is the one of an eviction just before in the same transaction, or else the next after those taken. */
  | { kind: "committed"; operatorId: number }
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

/** A seat as the log leaves it. */
export type SeatState = { operatorId: number; seat: number; revealed?: Hex };

/**
 * The seats taken in the end, in order; who was evicted is none of them.
 * @param committee all events of one job: a newcomer takes the seat of the eviction before it, or the next free one
 */
export function seatsOf(committee: readonly CommitteeEvent[]): SeatState[] {
  const seats = new Map<number, SeatState>();
  let freed: number | undefined;
  for (const event of committee) {
    if (event.kind === "evicted") {
      seats.delete(event.operatorId);
      freed = event.seat;
    } else if (event.kind === "committed") {
      seats.set(event.operatorId, { operatorId: event.operatorId, seat: freed ?? seats.size });
      freed = undefined;
    } else if (event.kind === "revealed") {
      const taken = seats.get(event.operatorId);
      if (taken !== undefined) taken.revealed = event.resultHash;
    }
  }
  return [...seats.values()].sort((a, b) => a.seat - b.seat);
}
