import type { Hex } from "viem";
import type { ChannelEvent } from "../chain/channelEvents.ts";
import type { ChannelParties, ChannelStatus } from "../chain/channels.ts";
import { type Channel, channelId, type VoucherDomain } from "../protocol/channel.ts";

/** A channel as it is remembered. */
export type RememberedChannel = {
  channelId: Hex;
  status: ChannelStatus;
  /** Something was claimed since it was read; of whom, no event says. */
  isClaimedOld: boolean;
};

/** The channels used last. */
export type ChannelMemory = {
  get(parties: ChannelParties): RememberedChannel | undefined;
  /** Keeps what was read; of what is known of the same opening already, nothing is taken back. */
  set(parties: ChannelParties, status: ChannelStatus): ChannelStatus;
  /** Events may come again, and in any order within a channel's opening. */
  apply(event: ChannelEvent): void;
  markClaimed(): void;
};

type Entry = RememberedChannel & { key: string };

/** @param capacity channels; beyond it the one that wasn't used for longest is forgotten */
export function createChannelMemory(domain: VoucherDomain, capacity: number): ChannelMemory {
  /** The least recently used first. */
  const entries = new Map<string, Entry>();
  const keys = new Map<Hex, string>();
  /** Of channels that aren't remembered too: what was read of one before its exit may come in after it. Oldest first. */
  const exits = new Map<Hex, number>();

  function keep(parties: ChannelParties, status: ChannelStatus, isClaimedOld: boolean): void {
    const key = keyOf(parties);
    forget(key);
    const id = channelId({ ...parties, opening: status.opening }, domain);
    entries.set(key, { key, channelId: id, status, isClaimedOld });
    keys.set(id, key);
    if (entries.size > capacity) forget(entries.keys().next().value as string);
  }

  function forget(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    keys.delete(entry.channelId);
  }

  function takeExit(id: Hex, exitsAt: number): void {
    exits.set(id, exitsAt);
    if (exits.size > capacity) exits.delete(exits.keys().next().value as Hex);
  }

  function open({ opening, ...parties }: Channel): void {
    const known = entries.get(keyOf(parties));
    if (known !== undefined && known.status.opening < opening) keep(parties, openedStatus(opening), false);
  }

  return {
    get(parties) {
      const entry = entries.get(keyOf(parties));
      if (entry === undefined) return undefined;
      entries.delete(entry.key);
      entries.set(entry.key, entry);
      return entry;
    },
    set(parties, status) {
      const known = entries.get(keyOf(parties))?.status;
      const told = exits.get(channelId({ ...parties, opening: status.opening }, domain)) ?? 0;
      const read = { ...status, exitsAt: Math.max(status.exitsAt, told) };
      const merged = known === undefined ? read : merge(known, read);
      keep(parties, merged, false);
      return merged;
    },
    apply(event) {
      if (event.kind === "opened") return open(event);
      if (event.kind === "exiting") takeExit(event.channelId, Number(event.exitsAt));
      const entry = entries.get(keys.get(event.channelId) ?? "");
      if (entry === undefined) return;
      if (event.kind === "closed") return forget(entry.key);
      entry.status = merge(entry.status, changed(entry.status, event));
    },
    markClaimed() {
      for (const entry of entries.values()) entry.isClaimedOld = true;
    },
  };
}

/** Of the three whose channel it is. */
export function keyOf({ payer, operatorId, voucherKey }: ChannelParties): string {
  return `${payer} ${operatorId} ${voucherKey}`.toLowerCase();
}

function openedStatus(opening: number): ChannelStatus {
  return { opening, deposited: 0n, claimed: 0n, exitsAt: 0 };
}

function changed(status: ChannelStatus, event: Extract<ChannelEvent, { kind: "funded" | "exiting" }>): ChannelStatus {
  return event.kind === "funded"
    ? { ...status, deposited: event.totalDeposited }
    : { ...status, exitsAt: Number(event.exitsAt) };
}

/** Of the later opening; within one, everything only grows. */
function merge(known: ChannelStatus, read: ChannelStatus): ChannelStatus {
  if (known.opening !== read.opening) return known.opening > read.opening ? known : read;
  return {
    opening: known.opening,
    deposited: known.deposited > read.deposited ? known.deposited : read.deposited,
    claimed: known.claimed > read.claimed ? known.claimed : read.claimed,
    exitsAt: Math.max(known.exitsAt, read.exitsAt),
  };
}
