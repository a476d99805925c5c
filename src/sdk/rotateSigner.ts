import { type Address, isAddressEqual, type TransactionReceipt, zeroAddress } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import type { ContractCall } from "../chain/contractCall.ts";
import { encodeSyncLogSigner, logOf } from "../chain/receiptLog.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeRotateSigner, signerOf } from "../chain/staking.ts";
import { encodeSyncSigner, operatorOfSigner } from "../chain/verifier.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { ownOperator } from "./operatorStatus.ts";
import type { Consent } from "./registerOperator.ts";

export type RotateOptions = {
  /** The key the operator's node signs with from now on. */
  signer: Address;
  /** The signer's agreement, see `signConsent`; not needed when the signer is the connection's own account. */
  consent?: Consent;
};

/**
 * Gives the connection's operator another signer, and teaches the verifier, and the receipt log if the operator
 * anchors there; what is done already is left out. Seats the
 * old signer has taken can still be revealed, by anyone who has their salts.
 * @throws ProtocolError `sdk/not-registered`, `sdk/zero-address`, `chain/no-account`, `contract/…`
 */
export async function rotateSigner(chain: Chain, { signer, consent }: RotateOptions): Promise<TransactionReceipt[]> {
  if (signer === zeroAddress) {
    throw new ProtocolError(
      "sdk/zero-address",
      "got zero as the signer, an account is allowed: pass the node's address",
    );
  }
  const operatorId = await ownOperator(chain, signing(chain).account.address);
  const { addresses } = chain;
  const txReceipts: TransactionReceipt[] = [];
  const send = async (call: ContractCall) => txReceipts.push(await sendCall(chain, call));

  if (!isAddressEqual(await signerOf(chain, operatorId), signer)) {
    await send(encodeRotateSigner(addresses, signer, consent?.deadline ?? 0n, consent?.signature ?? "0x"));
  }
  if ((await operatorOfSigner(chain, signer)) !== operatorId) await send(encodeSyncSigner(addresses, operatorId));
  // Until the log knows it, whoever has the old key can anchor there.
  const { signer: anchors } = await logOf(chain, operatorId);
  const isKnown = anchors === zeroAddress || isAddressEqual(anchors, signer);
  if (!isKnown) await send(encodeSyncLogSigner(addresses, operatorId));
  return txReceipts;
}
