import type { Address, Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import type { Database } from "./database.ts";

/** Whose work a store holds. Under another identity it would be wrong, not only useless. */
export type StoreIdentity = {
  chainId: number;
  /** Hash of block 0: a local chain started anew has the same id and addresses. */
  genesisHash: Hex;
  escrow: Address;
  operatorId: number;
  /** A hash of the node's secret: salts of another secret don't open this store's commitments. */
  secretHash: Hex;
};

const ADVICE: Record<keyof StoreIdentity, string> = {
  chainId: "use another folder for each chain",
  genesisHash: "the chain was started anew: use another folder, or delete this one",
  escrow: "use another folder for each deployment",
  operatorId: "use another folder for each operator",
  secretHash: "bring back the secret this folder was made with; without it, bonds of seats taken are lost",
};

/**
 * Writes the identity down the first time, and compares it from then on.
 * @throws ProtocolError `store/other-identity` naming the field
 */
export async function checkIdentity(database: Database, identity: StoreIdentity): Promise<void> {
  for (const field of Object.keys(ADVICE) as (keyof StoreIdentity)[]) {
    const value = String(identity[field]);
    await database.query("insert into identity (field, value) values ($1, $2) on conflict do nothing", [field, value]);
    const [row] = await database.query("select value from identity where field = $1", [field]);
    if (row?.value === value) continue;
    const got = field === "secretHash" ? "a secret" : `${field} ${value}`;
    throw new ProtocolError(
      "store/other-identity",
      `got ${got}, the store was made with another${field === "secretHash" ? "" : ` (${row?.value})`}: ${ADVICE[field]}`,
    );
  }
}
