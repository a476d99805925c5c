import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

import { type Hex, isAddressEqual } from "viem";

import type { NetworkShape } from "../../deploy/shape.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { checkToken } from "./checkToken.ts";
import { dropStaleJournal, hasJournal, isOlderNetwork } from "./journal.ts";
import { checkParameters, LOCAL_CHAIN_ID, type NetworkParameters } from "./parameters.ts";
import { chainIdOf, hasCode, type Rpc } from "./rpc.ts";

export type Place = {
  /** The folder of Ignition's journal; undefined: nothing is kept. */
  deploymentDir: string | undefined;
  /** Where the addresses are written; null: nowhere. */
  addressesFile: string | null;
};

export type Plan = {
  chainId: number;
  deployer: Hex;
  parameters: NetworkParameters;
  shape: NetworkShape;
};

/**
 * Everything that is looked at before the first transaction: parameters, token, and what an earlier run has left.
 *
 * @throws ProtocolError `deploy/…`
 */
export async function planDeployment(
  rpc: Rpc,
  given: Record<string, unknown>,
  place: Place,
  onProgress: (line: string) => void,
): Promise<Plan> {
  const chainId = await chainIdOf(rpc);
  const parameters = checkParameters(given, chainId);
  const deployer = await deployerOf(rpc);
  if (await dropStaleJournal(rpc, place.deploymentDir)) {
    onProgress(`chain ${chainId} was restarted since the last deployment: its journal is dropped, deploying afresh`);
  }
  await refuseOlderNetwork(chainId, place);
  await refuseSecondNetwork(rpc, chainId, place);
  if (parameters.opgAddress !== undefined) {
    const { transferTested } = await checkToken(rpc, parameters.opgAddress as Hex);
    onProgress(`OPG is used at ${parameters.opgAddress}`);
    if (!transferTested) onProgress("a transfer of it can't be simulated here: the contracts check each deposit");
  }
  const shape = {
    usesExistingOpg: parameters.opgAddress !== undefined,
    governorDeploys: isAddressEqual(deployer, parameters.governor as Hex),
  };
  return { chainId, deployer, parameters, shape };
}

async function deployerOf(rpc: Rpc): Promise<Hex> {
  const [deployer] = (await rpc.request({ method: "eth_accounts" })) as Hex[];
  if (deployer !== undefined) return deployer;
  throw new ProtocolError(
    "deploy/no-account",
    "there is no account to deploy with: set DEPLOYER_PRIVATE_KEY in Hardhat's keystore or the environment",
  );
}

/** Contracts can't be added to a network: its hand-over is done, and nobody but its governor could permit them. */
async function refuseOlderNetwork(chainId: number, { addressesFile, deploymentDir }: Place): Promise<void> {
  if (!(await isOlderNetwork(deploymentDir))) return;
  const files = [deploymentDir, addressesFile].filter((path) => typeof path === "string").join(" and ");
  throw new ProtocolError(
    "deploy/older-network",
    `the network on chain ${chainId} was deployed before there were calls, and can't be added to: move ${files} away and run ` +
      "this again to deploy a new one; what is in the old one is taken out there",
  );
}

/** Without its journal a network can't be recognised as deployed: a second run would deploy another one beside it. */
async function refuseSecondNetwork(rpc: Rpc, chainId: number, place: Place): Promise<void> {
  const { addressesFile, deploymentDir } = place;
  if (chainId === LOCAL_CHAIN_ID || addressesFile === null || !existsSync(addressesFile)) return;
  if (hasJournal(deploymentDir)) return;
  const { escrow } = JSON.parse(await readFile(addressesFile, "utf8"));
  if (!(await hasCode(rpc, escrow))) return;
  throw new ProtocolError(
    "deploy/journal-missing",
    `${addressesFile} names a network on chain ${chainId}, but its journal ${deploymentDir} is missing: ` +
      "restore it, or move the file away to deploy another network",
  );
}
