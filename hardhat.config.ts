import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

const compiler = {
  version: "0.8.37",
  // The WebAssembly compiler from the locked package: nothing is downloaded.
  path: require.resolve("solc/soljson.js"),
  settings: {
    viaIR: true,
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 20_000 },
    metadata: { bytecodeHash: "none" as const, useLiteralContent: true },
  },
};

export default defineConfig({
  plugins: [toolbox],
  solidity: { profiles: { default: { ...compiler }, production: { ...compiler } } },
  paths: {
    sources: { solidity: ["contracts", "test/mocks"] },
    tests: { solidity: "test/contracts", mocha: "test/src" },
    ignition: "deploy",
  },
  networks: {
    // The chain `hardhat node` serves: a block every second, as real chains have, transactions or not.
    node: { type: "edr-simulated", chainId: 31337, mining: { auto: false, interval: 1000 } },
    localhost: { type: "http", url: "http://127.0.0.1:8545", chainId: 31337 },
  },
});
