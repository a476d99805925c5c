import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { CONTRACT_NAMES, type NetworkAddresses, parseAddresses } from "../../src/chain/addresses.ts";

/** Ignition's id of each contract of the network. */
const FUTURES: Record<(typeof CONTRACT_NAMES)[number], string> = {
  opg: "Network#OPG",
  authority: "Network#AccessManager",
  escrow: "Network#JobEscrow",
  staking: "Network#OperatorStaking",
  verifier: "Network#CommitRevealVerifier",
  vouchers: "Network#VoucherEscrow",
  receipts: "Network#ReceiptLog",
};

/** @param contracts what an Ignition run returned: addresses by future id */
export function addressesFrom(
  contracts: Record<string, { address: string }>,
  chainId: number,
  deployedAtBlock: number,
): NetworkAddresses {
  const named = CONTRACT_NAMES.map((name) => [name, contracts[FUTURES[name]]?.address]);
  return parseAddresses({ chainId, ...Object.fromEntries(named), deployedAtBlock });
}

/** @returns whether the file said something else before */
export async function writeAddresses(file: string, addresses: NetworkAddresses): Promise<boolean> {
  const text = `${JSON.stringify(addresses, null, 2)}\n`;
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) return false;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return true;
}

/** The addresses as lines for people. */
export function describeAddresses(addresses: NetworkAddresses): string {
  const width = Math.max(...CONTRACT_NAMES.map((name) => name.length));
  const lines = CONTRACT_NAMES.map((name) => `  ${name.padEnd(width)}  ${addresses[name]}`);
  return [`chain ${addresses.chainId}, from block ${addresses.deployedAtBlock}`, ...lines].join("\n");
}
