import type { TransactionReceipt } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import { encodeJoinLog, encodeLeaveLog, standingBondOf } from "../chain/receiptLog.ts";
import { sendCall } from "../chain/sendCall.ts";
import { allocationOf, encodeAllowVerifier, stakeOf, verifierAllowanceOf } from "../chain/staking.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { formatOpg } from "../protocol/units.ts";
import { ownOperator } from "./operatorStatus.ts";

export type StandingBond = {
  operatorId: number /** OPG base units. */;
  bond: bigint;
  txReceipts: TransactionReceipt[];
};

/**
 * Puts stake of the connection's operator that backs nothing behind its receipts.
 * @param amount OPG base units
 * @throws ProtocolError `sdk/not-registered`, `sdk/insufficient-stake`, `chain/no-account`
 */
export async function addStandingBond(chain: Chain, amount: bigint): Promise<StandingBond> {
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const { addresses } = chain;
  const [{ unallocated }, { active }, allowance] = await Promise.all([
    stakeOf(chain, operatorId),
    allocationOf(chain, operatorId, addresses.receipts),
    verifierAllowanceOf(chain, operatorId, addresses.receipts),
  ]);
  if (unallocated < amount) {
    throw new ProtocolError(
      "sdk/insufficient-stake",
      `got ${formatOpg(amount)} OPG for the standing bond, ${formatOpg(unallocated)} back nothing yet: stake more without joining`,
    );
  }
  const txReceipts: TransactionReceipt[] = [];
  if (allowance < active + amount) {
    txReceipts.push(await sendCall(chain, encodeAllowVerifier(addresses, addresses.receipts, active + amount)));
  }
  txReceipts.push(await sendCall(chain, encodeJoinLog(addresses, amount)));
  return { operatorId, bond: await standingBondOf(chain, operatorId), txReceipts };
}

/**
 * Starts to take the standing bond out; it is slashable until the unbonding time is over.
 * @param amount OPG base units
 * @throws ProtocolError `sdk/not-registered`, `contract/InsufficientStake`, `chain/no-account`
 */
export async function leaveStandingBond(chain: Chain, amount: bigint): Promise<StandingBond> {
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const txReceipts = [await sendCall(chain, encodeLeaveLog(chain.addresses, amount))];
  return { operatorId, bond: await standingBondOf(chain, operatorId), txReceipts };
}
