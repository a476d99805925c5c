import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { getAddress, type Hex } from "viem";

/** Where a network's contracts are, as `deploy/addresses/<chainId>.json` holds it. */
export type NetworkAddresses = {
  chainId: number;
  opg: Hex;
  authority: Hex;
  models: Hex;
  escrow: Hex;
  staking: Hex;
  verifier: Hex;
  /** No event of the network is older. */
  deployedAtBlock: number;
};

/** Ignition's id of each contract of the network. */
const FUTURES = {
  opg: "Network#OPG",
  authority: "Network#AccessManager",
  models: "Network#ModelRegistry",
  escrow: "Network#JobEscrow",
  staking: "Network#OperatorStaking",
  verifier: "Network#CommitRevealVerifier",
} as const;

export function addressesFileOf(chainId: number): string {
  return `deploy/addresses/${chainId}.json`;
}

/** @param contracts what an Ignition run returned: addresses by future id */
export function addressesFrom(
  contracts: Record<string, { address: string }>,
  chainId: number,
  deployedAtBlock: number,
): NetworkAddresses {
  const named = Object.entries(FUTURES).map(([name, id]) => {
    const contract = contracts[id];
    if (contract === undefined) throw new Error(`Ignition returned no ${id}`);
    return [name, getAddress(contract.address)];
  });
  return { chainId, ...Object.fromEntries(named), deployedAtBlock };
}

/** @returns whether the file said something else before */
export async function writeAddresses(file: string, addresses: NetworkAddresses): Promise<boolean> {
  const text = `${JSON.stringify(addresses, null, 2)}\n`;
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) return false;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return true;
}
