import { join, relative, resolve } from "node:path";

import { resolveDeploymentId } from "@nomicfoundation/hardhat-ignition/helpers";
import type { DeploymentResult } from "@nomicfoundation/ignition-core";
import { HardhatPluginError } from "hardhat/plugins";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { NetworkConnection } from "hardhat/types/network";
import type { TaskOverrideActionFunction } from "hardhat/types/tasks";

import { chooseShape } from "../../deploy/shape.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { addressesFrom, describeAddresses, writeAddresses } from "./addresses.ts";
import { LOCAL_IGNITION } from "./deployNetwork.ts";
import { firstBlockOf } from "./journal.ts";
import { LOCAL_CHAIN_ID, type NetworkParameters, parametersFileOf, readParameters } from "./parameters.ts";
import { type Place, planDeployment } from "./plan.ts";
import { chainIdOf } from "./rpc.ts";

type Arguments = {
  modulePath: string;
  parameters?: string;
  deploymentId?: string;
  writeLocalhostDeployment: boolean;
};

/**
 * What `hardhat ignition deploy` does around the network's module: looks before it deploys, chooses the module's
 * shape, and writes the addresses down after. All else, and all of other modules, is Ignition's.
 */
const ignitionDeploy: TaskOverrideActionFunction = async (given, hre, runSuper) => {
  const args = given as Arguments;
  if (resolve(args.modulePath) !== networkModulePath(hre)) return await runSuper(args);
  const connection = await hre.network.create();
  try {
    return await deployAndRecord(args, hre, connection, runSuper);
  } catch (error) {
    // Of a plugin's errors Hardhat prints the message alone, unless stack traces are asked for.
    if (error instanceof ProtocolError) throw new HardhatPluginError("deploy", error.message, error);
    throw error;
  } finally {
    await connection.close();
  }
};

export default ignitionDeploy;

export function networkModulePath(hre: HardhatRuntimeEnvironment): string {
  return join(hre.config.paths.ignition, "modules", "Network.ts");
}

async function deployAndRecord(
  args: Arguments,
  hre: HardhatRuntimeEnvironment,
  connection: NetworkConnection,
  runSuper: (args: Record<string, unknown>) => Promise<DeploymentResult | null>,
): Promise<DeploymentResult | null> {
  const rpc = connection.provider;
  const chainId = await chainIdOf(rpc);
  const parameters = await readParameters(args.parameters || parametersFileOf(chainId), process.env);
  const place = placeOf(args, hre, connection, chainId);
  const plan = await planDeployment(rpc, parameters, place, console.log);

  chooseShape(plan.shape);
  if (chainId === LOCAL_CHAIN_ID) Object.assign(hre.config.ignition, LOCAL_IGNITION);
  const result = await runSuper({ ...args, parameters: asIgnitionReads(plan.parameters) });

  if (result?.type !== "SUCCESSFUL_DEPLOYMENT" || place.addressesFile === null) return result;
  const deployedAtBlock = await firstBlockOf(rpc, place.deploymentDir);
  const addresses = addressesFrom(result.contracts, chainId, deployedAtBlock ?? 0);
  const changed = await writeAddresses(place.addressesFile, addresses);
  console.log(describeAddresses(addresses));
  console.log(`${changed ? "written to" : "unchanged in"} ${relative(process.cwd(), place.addressesFile)}`);
  return result;
}

/** Ignition takes JSON in which large numbers are strings of digits and an `n`. */
function asIgnitionReads(parameters: NetworkParameters): string {
  return JSON.stringify({ Network: parameters }, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

function placeOf(
  args: Arguments,
  hre: HardhatRuntimeEnvironment,
  connection: NetworkConnection,
  chainId: number,
): Place {
  const { ignition } = hre.config.paths;
  if (connection.networkConfig.type === "edr-simulated" && !args.writeLocalhostDeployment) {
    return { deploymentDir: undefined, addressesFile: null };
  }
  return {
    deploymentDir: join(ignition, "deployments", resolveDeploymentId(args.deploymentId || undefined, chainId)),
    addressesFile: join(ignition, "addresses", `${chainId}.json`),
  };
}
