import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect } from "chai";
import hre from "hardhat";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { JsonRpcServer } from "hardhat/types/network";

import config from "../../../hardhat.config.ts";
import { deployNetwork } from "../../../scripts/deployment/deployNetwork.ts";
import { parametersFileOf, readParameters } from "../../../scripts/deployment/parameters.ts";
import { verifyNetwork } from "../../../scripts/deployment/verifyNetwork.ts";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";
import { type FakeExplorer, startFakeExplorer } from "../../mocks/FakeExplorer.ts";
import { ENVIRONMENT, putOpgAt } from "../../support/networks.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const BASE_SEPOLIA = 84532;
const API_KEY = "a-key-of-the-fake";
const OURS = ["authority", "escrow", "staking", "verifier", "vouchers", "receipts"];

describe("verifyNetwork, against a fake explorer", () => {
  let chain: JsonRpcServer;
  let environment: HardhatRuntimeEnvironment;
  let explorer: FakeExplorer;
  let deploymentDir: string;
  let addresses: NetworkAddresses;

  /** The project as it is, but with a chain and an explorer on loopback where Base Sepolia's would be. */
  async function withLoopback(url: string): Promise<HardhatRuntimeEnvironment> {
    const blockExplorers = { etherscan: { name: "FakeExplorer", url: "http://127.0.0.1", apiUrl: explorer.apiUrl } };
    return await createHardhatRuntimeEnvironment(
      {
        ...config,
        networks: { baseSepolia: { type: "http", chainId: BASE_SEPOLIA, url } },
        verify: { etherscan: { apiKey: API_KEY } },
        chainDescriptors: { [BASE_SEPOLIA]: { name: "Base Sepolia", blockExplorers } },
      },
      { network: "baseSepolia" },
      hre.config.paths.root,
    );
  }

  before(async () => {
    deploymentDir = mkdtempSync(join(tmpdir(), "verify-"));
    explorer = await startFakeExplorer({ chainId: BASE_SEPOLIA, apiKey: API_KEY });
    chain = await hre.network.createServer({ network: "default", override: { chainId: BASE_SEPOLIA } }, "127.0.0.1");
    const { port } = await chain.listen();
    environment = await withLoopback(`http://127.0.0.1:${port}`);
    const connection = await environment.network.create();
    const parameters = await readParameters(parametersFileOf(BASE_SEPOLIA), ENVIRONMENT);
    await putOpgAt(connection, parameters.opgAddress as string);
    addresses = await deployNetwork({
      connection,
      artifacts: environment.artifacts,
      parameters,
      deploymentDir,
      addressesFile: null,
      ignition: { requiredConfirmations: 1, blockPollingInterval: 50 },
    });
  });
  after(async () => {
    await chain.close();
    await explorer.close();
    rmSync(deploymentDir, { recursive: true });
  });

  const verify = (lines: string[] = []) =>
    verifyNetwork({
      hre: environment,
      addresses,
      deploymentDir,
      explorers: ["etherscan"],
      onProgress: (line) => lines.push(line),
    });

  it("says which contract an explorer doesn't take, and goes on with the others", async () => {
    explorer.refuse("JobEscrow");
    const results = await verify();
    const failed = results.filter(({ failure }) => failure !== undefined);
    expect(results.map(({ name }) => name)).to.deep.equal(OURS);
    expect(failed.map(({ name }) => name)).to.deep.equal(["escrow"]);
    expect(failed[0]?.failure).to.include("Bytecode does not match").and.not.include("\n");
  });

  it("hands in sources, compiler and the constructor arguments of the deployment", async () => {
    const connection = await environment.network.create();
    for (const { address, contractName, compilerVersion, constructorArguments, sources } of explorer.submissions) {
      expect(compilerVersion).to.match(/^v0\.8\.37\+commit/);
      expect(sources).to.include(contractName.split(":")[0]);
      const creation = await creationOf(connection.provider, address);
      expect(creation.endsWith(constructorArguments), contractName).to.equal(true);
      expect(constructorArguments).to.not.equal("");
    }
    await connection.close();
  });

  it("has nothing to do the second time, and leaves an OPG that was there before alone", async () => {
    const already = explorer.submissions.length;
    const lines: string[] = [];
    const results = (await verify(lines)).filter(({ name }) => name !== "escrow");
    expect(results.every(({ failure }) => failure === undefined)).to.equal(true);
    const again = explorer.submissions.slice(already).map(({ contractName }) => contractName);
    expect(again.every((name) => name.endsWith(":JobEscrow"))).to.equal(true);
    expect(lines[0]).to.include(addresses.opg).and.include("nothing to verify");
  });

  it("refuses a journal that is missing, or another deployment's", async () => {
    const options = { hre: environment, addresses, deploymentDir, explorers: ["etherscan" as const] };
    await expectProtocolError("deploy/journal-missing", () =>
      verifyNetwork({ ...options, deploymentDir: join(deploymentDir, "none") }),
    );
    await expectProtocolError("deploy/journal-mismatch", () =>
      verifyNetwork({ ...options, addresses: { ...addresses, escrow: addresses.opg } }),
    );
  });
});

describe("scripts/verify.ts", () => {
  const verify = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, ["scripts/verify.ts", ...args])) };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };

  it("explains itself", async () => {
    const { code, stdout } = await verify("--help");
    expect(code).to.equal(0);
    expect(stdout).to.include("--network").and.include("sourcify");
  });

  it("ends with 2 and a line for wrong usage", async () => {
    for (const args of [
      ["--network", "nowhere"],
      ["--network", "base", "--explorer", "x"],
    ]) {
      const { code, stderr } = await verify(...args);
      expect(code, stderr).to.equal(2);
      expect(stderr.trim().split("\n")).to.have.length(1);
    }
  });
});

/** The input of the transaction that created a contract. */
async function creationOf(
  provider: { request(call: { method: string; params?: unknown[] }): Promise<unknown> },
  address: string,
): Promise<string> {
  const latest = Number(await provider.request({ method: "eth_blockNumber" }));
  for (let number = 1; number <= latest; number++) {
    const params = [`0x${number.toString(16)}`, true];
    const block = (await provider.request({ method: "eth_getBlockByNumber", params })) as {
      transactions: { hash: string; input: string }[];
    };
    for (const { hash, input } of block.transactions) {
      const receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [hash] });
      const { contractAddress } = receipt as { contractAddress: string | null };
      if (contractAddress?.toLowerCase() === address) return input;
    }
  }
  throw new Error(`nothing created ${address}`);
}
