import { type Address, type Hex, isAddressEqual, type TransactionReceipt, zeroAddress } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import type { ContractCall } from "../chain/contractCall.ts";
import { sendCall } from "../chain/sendCall.ts";
import {
  allocationOf,
  encodeAllowVerifier,
  encodeRegister,
  encodeStake,
  operatorOf,
  signerOf,
  stakeOf,
  verifierAllowanceOf,
} from "../chain/staking.ts";
import { encodeApprove, tokenAllowanceOf, tokenBalanceOf } from "../chain/token.ts";
import { encodeJoin, encodeSyncSigner, operatorOfSigner } from "../chain/verifier.ts";
import { STAKE_UNIT } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";

export type RegisterOptions = {
  /** The key the operator's node signs with. */
  signer: Address;
  /** The signer's agreement, see `signConsent`; not needed when the signer is the connection's own account. */
  consent?: Consent;
  /** Own stake to reach, OPG base units. */
  stake: bigint;
  /** Of it, what backs the verifier: OPG base units, a multiple of `STAKE_UNIT`. */
  allocate: bigint;
  onProgress?: (progress: RegisterProgress) => void;
};

export type Consent = { /** Unix seconds. */ deadline: bigint; signature: Hex };

export type RegisterProgress = { stage: "sending"; call: string };

export type RegisteredOperator = {
  operatorId: number /** Of what was still missing, in order. */;
  txReceipts: TransactionReceipt[];
};

type Send = (call: ContractCall) => Promise<void>;

/**
 * Makes the connection's account an operator's owner: registers, stakes, allows the verifier and joins it. Steps that
 * are done already are left out, so it can be repeated after a failure or to raise an amount.
 * @throws ProtocolError `sdk/zero-address`, `sdk/other-signer`, `sdk/amount-not-in-units`, `sdk/allocation-exceeds-stake`,
 * `sdk/insufficient-funds`, `chain/no-account`, `contract/…`
 */
export async function registerOperator(chain: Chain, options: RegisterOptions): Promise<RegisteredOperator> {
  const owner = signing(chain).account.address;
  checkOptions(options);
  const txReceipts: TransactionReceipt[] = [];
  const send: Send = async (call) => {
    options.onProgress?.({ stage: "sending", call: call.name });
    txReceipts.push(await sendCall(chain, call));
  };
  const operatorId = await ensureRegistered(chain, owner, options, send);
  await ensureStaked(chain, owner, operatorId, options.stake, send);
  await ensureJoined(chain, operatorId, options, send);
  return { operatorId, txReceipts };
}

function checkOptions({ signer, stake, allocate }: RegisterOptions): void {
  if (signer === zeroAddress) {
    throw new ProtocolError(
      "sdk/zero-address",
      "got zero as the signer, an account is allowed: pass the node's address",
    );
  }
  if (allocate % STAKE_UNIT !== 0n) {
    throw new ProtocolError(
      "sdk/amount-not-in-units",
      `got ${allocate} OPG base units to allocate, multiples of ${STAKE_UNIT} are allowed: round it`,
    );
  }
  if (allocate > stake) {
    throw new ProtocolError(
      "sdk/allocation-exceeds-stake",
      `got ${allocate} OPG base units to allocate of a stake of ${stake}: stake more or allocate less`,
    );
  }
}

async function ensureRegistered(
  chain: Chain,
  owner: Address,
  { signer, consent }: RegisterOptions,
  send: Send,
): Promise<number> {
  const known = await operatorOf(chain, owner);
  if (known === 0) {
    await send(encodeRegister(chain.addresses, signer, consent?.deadline ?? 0n, consent?.signature ?? "0x"));
    return operatorOf(chain, owner);
  }
  const current = await signerOf(chain, known);
  if (isAddressEqual(current, signer)) return known;
  throw new ProtocolError(
    "sdk/other-signer",
    `got signer ${signer}, operator ${known} signs with ${current}: rotate the signer, or pass that one`,
  );
}

async function ensureStaked(
  chain: Chain,
  owner: Address,
  operatorId: number,
  stake: bigint,
  send: Send,
): Promise<void> {
  const { addresses } = chain;
  const missing = stake - (await stakeOf(chain, operatorId)).active;
  if (missing <= 0n) return;
  const tokens = await tokenBalanceOf(chain, owner);
  if (tokens < missing) {
    throw new ProtocolError(
      "sdk/insufficient-funds",
      `${missing} OPG base units are missing from the stake, ${owner} holds ${tokens}: get OPG first or stake less`,
    );
  }
  if ((await tokenAllowanceOf(chain, owner, addresses.staking)) < missing) {
    await send(encodeApprove(addresses, addresses.staking, missing));
  }
  await send(encodeStake(addresses, missing));
}

async function ensureJoined(
  chain: Chain,
  operatorId: number,
  { signer, allocate }: RegisterOptions,
  send: Send,
): Promise<void> {
  const { addresses } = chain;
  const missing = allocate - (await allocationOf(chain, operatorId)).active;
  if (missing > 0n) {
    if ((await verifierAllowanceOf(chain, operatorId)) < allocate) {
      await send(encodeAllowVerifier(addresses, addresses.verifier, allocate));
    }
    await send(encodeJoin(addresses, missing));
  }
  // Joining teaches the verifier the signer; a rotation since then doesn't.
  if ((await operatorOfSigner(chain, signer)) !== operatorId) await send(encodeSyncSigner(addresses, operatorId));
}
