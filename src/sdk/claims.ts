import type { Address, Hex, TransactionReceipt } from "viem";
import type { Chain } from "../chain/clients.ts";
import { encodeClaimRoyalty, encodeRefund, encodeWithdraw } from "../chain/escrow.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeHarvest, encodeWithdrawStake } from "../chain/staking.ts";
import type { Job } from "../protocol/job.ts";

/**
 * Gives an expired job's fee back to its payer's escrow balance. Anyone may.
 * @throws ProtocolError `contract/JobNotExpired` and `contract/RefundRefused` (both retryable), `contract/JobNotOpen`
 */
export async function refundJob(chain: Chain, job: Job): Promise<TransactionReceipt> {
  return sendCall(chain, encodeRefund(chain.addresses, job));
}

/**
 * Pays out of the connection's account's escrow balance.
 * @param amount OPG base units
 * @throws ProtocolError `contract/InsufficientBalance`, `contract/ZeroAddress`
 */
export async function withdrawBalance(chain: Chain, to: Address, amount: bigint): Promise<TransactionReceipt> {
  return sendCall(chain, encodeWithdraw(chain.addresses, to, amount));
}

/** Credits a model's royalties to its royalty recipient's escrow balance. Anyone may. */
export async function claimRoyalty(chain: Chain, modelId: Hex): Promise<TransactionReceipt> {
  return sendCall(chain, encodeClaimRoyalty(chain.addresses, modelId));
}

/** Makes what an operator has earned at the verifier withdrawable. Anyone may. */
export async function harvestEarnings(chain: Chain, operatorId: number): Promise<TransactionReceipt> {
  return sendCall(chain, encodeHarvest(chain.addresses, operatorId, chain.addresses.verifier));
}

/** Pays out everything the connection's account can claim as an operator's owner. */
export async function withdrawEarnings(chain: Chain, to: Address): Promise<TransactionReceipt> {
  return sendCall(chain, encodeWithdrawStake(chain.addresses, to));
}
