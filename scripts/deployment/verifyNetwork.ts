import { verifyContract } from "@nomicfoundation/hardhat-verify/verify";
import { getVerificationInformation, type VerifyInfo } from "@nomicfoundation/ignition-core";
import type { VerificationProvidersConfig } from "hardhat/types/config";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { isAddressEqual } from "viem";

import { CONTRACT_NAMES, type NetworkAddresses } from "../../src/chain/addresses.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { hasJournal } from "./journal.ts";

export type Explorer = keyof VerificationProvidersConfig;

export const EXPLORERS: Explorer[] = ["etherscan", "blockscout", "sourcify"];

export type VerifyNetworkOptions = {
  /** Of the network whose contracts are verified. */
  hre: HardhatRuntimeEnvironment;
  addresses: NetworkAddresses;
  /** Ignition's journal of that deployment: it holds the constructors' arguments. */
  deploymentDir: string;
  explorers: Explorer[];
  /** One line at a time. */
  onProgress?: (line: string) => void;
};

export type Verification = {
  /** As in the addresses: `escrow`, `staking` … */
  name: string;
  explorer: Explorer;
  /** Absent: verified, now or earlier. */
  failure?: string;
};

/**
 * Verifies the contracts this project deployed; an OPG that was there before is its own deployer's business. A
 * contract that fails doesn't keep the others from being verified. Running it again is harmless.
 *
 * @throws ProtocolError `deploy/journal-missing`, `deploy/journal-mismatch`
 */
export async function verifyNetwork(options: VerifyNetworkOptions): Promise<Verification[]> {
  const { hre, addresses, explorers, onProgress = () => {} } = options;
  const deployed = await deployedContracts(options);
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true, defaultBuildProfile: "production" });

  const done: Verification[] = [];
  for (const name of CONTRACT_NAMES) {
    const info = deployed.find(({ address }) => isAddressEqual(address as `0x${string}`, addresses[name]));
    if (info === undefined) {
      onProgress(`${name} ${addresses[name]}: was there before the network, nothing to verify`);
      continue;
    }
    for (const explorer of explorers) {
      const failure = await verifyOne(hre, info, explorer);
      onProgress(`${name} ${info.address}: ${failure ?? "verified"} (${explorer})`);
      done.push({ name, explorer, ...(failure === undefined ? {} : { failure }) });
    }
  }
  return done;
}

async function deployedContracts({ addresses, deploymentDir }: VerifyNetworkOptions): Promise<VerifyInfo[]> {
  if (!hasJournal(deploymentDir)) {
    throw new ProtocolError(
      "deploy/journal-missing",
      `there is no journal in ${deploymentDir}: verify where the network was deployed, or restore it`,
    );
  }
  const deployed: VerifyInfo[] = [];
  for await (const info of getVerificationInformation(deploymentDir)) {
    if (typeof info !== "string") deployed.push(info);
  }
  if (!deployed.some(({ address }) => isAddressEqual(address as `0x${string}`, addresses.escrow))) {
    throw new ProtocolError(
      "deploy/journal-mismatch",
      `the journal in ${deploymentDir} knows no escrow at ${addresses.escrow}: it is another deployment's, restore the right one`,
    );
  }
  return deployed;
}

/** @returns why it failed, or undefined */
async function verifyOne(
  hre: HardhatRuntimeEnvironment,
  info: VerifyInfo,
  explorer: Explorer,
): Promise<string | undefined> {
  try {
    await quietly(() => verifyContract({ ...info, provider: explorer }, hre));
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, " ").trim() : String(error);
    return /already (been )?verified/i.test(message) ? undefined : message;
  }
}

/** hardhat-verify writes paragraphs to the console and takes no other place for them. */
async function quietly(run: () => Promise<unknown>): Promise<void> {
  const { log } = console;
  console.log = () => {};
  try {
    await run();
  } finally {
    console.log = log;
  }
}
