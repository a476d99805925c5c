import { join } from "node:path";
import { parseArgs } from "node:util";

import { createHardhatRuntimeEnvironment } from "hardhat/hre";

import config from "../hardhat.config.ts";
import { loadAddresses } from "../src/chain/addressesFile.ts";
import { chainIdOf } from "./deployment/rpc.ts";
import { EXPLORERS, type Explorer, verifyNetwork } from "./deployment/verifyNetwork.ts";

const HELP = `Verifies the contracts of a deployed network on block explorers; running it again is harmless.

  npx node scripts/verify.ts --network <name> [--explorer <explorer>]… [--verbose]

  --network   baseSepolia, base, or another of hardhat.config.ts
  --explorer  ${EXPLORERS.join(", ")}; may be repeated (default: etherscan, which needs ETHERSCAN_API_KEY)
  --verbose   print stack traces of errors

Exit code: 0 all are verified, 1 something failed, 2 wrong usage.`;

class UsageError extends Error {}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        network: { type: "string" },
        explorer: { type: "string", multiple: true, default: ["etherscan"] },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n", 1)[0]);
  }
}

function checkExplorers(given: string[]): Explorer[] {
  const unknown = given.find((name) => !(EXPLORERS as string[]).includes(name));
  if (unknown === undefined) return given as Explorer[];
  throw new UsageError(`--explorer is ${unknown}, allowed are ${EXPLORERS.join(", ")}`);
}

function checkNetwork(name: string | undefined): string {
  const known = Object.keys(config.networks ?? {});
  if (name !== undefined && known.includes(name)) return name;
  throw new UsageError(`--network is ${name ?? "missing"}, allowed are ${known.join(", ")}`);
}

async function main(args: ReturnType<typeof readArguments>): Promise<void> {
  if (args.help) return console.log(HELP);
  const network = checkNetwork(args.network);
  const explorers = checkExplorers(args.explorer);
  const hre = await createHardhatRuntimeEnvironment(config, { network });
  const connection = await hre.network.create();
  const chainId = await chainIdOf(connection.provider);
  const results = await verifyNetwork({
    hre,
    addresses: await loadAddresses(chainId),
    deploymentDir: join(hre.config.paths.ignition, "deployments", `chain-${chainId}`),
    explorers,
    onProgress: console.log,
  });
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

try {
  await main(readArguments());
} catch (error) {
  const isUsage = error instanceof UsageError;
  const message = (error as Error).message.split("\n", 1)[0];
  console.error(isUsage ? `${message}: see --help` : message);
  if (process.argv.includes("--verbose")) console.error(error);
  process.exitCode = isUsage ? 2 : 1;
}
