import type { Address, Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { packVouchers, type SignedVoucher } from "../protocol/voucher.ts";
import type { SkipReason } from "./channelEvents.ts";
import type { ChannelStatus } from "./channels.ts";

/** A voucher in the channel whose key has signed it. */
export type ChannelVoucher = SignedVoucher & { voucherKey: Address };

/** What a transaction may use. */
export type ClaimLimits = {
  /** Gas; 15,000,000 unless told, which leaves a tenth of what EIP-7825 allows. */
  maxGas: bigint;
  /** Gas of a claim without vouchers. */
  baseGas: bigint;
  /** Gas of each voucher, at most: one that is partly paid, with its event. */
  gasPerVoucher: bigint;
};

/** One transaction's vouchers, of one operator. */
export type ClaimBatch = {
  operatorId: number;
  vouchers: ChannelVoucher[];
  /** For `encodeClaim` or `encodeAnchor`. */
  packed: Hex;
  /** OPG base units it pays, if nothing changes before. */
  amount: bigint;
  /** At most. */
  gas: bigint;
};

/** What to send, and what isn't worth sending. */
export type ClaimPlan = {
  batches: ClaimBatch[];
  dropped: { voucher: ChannelVoucher; reason: SkipReason | "lower-than-another" }[];
};

export const CLAIM_LIMITS: ClaimLimits = { maxGas: 15_000_000n, baseGas: 70_000n, gasPerVoucher: 14_000n };

/** Most gas one transaction may use (EIP-7825). */
const MAX_TRANSACTION_GAS = 2n ** 24n;

type Due = { voucher: ChannelVoucher; status: ChannelStatus; amount: bigint };

/**
 * Splits vouchers into batches that fit a transaction each, by the contract's own rules: those that would pay nothing are
 * dropped, and of two for one channel the lower. Channels on their way out come first, then the highest amounts. Planned
 * anew with new statuses after some batches went through, it gives the rest: so a run that stopped is resumed by planning.
 *
 * @param statuses Of the vouchers' channels, in the vouchers' order.
 * @throws ProtocolError `claims/statuses`, `claims/limits`, `voucher/signature`
 */
export function planClaims(
  vouchers: readonly ChannelVoucher[],
  statuses: readonly ChannelStatus[],
  limits: Partial<ClaimLimits> = {},
): ClaimPlan {
  if (vouchers.length !== statuses.length) {
    throw new ProtocolError(
      "claims/statuses",
      `got ${vouchers.length} vouchers and ${statuses.length} statuses: give each voucher its channel's`,
    );
  }
  const wanted = { ...CLAIM_LIMITS, ...limits };
  const most = mostVouchers(wanted);
  const dropped: ClaimPlan["dropped"] = [];
  const best = new Map<string, Due>();
  for (const [index, voucher] of vouchers.entries()) {
    const status = statuses[index] as ChannelStatus;
    const due = dueOf(voucher, status);
    if (typeof due === "string") dropped.push({ voucher, reason: due });
    else keepHigher(best, { voucher, status, amount: due }, dropped);
  }
  const batches = [...Map.groupBy(best.values(), ({ voucher }) => voucher.voucher.operatorId)].flatMap(
    ([operatorId, dues]) => {
      const ordered = dues.sort(soonerThenHigher);
      const count = Math.ceil(ordered.length / most);
      return Array.from({ length: count }, (_, at) =>
        batchOf(operatorId, ordered.slice(at * most, (at + 1) * most), wanted),
      );
    },
  );
  return { batches, dropped };
}

/** What a voucher would pay now, or why nothing: `VoucherEscrow._claim`. */
function dueOf({ voucher }: ChannelVoucher, status: ChannelStatus): bigint | SkipReason {
  if (status.deposited === 0n) return "no-channel";
  if (voucher.opening !== status.opening) return "other-opening";
  const total = voucher.cumulativeAmount < status.deposited ? voucher.cumulativeAmount : status.deposited;
  return total > status.claimed ? total - status.claimed : "nothing-due";
}

function keepHigher(best: Map<string, Due>, due: Due, dropped: ClaimPlan["dropped"]): void {
  const { voucher, voucherKey } = due.voucher;
  const channel = [voucher.operatorId, voucher.payer, voucherKey].join().toLowerCase();
  const other = best.get(channel);
  const isLower = other !== undefined && voucher.cumulativeAmount <= other.voucher.voucher.cumulativeAmount;
  const loser = isLower ? due : other;
  if (loser !== undefined) dropped.push({ voucher: loser.voucher, reason: "lower-than-another" });
  if (!isLower) best.set(channel, due);
}

function soonerThenHigher(a: Due, b: Due): number {
  const [soon, other] = [a, b].map(({ status }) => status.exitsAt || Number.POSITIVE_INFINITY) as [number, number];
  if (soon !== other) return soon < other ? -1 : 1;
  return a.amount === b.amount ? 0 : a.amount > b.amount ? -1 : 1;
}

function batchOf(operatorId: number, dues: readonly Due[], { baseGas, gasPerVoucher }: ClaimLimits): ClaimBatch {
  const vouchers = dues.map(({ voucher }) => voucher);
  return {
    operatorId,
    vouchers,
    packed: packVouchers(vouchers),
    amount: dues.reduce((sum, { amount }) => sum + amount, 0n),
    gas: baseGas + gasPerVoucher * BigInt(dues.length),
  };
}

function mostVouchers({ maxGas, baseGas, gasPerVoucher }: ClaimLimits): number {
  const most = gasPerVoucher > 0n && maxGas <= MAX_TRANSACTION_GAS ? (maxGas - baseGas) / gasPerVoucher : 0n;
  if (most >= 1n) return Number(most);
  throw new ProtocolError(
    "claims/limits",
    `no voucher of ${gasPerVoucher} gas fits into ${maxGas} less ${baseGas}, of at most ${MAX_TRANSACTION_GAS}: correct the limits`,
  );
}
