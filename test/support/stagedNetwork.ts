import { join } from "node:path";
import hre from "hardhat";
import { startChainProcess } from "../../scripts/demo/chainProcess.ts";
import type { ModelName } from "../../scripts/demo/requests.ts";
import {
  connectAs,
  type DemoModel,
  type DemoOperator,
  fundParties,
  makeNodeFolders,
  OPERATORS,
  publishShipped,
  startOperator,
} from "../../scripts/demo/stage.ts";
import { deployNetwork } from "../../scripts/deployment/deployNetwork.ts";
import { LOCAL_CHAIN_ID, parametersFileOf, readParameters } from "../../scripts/deployment/parameters.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import type { SigningChain } from "../../src/chain/clients.ts";
import type { NodeLine } from "../../src/cli/runNode.ts";
import { temporaryFolder } from "./temporaryStore.ts";

/** A chain process with the network on it, models published, and an operator's node process for each operator. */
export type StagedNetwork = {
  rpcUrl: string;
  addresses: NetworkAddresses;
  addressesFile: string;
  payer: SigningChain;
  settler: SigningChain;
  models: DemoModel[];
  operators: DemoOperator[];
  stop(): Promise<void>;
};

export type StageOptions = {
  models: readonly ModelName[];
  onLine?: (line: NodeLine) => void;
  /** Whether the third operator's answers are all wrong. */
  hasLiar?: boolean;
};

/** Starts all of it; whatever fails, nothing is left running. */
export async function stageNetwork({
  models: names,
  onLine = () => {},
  hasLiar,
}: StageOptions): Promise<StagedNetwork> {
  const { folder, remove } = await temporaryFolder();
  const nodesDir = join(folder, "nodes");
  const [chainProcess] = await Promise.all([startChainProcess(), makeNodeFolders({ nodesDir })]);
  const operators: DemoOperator[] = [];
  const stop = async () => {
    await Promise.all(operators.map(({ node }) => node.kill()));
    await chainProcess.stop();
    await remove();
  };
  try {
    const { rpcUrl } = chainProcess;
    const addressesFile = join(folder, "addresses.json");
    const connection = await hre.network.create({ network: "localhost", override: { url: rpcUrl } });
    const addresses = await deployNetwork({
      connection,
      artifacts: hre.artifacts,
      parameters: await readParameters(parametersFileOf(LOCAL_CHAIN_ID)),
      addressesFile,
    });
    await connection.close();
    const connect = (role: Parameters<typeof connectAs>[2]) => connectAs(rpcUrl, addresses, role);
    const [deployer, payer, publisher, settler] = await Promise.all([
      connect("deployer"),
      connect("payer"),
      connect("publisher"),
      connect("settler"),
    ]);
    const [models] = await Promise.all([
      Promise.all(names.map((name) => publishShipped(publisher, name))),
      fundParties(deployer, payer),
    ]);
    const files = { rpcUrl, addressesFile, nodesDir };
    // In the order of their roles, the liar last: they register at once, so their ids may be in any order.
    const inOrder = await Promise.all(
      OPERATORS.map(async (role) => {
        const liesEvery = hasLiar && role === "operator3" ? 1 : undefined;
        const operator = await startOperator(files, await connect(role), role, onLine, liesEvery);
        operators.push(operator);
        return operator;
      }),
    );
    return { rpcUrl, addresses, addressesFile, payer, settler, models, operators: inOrder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
