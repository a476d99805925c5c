import type { Address, Hex } from "viem";
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

/** What a channel owed and its vouchers promised when a sequence of it was taken, OPG base units. */
export type TakenReservation = { sequence: bigint; owed: bigint; promised: bigint };

/** What this process remembers of its calls, so that it needn't be read again. The store decides whether it still holds. */
export type CallMemory = {
  reserved(reservation: Reservation, taken: TakenReservation): void;
  /** @param isDecided by the store, which is well, then */
  refused(reservation: Reservation, isDecided: boolean): void;
  owes(channelId: Hex, owed: bigint): void;
  /** Once for each call: whoever asks again gets what is in the store. */
  take(channelId: Hex, sequence: bigint): Reserved | undefined;
  foresee(reservation: Omit<Reservation, "incarnation" | "above">): boolean;
  clear(): void;
};

type ChannelMemory = { owed: bigint; promised: bigint; caps: Map<bigint, bigint>; held: Map<Hex, Hold> };

/** The cap of a call that `reserve` hasn't decided on, and how often it was asked for: the same one may come twice at once. */
type Hold = { cap: bigint; times: number };

/** Of so many calls the request hash is remembered, the newest. */
const MAX_HASHES = 10_000;

export function createCallMemory(): CallMemory {
  const channels = new Map<Hex, ChannelMemory>();
  const hashes = new Set<Hex>();
  let isStoreWell = true;

  function ended({ channelId, requestHash }: Pick<Reservation, "channelId" | "requestHash">): void {
    const held = channels.get(channelId)?.held;
    const hold = held?.get(requestHash);
    if (hold !== undefined && --hold.times === 0) held?.delete(requestHash);
  }

  function remember(hash: Hex): void {
    hashes.add(hash);
    const [oldest] = hashes;
    if (hashes.size > MAX_HASHES && oldest !== undefined) hashes.delete(oldest);
  }

  function owes(channelId: Hex, owed: bigint): void {
    const channel = channels.get(channelId);
    if (channel !== undefined && owed > channel.owed) channel.owed = owed; // it never falls
  }

  return {
    owes,
    reserved(reservation, { sequence, owed, promised }) {
      isStoreWell = true;
      ended(reservation);
      const { channelId, requestHash, cap } = reservation;
      const known = channels.get(channelId) ?? { owed, promised, caps: new Map(), held: new Map() };
      channels.set(channelId, known);
      owes(channelId, owed);
      if (promised > known.promised) known.promised = promised;
      known.caps.set(sequence, cap);
      remember(requestHash);
    },
    refused(reservation, isDecided) {
      isStoreWell = isDecided;
      ended(reservation);
    },
    take(channelId, sequence) {
      const channel = channels.get(channelId);
      const cap = channel?.caps.get(sequence);
      channel?.caps.delete(sequence);
      return channel === undefined || cap === undefined ? undefined : { cap, owed: channel.owed };
    },
    foresee({ channelId, requestHash, voucher, cap, deposited, claimed }) {
      const channel = channels.get(channelId);
      if (channel === undefined) return false;
      const amount = voucher?.voucher.cumulativeAmount ?? 0n;
      const promised = amount > channel.promised ? amount : channel.promised;
      const owed = claimed > channel.owed ? claimed : channel.owed;
      const wanted = owed + sum(channel.caps.values()) + sum(capsOf(channel.held)) + cap;
      // Held whatever comes of it: who comes later must not be foreseen to have what `reserve` gives to this one.
      const hold = channel.held.get(requestHash);
      if (hold !== undefined) hold.times += 1;
      else channel.held.set(requestHash, { cap, times: 1 });
      const isNew = hold === undefined && !hashes.has(requestHash);
      return isStoreWell && isNew && wanted <= promised && wanted <= deposited;
    },
    clear: () => channels.clear(),
  };
}

function sum(amounts: Iterable<bigint>): bigint {
  return [...amounts].reduce((total, amount) => total + amount, 0n);
}

function capsOf(held: ReadonlyMap<Hex, Hold>): bigint[] {
  return [...held.values()].map(({ cap }) => cap);
}
