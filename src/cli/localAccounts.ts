import { type HDAccount, mnemonicToAccount } from "viem/accounts";

/** LOCAL TEST KEYS: the publicly known mnemonic of every local chain. Never send anything of value to its accounts. */
const LOCAL_TEST_MNEMONIC = "test test test test test test test test test test test junk";

/** The n-th of the accounts that a local chain gives its coin to; 0 deploys the network and gets all test OPG. */
export function localTestAccount(index: number): HDAccount {
  return mnemonicToAccount(LOCAL_TEST_MNEMONIC, { addressIndex: index });
}
