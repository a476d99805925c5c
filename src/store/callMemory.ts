import type { Address, Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";

export type Reservation = {
  channelId: Hex;
  /** Signs the channel's vouchers. */
  voucherKey: Address;
  /** Salted, so that no other call has it: a second call of the same is refused. */
  requestHash: Hex;
  /** Brought with the call; undefined: the one taken before is to do. */
  voucher: SignedVoucher | undefined;
  /** Highest price of the call, OPG base units. */
  cap: bigint;
  /** What the channel holds, claimed part included, OPG base units. */
  deposited: bigint;
  /** What of it was claimed: at least so much is owed, whatever a restored store remembers. */
  claimed: bigint;
  incarnation: number;
  /** A sequence that this process has taken already, the highest: no store that lost it gives it out again. */
  above: bigint;
};

/** What a call that is reserved may cost, and what its channel owes before it, OPG base units. */
export type Reserved = { cap: bigint; owed: bigint };

/** What a channel owed, had reserved before and its vouchers promised when a sequence of it was taken, OPG base units. */
export type TakenReservation = { sequence: bigint; owed: bigint; reserved: bigint; promised: bigint };

/** What this process remembers of its calls, so that it needn't be read again. The store decides whether it still holds. */
export type CallMemory = {
  /**
   * Whether the store will take a call, by what is remembered. Its cap is held, whatever is said, until it was `reserved` or
   * `refused`: who comes later must not be foreseen to have what the store gives to this one.
   */
  foresee(reservation: Omit<Reservation, "incarnation" | "above">): boolean;
  reserved(reservation: Reservation, taken: TakenReservation): void;
  refused(reservation: Reservation, error: unknown): void;
  /** Once for each call: whoever asks again gets what is in the store. */
  take(channelId: Hex, sequence: bigint): Reserved | undefined;
  /** @param owed by the channel from now on */
  ended(channelId: Hex, sequence: bigint, owed?: bigint): void;
  clear(): void;
};

type ChannelMemory = {
  /** What is remembered is what the store counts; false until it was seen to be. */
  isSure: boolean;
  owed: bigint;
  promised: bigint;
  /** By sequence, of calls that are reserved. */
  caps: Map<bigint, { cap: bigint; isTaken: boolean }>;
  /** Of calls that the store hasn't decided on. */
  held: { requestHash: Hex; cap: bigint }[];
};

/** Of so many calls the request hash is remembered, the newest. */
const MAX_HASHES = 10_000;

export function createCallMemory(): CallMemory {
  const channels = new Map<Hex, ChannelMemory>();
  const hashes = new Set<Hex>();
  /** How many calls of a request wait for the store, whatever channel pays them: it takes a request once. */
  const waiting = new Map<Hex, number>();
  let isStoreWell = true;

  function channelOf(channelId: Hex): ChannelMemory {
    const known = channels.get(channelId) ?? { isSure: false, owed: 0n, promised: 0n, caps: new Map(), held: [] };
    channels.set(channelId, known);
    return known;
  }

  function letGo({ channelId, requestHash, cap }: Reservation): void {
    const { held = [] } = channels.get(channelId) ?? {};
    const at = held.findIndex((hold) => hold.requestHash === requestHash && hold.cap === cap);
    if (at < 0) return;
    held.splice(at, 1);
    const left = (waiting.get(requestHash) ?? 1) - 1;
    if (left === 0) waiting.delete(requestHash);
    else waiting.set(requestHash, left);
  }

  function remember(hash: Hex): void {
    hashes.add(hash);
    const [oldest] = hashes;
    if (hashes.size > MAX_HASHES && oldest !== undefined) hashes.delete(oldest);
  }

  return {
    foresee({ channelId, requestHash, voucher, cap, deposited, claimed }) {
      const channel = channelOf(channelId);
      const promised = larger(voucher?.voucher.cumulativeAmount ?? 0n, channel.promised);
      const wanted = larger(claimed, channel.owed) + capsOf(channel.caps.values()) + capsOf(channel.held) + cap;
      const isNew = !hashes.has(requestHash) && !waiting.has(requestHash);
      channel.held.push({ requestHash, cap });
      waiting.set(requestHash, (waiting.get(requestHash) ?? 0) + 1);
      return isStoreWell && channel.isSure && isNew && wanted <= promised && wanted <= deposited;
    },
    reserved(reservation, { sequence, owed, reserved, promised }) {
      isStoreWell = true;
      letGo(reservation);
      const { channelId, requestHash, cap } = reservation;
      const channel = channelOf(channelId);
      channel.isSure ||= reserved === capsOf(channel.caps.values());
      channel.owed = larger(channel.owed, owed); // it never falls
      channel.promised = larger(channel.promised, promised);
      channel.caps.set(sequence, { cap, isTaken: false });
      remember(requestHash);
    },
    refused(reservation, error) {
      isStoreWell = error instanceof ProtocolError;
      letGo(reservation);
      const { channelId } = reservation;
      const channel = channels.get(channelId);
      if (channel === undefined) return;
      // For its amounts: if it was foreseen, something is remembered wrongly.
      if (error instanceof ProtocolError && error.code !== "call/replayed") channel.isSure = false;
      if (!channel.isSure && channel.caps.size === 0 && channel.held.length === 0) channels.delete(channelId);
    },
    take(channelId, sequence) {
      const channel = channels.get(channelId);
      const call = channel?.caps.get(sequence);
      if (channel === undefined || call === undefined || call.isTaken) return undefined;
      call.isTaken = true;
      return { cap: call.cap, owed: channel.owed };
    },
    ended(channelId, sequence, owed = 0n) {
      const channel = channels.get(channelId);
      if (channel === undefined) return;
      channel.caps.delete(sequence);
      channel.owed = larger(channel.owed, owed);
    },
    clear: () => channels.clear(),
  };
}

function capsOf(calls: Iterable<{ cap: bigint }>): bigint {
  return [...calls].reduce((total, { cap }) => total + cap, 0n);
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
