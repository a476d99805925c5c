import { artifacts, network } from "hardhat";
import { deployNetwork } from "../../scripts/deployment/deployNetwork.ts";
import { parametersFileOf, readParameters } from "../../scripts/deployment/parameters.ts";
import type { Provider } from "../../src/chain/clients.ts";
import { controlNetwork, type TestNetwork } from "./networkControls.ts";

export type { TestNetwork } from "./networkControls.ts";

/** A chain in this process with the network deployed on it. */
export async function startTestNetwork(): Promise<TestNetwork> {
  const { provider: connected } = await network.create();
  const provider: Provider = {
    request: async ({ method, params }) => connected.request({ method, params: params as unknown[] }),
  };
  const addresses = await deployNetwork({
    connection: { provider: connected },
    artifacts,
    parameters: await readParameters(parametersFileOf(31337)),
    addressesFile: null,
  });
  return controlNetwork(provider, addresses);
}
