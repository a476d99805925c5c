import type { Address, Hex } from "viem";

/** A signature's parts, in the form the contracts take: see `signatureParts`. */
export type CurveSignature = { r: Hex; s: Hex; v: 27 | 28 };

/** Who has signed a digest. Rejects when no key has. */
export type Recover = (digest: Hex, signature: CurveSignature) => Promise<Address>;
