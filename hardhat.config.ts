import { globSync } from "node:fs";
import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig, overrideTask } from "hardhat/config";

const require = createRequire(import.meta.url);

const compiler = {
  version: "0.8.37",
  // The WebAssembly compiler from the locked package: nothing is downloaded.
  path: require.resolve("solc/soljson.js"),
  settings: {
    // First, and spelt out below too: Hardhat's `production` profile puts its own optimizer here, and profiles whose
    // settings differ, if only in order, are compiled twice.
    optimizer: { enabled: true, runs: 200_000 },
    viaIR: true,
    evmVersion: "cancun",
    metadata: { bytecodeHash: "none" as const, useLiteralContent: true },
  },
};

// Tests drive the contracts' own bytecode (through `vm.getCode`), so how they are compiled themselves changes nothing;
// without the optimizer that takes seconds instead of a minute.
const testCompiler = {
  ...compiler,
  settings: { optimizer: { enabled: false, runs: 200 }, evmVersion: "cancun" },
};
const testSources = globSync(["test/contracts/**/*.sol", "test/support/**/*.sol", "test/mocks/**/*.sol"]);
const overrides = Object.fromEntries(testSources.map((file) => [file.replaceAll("\\", "/"), testCompiler]));

// Hardhat's `production`, which `ignition deploy` builds, would compile each file by itself: both are the same here,
// so that whichever a command builds is there for the others.
const profile = { compilers: [compiler], overrides, isolated: false, toolVersionsInBuildInfo: true };

const fuzzRuns = Number(process.env.FUZZ_RUNS ?? 1_000);
// A campaign is one run of 64 random actions; `npm run test:campaign` makes many more of them.
const invariantRuns = Number(process.env.INVARIANT_RUNS ?? 24);

export default defineConfig({
  plugins: [
    toolbox,
    { id: "shared-overrides", hookHandlers: { config: () => import("./scripts/hardhat/sharedOverrides.ts") } },
    { id: "test-outputs", hookHandlers: { solidity: () => import("./scripts/hardhat/testOutputs.ts") } },
  ],
  // `ignition deploy` of the network looks first and writes the addresses down after.
  tasks: [
    overrideTask(["ignition", "deploy"])
      .setAction(() => import("./scripts/deployment/ignitionDeploy.ts"))
      .build(),
  ],
  solidity: {
    profiles: { default: profile, production: profile },
    // Deploying compiles what is deployed; the tests, which take minutes, wait until they are run.
    splitTestsCompilation: true,
    npmFilesToBuild: ["@openzeppelin/contracts/access/manager/AccessManager.sol"],
  },
  paths: {
    sources: { solidity: ["contracts", "test/mocks"] },
    tests: { solidity: "test/contracts", mocha: "test/src" },
    ignition: "deploy",
  },
  test: {
    solidity: {
      fsPermissions: { readDirectory: ["test/vectors"] },
      fuzz: { runs: fuzzRuns },
      invariant: { runs: invariantRuns, depth: 64, failOnRevert: true },
    },
    mocha: { timeout: 60_000 },
  },
  verify: { etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") } },
  networks: {
    // The chain `hardhat node` serves: a block every second, as real chains have, transactions or not.
    node: { type: "edr-simulated", chainId: 31337, mining: { auto: false, interval: 1000 } },
    localhost: { type: "http", url: "http://127.0.0.1:8545", chainId: 31337 },
    baseSepolia: {
      type: "http",
      chainType: "op",
      chainId: 84532,
      url: configVariable("BASE_SEPOLIA_RPC_URL"),
      accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
    },
    base: {
      type: "http",
      chainType: "op",
      chainId: 8453,
      url: configVariable("BASE_RPC_URL"),
      accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
    },
    opengradientDevnet: {
      type: "http",
      chainId: 10740,
      url: configVariable("OPENGRADIENT_DEVNET_RPC_URL"),
      accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
    },
  },
});
