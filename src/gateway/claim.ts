import { type Hex, keccak256 } from "viem";
import { type ChannelStatus, channelOf, encodeClaim } from "../chain/channels.ts";
import type { SigningChain } from "../chain/clients.ts";
import { type ClaimBatch, type ClaimLimits, type ClaimPlan, planClaims } from "../chain/planClaims.ts";
import type { Relayer } from "../relayer/relayer.ts";
import type { ClaimTable, DueChannel } from "../store/claims.ts";
import { createBlockSteps } from "./blockSteps.ts";
import type { Head } from "./chainWatch.ts";

/** A claim that went through by itself, not with an anchoring. */
export type ClaimEvent = {
  kind: "claimed";
  vouchers: number /** OPG base units, as planned. */;
  amount: bigint;
  transactionHash: Hex;
};

export type ClaimingOptions = {
  chain: SigningChain;
  relayer: Relayer;
  claims: ClaimTable;
  operatorId: number;
  /** `VoucherEscrow`'s: from a payer's request to leave until it can. */
  exitSeconds: number;
  limits?: Partial<ClaimLimits>;
  /** What isn't worth the gas before its payer leaves, OPG base units; 1 unless told. */
  minAmount?: bigint;
  onEvent?: (event: ClaimEvent) => void;
  onError: (error: unknown) => void;
};

/** Brings vouchers to the chain. */
export type Claiming = {
  /** Those that travel with the next anchoring, packed. */
  forAnchoring(): Promise<Hex>;
  /** Claims by itself what payers on their way out owe, when no anchoring has taken it along in half of their time. */
  onBlock(head: Head): void;
  /** Claims by itself what no anchoring has taken along: for a gateway that stops, and may not come back before its payers leave. */
  flush(): Promise<void>;
  stop(): Promise<void>;
};

/** Gas of an anchoring without vouchers, at most: the batch, its URI, and the first earnings of an operator. */
const ANCHOR_GAS = 180_000n;
/** Channels looked at for one plan: no transaction takes more vouchers. */
const MOST_VOUCHERS = 1_100;
const ROUNDS = 3;
const READS_AT_A_TIME = 32;

export function createClaiming(options: ClaimingOptions): Claiming {
  const { chain, relayer, claims, operatorId, exitSeconds, limits, minAmount = 1n, onError } = options;
  const { onEvent = () => {} } = options;
  const steps = createBlockSteps(claimExits, onError);

  async function claimExits({ timestamp }: Head): Promise<void> {
    const exiting = await claims.exiting(MOST_VOUCHERS);
    const soon = exiting.filter(({ exitsAt }) => timestamp >= exitsAt - exitSeconds / 2);
    if (soon.length === 0) return;
    for (const batch of (await plan(soon, limits)).batches) await claim(batch);
  }

  /** Two claims of the same vouchers pay once: what is left of an earlier life does no harm. */
  async function claim({ packed, vouchers, amount }: ClaimBatch): Promise<void> {
    const call = encodeClaim(chain.addresses, operatorId, packed);
    const { transactionHash } = await relayer.submit(`claim ${keccak256(packed)}`, call);
    onEvent({ kind: "claimed", vouchers: vouchers.length, amount, transactionHash });
  }

  async function plan(due: readonly DueChannel[], limits: Partial<ClaimLimits> = {}): Promise<ClaimPlan> {
    const statuses: ChannelStatus[] = [];
    for (let at = 0; at < due.length; at += READS_AT_A_TIME) {
      statuses.push(...(await Promise.all(due.slice(at, at + READS_AT_A_TIME).map(readStatus))));
    }
    return planClaims(
      due.map(({ voucher }) => voucher),
      statuses,
      limits,
    );
  }

  /** What the chain says now, taken down. */
  async function readStatus({ channelId, voucher }: DueChannel): Promise<ChannelStatus> {
    const { payer, opening } = voucher.voucher;
    const status = await channelOf(chain, { payer, operatorId, voucherKey: voucher.voucherKey });
    if (status.opening === opening && status.deposited > 0n) await claims.note(channelId, status);
    // Not from an RPC that lags behind the opening: it would say a lower number.
    else if (status.opening >= opening) await claims.closed(channelId);
    return status;
  }

  return {
    async forAnchoring() {
      const wanted = { baseGas: ANCHOR_GAS, ...limits };
      for (let round = 0; ; round++) {
        const { batches, dropped } = await plan(await claims.due(MOST_VOUCHERS, minAmount), wanted);
        // What was dropped is noted by now, and others take its place.
        if (dropped.length === 0 || round === ROUNDS) return batches[0]?.packed ?? "0x";
      }
    },
    onBlock: steps.onBlock,
    flush: () =>
      steps.inTurn(async () => {
        const due = await claims.due(MOST_VOUCHERS, minAmount);
        for (const batch of (await plan(due, limits)).batches) await claim(batch);
      }),
    stop: steps.stop,
  };
}
