import type { Address } from "viem";
import type { Chain } from "../chain/clients.ts";
import { signerAt } from "../chain/staking.ts";

/** Operators' signers, from the chain: a statement counts if it is by the signer of its own time. */
export type Signers = {
  /** At the end of a second, as far as is known: of one just changed, the one before. @param issuedAt unix seconds */
  at(operatorId: number, issuedAt: number): Promise<Address>;
  /** The same, read from the chain now; forgets what was known of the operator. */
  readAt(operatorId: number, issuedAt: number): Promise<Address>;
};

type Known = { signer: Promise<Address>; since: number; readAt: number };

/** A signer is looked up again after so long. */
const FRESH_MS = 30_000;
/** Of past seconds so many are remembered. */
const MOST_PAST = 1_000;

/** @param now the newest block's time, unix seconds: nobody can change who was the signer before it */
export function createSigners(chain: Chain, now: () => number): Signers {
  const current = new Map<number, Known>();
  const past = new Map<string, Promise<Address>>();

  function currentOf(operatorId: number): Known {
    const found = current.get(operatorId);
    if (found !== undefined && performance.now() - found.readAt < FRESH_MS) return found;
    const since = now();
    const known = { signer: signerAt(chain, operatorId, since), since, readAt: performance.now() };
    current.set(operatorId, known);
    known.signer.catch(() => current.delete(operatorId));
    return known;
  }

  function pastAt(operatorId: number, issuedAt: number): Promise<Address> {
    const name = `${operatorId} ${issuedAt}`;
    const found = past.get(name);
    if (found !== undefined) return found;
    if (past.size >= MOST_PAST) past.clear();
    const signer = signerAt(chain, operatorId, issuedAt);
    past.set(name, signer);
    signer.catch(() => past.delete(name));
    return signer;
  }

  return {
    at(operatorId, issuedAt) {
      const { signer, since } = currentOf(operatorId);
      return issuedAt >= since ? signer : pastAt(operatorId, issuedAt);
    },
    readAt(operatorId, issuedAt) {
      current.delete(operatorId);
      return signerAt(chain, operatorId, issuedAt);
    },
  };
}
