import type { HDAccount } from "viem/accounts";
import { localTestAccount } from "../../src/cli/localAccounts.ts";

/** Who is who on the demo's chain; the last three are named in the local deploy parameters. */
const ROLES = ["deployer", "payer", "publisher", "settler", "operator1", "operator2", "operator3"] as const;
const SIGNERS_FROM = 10;

export type Role = (typeof ROLES)[number];

/** The funded account of a role. */
export function localAccount(role: Role): HDAccount {
  return localTestAccount(ROLES.indexOf(role));
}

/** The key the n-th operator's node signs with, apart from the one that owns its stake. */
export function localSigner(operator: number): HDAccount {
  return localTestAccount(SIGNERS_FROM + operator);
}
