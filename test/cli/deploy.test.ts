import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { expect } from "chai";
import hre from "hardhat";
import type { JsonRpcServer } from "hardhat/types/network";

import { parseAddresses } from "../../src/chain/addresses.ts";

const HARDHAT = resolve("node_modules/.bin/hardhat");

type Outcome = { code: number; stdout: string; stderr: string };

describe("deploying from the command line", () => {
  let folder: string;
  let chain: { server: JsonRpcServer; port: number };

  /** A folder for this run's journal and addresses, and a configuration that says so. */
  function prepareFolder(port: number): void {
    mkdirSync("out", { recursive: true });
    folder = mkdtempSync(resolve("out", "deploy-e2e-"));
    symlinkSync(resolve("deploy/modules"), join(folder, "modules"));
    writeFileSync(
      join(folder, "hardhat.config.ts"),
      `import { defineConfig } from "hardhat/config";
import config from ${JSON.stringify(resolve("hardhat.config.ts"))};
const networks = { ...config.networks, localhost: { type: "http", url: "http://127.0.0.1:${port}", chainId: 31337 } };
export default defineConfig({ ...config, networks, paths: { ...config.paths, ignition: ${JSON.stringify(folder)} } });
`,
    );
  }

  async function startChain(port?: number): Promise<{ server: JsonRpcServer; port: number }> {
    const server = await hre.network.createServer("default", "127.0.0.1", port);
    const { port: listening } = await server.listen();
    return { server, port: listening };
  }

  async function hardhat(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    const all = ["--config", join(folder, "hardhat.config.ts"), ...args, "--network", "localhost"];
    try {
      const { stdout, stderr } = await promisify(execFile)(HARDHAT, all, { env: { ...process.env, ...env } });
      return { code: 0, stdout, stderr };
    } catch (error) {
      return error as Outcome;
    }
  }

  const ignition = () =>
    hardhat(["ignition", "deploy", join(folder, "modules/Network.ts"), "--parameters", "deploy/parameters/local.json"]);
  const script = (env: Record<string, string> = {}) => hardhat(["run", "--no-compile", "scripts/deploy.ts"], env);
  const written = () => readFileSync(join(folder, "addresses/31337.json"), "utf8");
  const blockNumber = async () => {
    const connection = await hre.network.create({
      network: "localhost",
      override: { url: `http://127.0.0.1:${chain.port}` },
    });
    return Number(await connection.provider.request({ method: "eth_blockNumber" }));
  };

  before(async () => {
    chain = await startChain();
    prepareFolder(chain.port);
  });
  after(async () => {
    await chain.server.close();
    rmSync(folder, { recursive: true });
  });

  it("refuses a placeholder in one line, with exit code 1", async () => {
    const { code, stderr } = await script({ GUARDIAN_ADDRESS: "0x0000000000000000000000000000000000000000" });
    expect(code).to.equal(1);
    expect(stderr.trim().split("\n")).to.have.length(1);
    expect(stderr).to.include("guardian is the zero address").and.include("GUARDIAN_ADDRESS");
    expect(await blockNumber()).to.equal(0);
  });

  it("works with plain Ignition, writes the addresses down and prints them", async () => {
    const { code, stdout } = await ignition();
    expect(code).to.equal(0);
    const addresses = parseAddresses(written());
    expect(addresses.chainId).to.equal(31337);
    expect(addresses.deployedAtBlock).to.equal(1);
    expect(stdout).to.include(addresses.escrow).and.include("addresses/31337.json");
  });

  it("changes nothing when it runs again, by either command", async () => {
    const before = { addresses: written(), block: await blockNumber() };
    for (const again of [await script(), await ignition()]) {
      expect(again.code).to.equal(0);
      expect(again.stdout).to.include(parseAddresses(before.addresses).verifier).and.include("unchanged");
    }
    expect({ addresses: written(), block: await blockNumber() }).to.deep.equal(before);
  });

  it("recognises a restarted local chain and deploys afresh", async () => {
    await chain.server.close();
    chain = await startChain(chain.port);
    const { code, stdout } = await script();
    expect(code).to.equal(0);
    expect(stdout).to.include("restarted");
    expect(await blockNumber()).to.be.above(0);
  });

  it("says in one line when there is no chain", async () => {
    await chain.server.close();
    const { code, stderr } = await script();
    chain = await startChain(chain.port);
    expect(code).to.equal(1);
    expect(stderr.trim().split("\n")).to.have.length(1);
    expect(stderr).to.include("localhost");
  });
});
