import type { Address, LocalAccount } from "viem";
import { type Chain, chainTime } from "../chain/clients.ts";
import { signerConsentTypedData } from "../protocol/signerConsent.ts";
import type { Consent } from "./registerOperator.ts";

const VALID_SECONDS = 3600;

/**
 * A node's agreement to sign for an owner's operator, for `registerOperator` or a rotation.
 * @param signer the node's account
 * @param validSeconds how long it holds from the chain's time on; an hour unless told
 * @throws ProtocolError `chain/rpc-down` (retryable)
 */
export async function signConsent(
  signer: LocalAccount,
  chain: Chain,
  owner: Address,
  validSeconds: number = VALID_SECONDS,
): Promise<Consent> {
  const deadline = BigInt((await chainTime(chain)) + validSeconds);
  const domain = { chainId: chain.chainId, staking: chain.addresses.staking };
  const signature = await signer.signTypedData(
    signerConsentTypedData({ owner, signer: signer.address, deadline }, domain),
  );
  return { deadline, signature };
}
