import { isHex, size } from "viem";
import type { LocalAccount } from "viem/accounts";
import { localKeyOf } from "../chain/localKey.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { localTestAccount } from "./localAccounts.ts";
import type { Environment } from "./terminal.ts";

/** Where keys come from, and the only place: what is typed into a command line is seen by every process. */
export const PAYER_KEY = "OPG_PRIVATE_KEY";
export const SIGNER_KEY = "OPG_SIGNER_PRIVATE_KEY";

const DEFAULT_LOCAL_ACCOUNT = 1;

/**
 * The account of a variable that holds a private key; undefined when it isn't set.
 * @throws ProtocolError `usage/malformed-key`, which says nothing of what the variable holds
 */
export function accountFromEnvironment(env: Environment, variable: string): LocalAccount | undefined {
  const key = env[variable];
  if (key === undefined || key === "") return undefined;
  if (isHex(key) && size(key) === 32) {
    try {
      return localKeyOf(key);
    } catch {
      // Out of range: refused below, without the library's message, which may show it.
    }
  }
  throw new ProtocolError(
    "usage/malformed-key",
    `${variable} doesn't hold a private key: 0x and 64 hex digits are allowed, not shown here`,
  );
}

/**
 * Who pays, publishes and owns: the key of {@link PAYER_KEY}, or on a local chain one of its test accounts.
 * @param index the local account that was asked for
 * @throws ProtocolError `usage/malformed-key`, `usage/two-accounts`, `usage/not-local`
 */
export function payerAccount(
  env: Environment,
  { isLocal, index }: { isLocal: boolean; index: number | undefined },
): LocalAccount | undefined {
  const account = accountFromEnvironment(env, PAYER_KEY);
  if (index === undefined) return account ?? (isLocal ? localTestAccount(DEFAULT_LOCAL_ACCOUNT) : undefined);
  if (account !== undefined) {
    throw new ProtocolError("usage/two-accounts", `got --account and ${PAYER_KEY}, one of them is allowed: drop one`);
  }
  if (!isLocal) {
    throw new ProtocolError(
      "usage/not-local",
      `got --account, whose keys everybody knows, allowed on --network localhost only: set ${PAYER_KEY}`,
    );
  }
  return localTestAccount(index);
}
