import { type Address, type Hex, hashStruct, hashTypedData, type TypedDataDomain } from "viem";

/** A signer's agreement to sign for an owner's operator: what keeps strangers from claiming somebody's key first. */
export type SignerConsent = {
  /** Who registers the operator or rotates its signer. */
  owner: Address;
  /** Whose EIP-712 signature this is; belongs to the operator for ever once used. */
  signer: Address;
  /** Unix seconds until which the consent holds. */
  deadline: bigint;
};

/** Which staking contract's operators are meant. */
export type StakingDomain = { chainId: number; staking: Address };

/** EIP-712 types of a consent. */
export const SIGNER_CONSENT_TYPES = {
  SignerConsent: [
    { name: "owner", type: "address" },
    { name: "signer", type: "address" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

/** The staking contract's EIP-712 domain. */
export function stakingDomain(chainId: number, staking: Address): TypedDataDomain {
  return { name: "OpenGradient OperatorStaking", version: "1", chainId, verifyingContract: staking };
}

/** What `signTypedData` takes, to be signed with the signer's key and passed to `OperatorStaking.register` or `rotateSigner`. */
export function signerConsentTypedData(consent: SignerConsent, { chainId, staking }: StakingDomain) {
  return {
    domain: stakingDomain(chainId, staking),
    types: SIGNER_CONSENT_TYPES,
    primaryType: "SignerConsent",
    message: consent,
  } as const;
}

/** EIP-712 `hashStruct` of the consent, without a domain. */
export function hashSignerConsent(consent: SignerConsent): Hex {
  return hashStruct({ data: consent, primaryType: "SignerConsent", types: SIGNER_CONSENT_TYPES });
}

/** The digest the signer signs. */
export function signerConsentDigest(consent: SignerConsent, domain: StakingDomain): Hex {
  return hashTypedData(signerConsentTypedData(consent, domain));
}
