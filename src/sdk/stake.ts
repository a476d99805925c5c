import { type Address, type TransactionReceipt, zeroAddress } from "viem";
import { callEarningsOf } from "../chain/channels.ts";
import { type Chain, chainTime, signing } from "../chain/clients.ts";
import { sendCall } from "../chain/sendCall.ts";
import {
  type Allocation,
  allocationOf,
  encodeHarvest,
  encodeRelease,
  encodeUnbond,
  encodeWithdrawStake,
  signerOf,
  stakeOf,
} from "../chain/staking.ts";
import { encodeLeave, memberOf } from "../chain/verifier.ts";
import { STAKE_UNIT } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { ownOperator } from "./operatorStatus.ts";
import { type RegisterOptions, registerOperator } from "./registerOperator.ts";

export type AddStakeOptions = {
  /** OPG base units. */
  amount: bigint;
  /** False: it backs nothing yet. True unless told. */
  join?: boolean;
} & Pick<RegisterOptions, "onProgress">;

/**
 * Adds to the stake of the connection's operator, and to what backs the verifier.
 * @throws ProtocolError `sdk/not-registered` and what `registerOperator` throws
 */
export async function addStake(chain: Chain, options: AddStakeOptions): Promise<TransactionReceipt[]> {
  const { amount, join = true, onProgress } = options;
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const [signer, { active }, allocation] = await Promise.all([
    signerOf(chain, operatorId),
    stakeOf(chain, operatorId),
    allocationOf(chain, operatorId),
  ]);
  const { txReceipts } = await registerOperator(chain, {
    signer,
    stake: active + amount,
    allocate: allocation.active + (join ? amount : 0n),
    ...(onProgress && { onProgress }),
  });
  return txReceipts;
}

/**
 * Starts to take stake of the connection's operator out: what backs nothing first, then from the verifier. It is
 * slashable until the unbonding time is over; `withdrawStake` pays it out after. What was leaving already waits anew.
 * @param amount OPG base units; what leaves the verifier must be a multiple of `STAKE_UNIT`
 * @throws ProtocolError `sdk/not-registered`, `sdk/insufficient-stake`, `sdk/amount-not-in-units`, `chain/no-account`
 */
export async function unbondStake(chain: Chain, amount: bigint): Promise<TransactionReceipt[]> {
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const [{ unallocated }, allocation] = await Promise.all([
    stakeOf(chain, operatorId),
    allocationOf(chain, operatorId),
  ]);
  if (amount > unallocated + allocation.active) {
    throw new ProtocolError(
      "sdk/insufficient-stake",
      `got ${amount} OPG base units to unbond, the stake has ${unallocated + allocation.active} left: unbond less`,
    );
  }
  const fromUnallocated = amount < unallocated ? amount : unallocated;
  const fromVerifier = amount - fromUnallocated;
  if (fromVerifier % STAKE_UNIT !== 0n) {
    throw new ProtocolError(
      "sdk/amount-not-in-units",
      `${fromVerifier} OPG base units would leave the verifier, multiples of ${STAKE_UNIT} are allowed: round it`,
    );
  }
  const txReceipts: TransactionReceipt[] = [];
  if (fromUnallocated > 0n) txReceipts.push(await sendCall(chain, encodeUnbond(chain.addresses, fromUnallocated)));
  if (fromVerifier > 0n) txReceipts.push(await sendCall(chain, encodeLeave(chain.addresses, fromVerifier)));
  return txReceipts;
}

export type WithdrawnStake = { /** OPG base units paid out. */ amount: bigint; txReceipts: TransactionReceipt[] };

/**
 * Pays out all that the connection's operator can have now: matured unbondings, earnings of jobs and calls, and rewards.
 * @throws ProtocolError `sdk/not-registered`, `chain/no-account`, `contract/InvalidRecipient`
 */
export async function withdrawStake(chain: Chain, to: Address): Promise<WithdrawnStake> {
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const { addresses } = chain;
  const txReceipts: TransactionReceipt[] = [];
  const now = await chainTime(chain);
  for (const verifier of [addresses.verifier, addresses.receipts, zeroAddress]) {
    const isDue = hasMatured(await allocationOf(chain, operatorId, verifier), now);
    if (isDue) txReceipts.push(await sendCall(chain, encodeRelease(addresses, operatorId, verifier)));
  }
  const { earnings } = await memberOf(chain, operatorId);
  const ofCalls = await callEarningsOf(chain, operatorId);
  if (earnings > 0n) txReceipts.push(await sendCall(chain, encodeHarvest(addresses, operatorId, addresses.verifier)));
  if (ofCalls > 0n) txReceipts.push(await sendCall(chain, encodeHarvest(addresses, operatorId, addresses.vouchers)));
  const { claimable } = await stakeOf(chain, operatorId);
  if (claimable > 0n) txReceipts.push(await sendCall(chain, encodeWithdrawStake(addresses, to)));
  return { amount: claimable, txReceipts };
}

function hasMatured({ leaving, releasesAt }: Allocation, now: number): boolean {
  return leaving > 0n && now >= releasesAt;
}
