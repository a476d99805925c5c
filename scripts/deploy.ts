// Deploys the network to the chain of --network, or finishes or repeats a deployment without changing anything:
//   npx hardhat run scripts/deploy.ts --network localhost
// Parameters are those of the chain in deploy/parameters/; DEPLOY_PARAMETERS names another file.
import hre from "hardhat";

import { networkModulePath } from "./deployment/ignitionDeploy.ts";

const parameters = process.env.DEPLOY_PARAMETERS;
try {
  await hre.tasks
    .getTask(["ignition", "deploy"])
    .run({ modulePath: networkModulePath(hre), ...(parameters ? { parameters } : {}) });
} catch (error) {
  if (process.env.DEBUG || !(error instanceof Error)) throw error;
  console.error(error.message.split("\n", 1)[0]);
  process.exitCode = 1;
}
