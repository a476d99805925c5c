import {
  errorDeploymentResultToExceptionMessage,
  HardhatArtifactResolver,
} from "@nomicfoundation/hardhat-ignition/helpers";
import {
  type DeployConfig,
  DeploymentResultType,
  deploy,
  type ExecutionEventListener,
} from "@nomicfoundation/ignition-core";
import type { ArtifactManager } from "hardhat/types/artifacts";

import { networkModule } from "../../deploy/modules/Network.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { addressesFrom, writeAddresses } from "./addresses.ts";
import { firstBlockOf } from "./journal.ts";
import { LOCAL_CHAIN_ID, type NetworkParameters } from "./parameters.ts";
import { planDeployment } from "./plan.ts";
import type { Rpc } from "./rpc.ts";

export type DeployNetworkOptions = {
  /** A Hardhat connection, or anything else with an EIP-1193 provider whose first account deploys. */
  connection: { provider: Rpc };
  /** Compiled contracts: `hre.artifacts`. */
  artifacts: ArtifactManager;
  /** As `readParameters` returns them, or made by the caller; they are checked here. */
  parameters: NetworkParameters | Record<string, unknown>;
  /** Ignition's journal, which makes a second run safe; absent: nothing is kept, as a chain in memory needs. */
  deploymentDir?: string;
  /** Where the addresses are written; null: nowhere. */
  addressesFile: string | null;
  /** One line at a time. */
  onProgress?: (line: string) => void;
  /** How Ignition waits; absent: one confirmation on the local chain, Ignition's own defaults elsewhere. */
  ignition?: Partial<DeployConfig>;
};

/** The local chain is nobody's but ours: what it has mined stays. */
export const LOCAL_IGNITION = { requiredConfirmations: 1, blockPollingInterval: 100 };

/**
 * Deploys the network, or finishes a run that was interrupted, or does nothing where it is deployed already.
 * Restarted local chains (31337) are recognised and deployed on afresh.
 *
 * @throws ProtocolError `deploy/…`
 */
export async function deployNetwork(options: DeployNetworkOptions): Promise<NetworkAddresses> {
  const { artifacts, deploymentDir, addressesFile, onProgress = () => {} } = options;
  const rpc = options.connection.provider;
  const plan = await planDeployment(rpc, options.parameters, { deploymentDir, addressesFile }, onProgress);
  const before = Number(await rpc.request({ method: "eth_blockNumber" }));

  const result = await deploy({
    provider: rpc,
    artifactResolver: new HardhatArtifactResolver(artifacts),
    ignitionModule: networkModule(plan.shape),
    deploymentParameters: { Network: plan.parameters },
    accounts: (await rpc.request({ method: "eth_accounts" })) as string[],
    executionEventListener: reportDeployments(onProgress),
    ...(deploymentDir === undefined ? {} : { deploymentDir }),
    config: options.ignition ?? (plan.chainId === LOCAL_CHAIN_ID ? LOCAL_IGNITION : {}),
  });
  if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) {
    throw deploymentFailed(errorDeploymentResultToExceptionMessage(result), deploymentDir);
  }
  const deployedAtBlock = (await firstBlockOf(rpc, deploymentDir)) ?? before + 1;
  const addresses = addressesFrom(result.contracts, plan.chainId, deployedAtBlock);
  if (addressesFile !== null) await writeAddresses(addressesFile, addresses);
  return addresses;
}

/** Ignition explains itself in a paragraph; what matters of it fits a line. */
export function deploymentFailed(explanation: string, deploymentDir: string | undefined): ProtocolError {
  const line = explanation.replaceAll(/\s*\n\s*/g, " ").trim();
  const journal = deploymentDir === undefined ? "" : `; its journal is ${deploymentDir}`;
  return new ProtocolError("deploy/failed", `the deployment failed: ${line}${journal}`);
}

/** Of Ignition's thirty kinds of events only "a contract is there" is passed on. */
function reportDeployments(onProgress: (line: string) => void): ExecutionEventListener {
  const ignored = async () => {};
  const heard: Partial<ExecutionEventListener> = {
    async deploymentExecutionStateComplete({ futureId, result }) {
      if (result.type === "SUCCESS") onProgress(`${futureId.replace("Network#", "")} ${result.result ?? ""}`.trim());
    },
  };
  return new Proxy(heard, {
    get: (listener, name) => listener[name as keyof ExecutionEventListener] ?? ignored,
  }) as ExecutionEventListener;
}
