import type { Address, LocalAccount } from "viem";
import { type StakingDomain, signerConsentTypedData } from "../protocol/signerConsent.ts";
import type { Consent } from "./registerOperator.ts";

/**
 * A node's agreement to sign for an owner's operator, for `registerOperator` or a rotation. Needs no chain.
 * @param signer the node's account
 * @param deadline unix seconds until which it holds
 */
export async function signConsent(
  signer: LocalAccount,
  { owner, deadline }: { owner: Address; deadline: bigint },
  domain: StakingDomain,
): Promise<Consent> {
  const signature = await signer.signTypedData(
    signerConsentTypedData({ owner, signer: signer.address, deadline }, domain),
  );
  return { deadline, signature };
}
