import type { Address } from "viem";
import type { Chain } from "../chain/clients.ts";
import { signerAt, signerOf } from "../chain/staking.ts";

/** Operators' signers, from the chain. */
export type Signers = {
  /** The current one, as it was not long ago. */
  current(operatorId: number): Promise<Address>;
  /** At the end of a second; forgets what was known of the current one. @param issuedAt unix seconds */
  at(operatorId: number, issuedAt: number): Promise<Address>;
};

/** A signer is looked up again after so long. */
const FRESH_MS = 30_000;

export function createSigners(chain: Chain): Signers {
  const known = new Map<number, { signer: Promise<Address>; readAt: number }>();
  return {
    current(operatorId) {
      const found = known.get(operatorId);
      if (found !== undefined && performance.now() - found.readAt < FRESH_MS) return found.signer;
      const signer = signerOf(chain, operatorId);
      known.set(operatorId, { signer, readAt: performance.now() });
      signer.catch(() => known.delete(operatorId));
      return signer;
    },
    at(operatorId, issuedAt) {
      known.delete(operatorId);
      return signerAt(chain, operatorId, issuedAt);
    },
  };
}
