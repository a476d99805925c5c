import { type Address, zeroAddress } from "viem";
import type { Chain } from "../chain/clients.ts";
import {
  type Allocation,
  allocationOf,
  type OperatorStake,
  operatorOf,
  signerOf,
  stakeOf,
  verifierAllowanceOf,
} from "../chain/staking.ts";
import { type Member, memberOf, operatorOfSigner } from "../chain/verifier.ts";
import { ProtocolError } from "../protocol/errors.ts";

/** Everything the chain says of an operator. */
export type OperatorStatus = {
  operatorId: number;
  signer: Address;
  /** False after a rotation the verifier wasn't told of: its node can't commit. */
  isSignerSynced: boolean;
  stake: OperatorStake;
  /** What the verifier may slash, of it what leaves. */
  allocation: Allocation;
  /** What leaves without having been allocated. */
  unbonding: Allocation;
  /** What the verifier keeps of it. */
  member: Member;
  /** Highest allocation the owner allows the verifier, OPG base units. */
  verifierAllowance: bigint;
};

/** @throws ProtocolError `sdk/unknown-operator`, `chain/rpc-down` (retryable) */
export async function operatorStatus(chain: Chain, operatorId: number): Promise<OperatorStatus> {
  const stake = await stakeOf(chain, operatorId);
  if (stake.owner === zeroAddress) {
    throw new ProtocolError(
      "sdk/unknown-operator",
      `got operator ${operatorId}, which isn't registered on chain ${chain.chainId}: check the id and the network`,
    );
  }
  const [signer, allocation, unbonding, member, verifierAllowance] = await Promise.all([
    signerOf(chain, operatorId),
    allocationOf(chain, operatorId),
    allocationOf(chain, operatorId, zeroAddress),
    memberOf(chain, operatorId),
    verifierAllowanceOf(chain, operatorId),
  ]);
  const isSignerSynced = (await operatorOfSigner(chain, signer)) === operatorId;
  return { operatorId, signer, isSignerSynced, stake, allocation, unbonding, member, verifierAllowance };
}

/**
 * The operator an account owns.
 * @throws ProtocolError `sdk/not-registered`
 */
export async function ownOperator(chain: Chain, owner: Address): Promise<number> {
  const operatorId = await operatorOf(chain, owner);
  if (operatorId !== 0) return operatorId;
  throw new ProtocolError("sdk/not-registered", `${owner} owns no operator on chain ${chain.chainId}: register one`);
}
