import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { HardhatArtifactResolver } from "@nomicfoundation/hardhat-ignition/helpers";
import { buildModule, deploy } from "@nomicfoundation/ignition-core";
import { expect } from "chai";
import type { Contract } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import { ADMIN_ROLE, access, GOVERNOR_ROLE, PAUSER_ROLE } from "../../../deploy/modules/Access.ts";
import { networkModule } from "../../../deploy/modules/Network.ts";
import { deployNetwork, LOCAL_IGNITION } from "../../../scripts/deployment/deployNetwork.ts";
import { parametersFileOf, readParameters } from "../../../scripts/deployment/parameters.ts";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";
import {
  chainWithId,
  DEPLOYER,
  deployedOn,
  ENVIRONMENT,
  GOVERNOR,
  GUARDIAN,
  RECIPIENT,
} from "../../support/networks.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const BASE = 8453;
const TWO_DAYS = 2 * 86_400;
const OUTSIDER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const SOMEBODY = "0x000000000000000000000000000000000000bEEF";

const ARTIFACTS = {
  opg: "OPG",
  authority: "AccessManager",
  escrow: "JobEscrow",
  staking: "OperatorStaking",
  verifier: "CommitRevealVerifier",
  vouchers: "VoucherEscrow",
  receipts: "ReceiptLog",
} as const;

type Name = keyof typeof ARTIFACTS;

async function contract(connection: NetworkConnection, addresses: NetworkAddresses, name: Name): Promise<Contract> {
  return await connection.ethers.getContractAt(ARTIFACTS[name], addresses[name]);
}

describe("the deployed network", () => {
  for (const chainId of [31337, 84532, BASE, 10740]) {
    it(`is wired as chain ${chainId}'s parameters say`, async () => {
      const { connection, addresses, parameters } = await deployedOn(chainId);
      const read = async (name: Name, view: string, ...args: unknown[]) =>
        await (await contract(connection, addresses, name)).getFunction(view)(...args);

      expect(addresses.chainId).to.equal(chainId);
      if (parameters.opgAddress !== undefined) expect(addresses.opg).to.equal(parameters.opgAddress);
      expect(await read("opg", "balanceOf", DEPLOYER)).to.equal(10n ** 27n);
      for (const name of ["escrow", "staking", "verifier", "vouchers", "receipts"] as const) {
        expect(await read(name, "authority")).to.equal(addresses.authority);
      }
      expect(await read("escrow", "OPG")).to.equal(addresses.opg);
      expect([...(await read("escrow", "protocolFee"))]).to.deep.equal([RECIPIENT, 10_000n, false]);
      expect(await read("staking", "OPG")).to.equal(addresses.opg);
      expect(await read("staking", "LEDGER")).to.equal(addresses.escrow);
      expect(await read("staking", "unbondingSeconds")).to.equal(BigInt(parameters.unbondingSeconds as number));
      expect(await read("staking", "isPermitted", addresses.verifier)).to.equal(true);
      expect(await read("verifier", "ESCROW")).to.equal(addresses.escrow);
      expect(await read("verifier", "STAKING")).to.equal(addresses.staking);
      const bounds = ["minCommitWindowSeconds", "minRevealWindowSeconds", "minSettleWindowSeconds", "minBondPpm"];
      expect([...(await read("verifier", "params"))].map(Number)).to.deep.equal(
        [...bounds, "minBondUnits"].map((name) => parameters[name]),
      );
      expect(await read("vouchers", "OPG")).to.equal(addresses.opg);
      expect(await read("vouchers", "LEDGER")).to.equal(addresses.escrow);
      expect(await read("vouchers", "STAKING")).to.equal(addresses.staking);
      expect(await read("vouchers", "EXIT_SECONDS")).to.equal(BigInt(parameters.exitSeconds as number));
      expect(await read("receipts", "VOUCHERS")).to.equal(addresses.vouchers);
      expect(await read("receipts", "challengeBond")).to.equal(parameters.challengeBond);
      const terms = ["anchorSeconds", "challengeSeconds", "answerSeconds", "evidenceSeconds"];
      expect([...(await read("receipts", "terms"))]).to.deep.equal(
        [...terms, "omissionSlash", "equivocationSlash"].map((name) => BigInt(parameters[name] as number | bigint)),
      );
      expect(await read("staking", "isPermitted", addresses.receipts)).to.equal(true);
      await connection.close();
    });
  }
});

/** A call of every restricted function there is, and who may make it. */
const RESTRICTED: {
  name: Name;
  call: string;
  args: (a: NetworkAddresses) => unknown[];
  role: "governor" | "guardian";
}[] = [
  { name: "escrow", call: "setModelsPaused", args: () => [true], role: "guardian" },
  { name: "escrow", call: "setJobsPaused", args: () => [true], role: "guardian" },
  { name: "staking", call: "setPaused", args: () => [true], role: "guardian" },
  { name: "vouchers", call: "setChannelsPaused", args: () => [true], role: "guardian" },
  { name: "receipts", call: "setChallengeBond", args: () => [10n ** 19n], role: "governor" },
  { name: "escrow", call: "setProtocolFee", args: () => [SOMEBODY, 20_000], role: "governor" },
  { name: "staking", call: "permitVerifier", args: () => [SOMEBODY, true], role: "governor" },
  { name: "staking", call: "setUnbondingSeconds", args: () => [30 * 86_400], role: "governor" },
  { name: "verifier", call: "setParams", args: () => [[30, 30, 90, 2_000_000, 5]], role: "governor" },
];

/** What isn't deployed by itself, and what it is a part of. */
const PART_OF: Record<string, string> = { ModelRegistry: "JobEscrow" };

/** What the `AccessManager` itself restricts to its admin. */
const ADMIN_CALLS: { call: string; args: (a: NetworkAddresses) => unknown[] }[] = [
  { call: "grantRole", args: () => [GOVERNOR_ROLE, SOMEBODY, 0] },
  { call: "grantRole", args: () => [ADMIN_ROLE, GOVERNOR, 0] },
  { call: "revokeRole", args: () => [PAUSER_ROLE, GUARDIAN] },
  { call: "labelRole", args: () => [GOVERNOR_ROLE, "OTHER"] },
  { call: "setRoleAdmin", args: () => [PAUSER_ROLE, GOVERNOR_ROLE] },
  { call: "setRoleGuardian", args: () => [GOVERNOR_ROLE, 7] },
  { call: "setGrantDelay", args: () => [ADMIN_ROLE, 0] },
  { call: "setTargetAdminDelay", args: (a) => [a.escrow, 0] },
  { call: "setTargetFunctionRole", args: (a) => [a.escrow, ["0x12345678"], PAUSER_ROLE] },
  { call: "setTargetClosed", args: (a) => [a.escrow, true] },
  { call: "updateAuthority", args: (a) => [a.escrow, SOMEBODY] },
];

describe("permissions (A1)", () => {
  let connection: NetworkConnection;
  let addresses: NetworkAddresses;
  let authority: Contract;
  let snapshot: unknown;

  const request = (method: string, ...params: unknown[]) => connection.provider.request({ method, params });
  const as = async (account: string, target: Contract, call: string, args: unknown[]) =>
    await target.connect(await connection.ethers.getSigner(account)).getFunction(call)(...args);
  const calldata = (target: Contract, call: string, args: unknown[]) => target.interface.encodeFunctionData(call, args);
  const later = async (seconds: number) => {
    await request("evm_increaseTime", seconds);
    await request("evm_mine");
  };
  const schedule = async (account: string, target: Contract, call: string, args: unknown[]) =>
    await as(account, authority, "schedule", [await target.getAddress(), calldata(target, call, args), 0]);
  const roleOf = async (role: bigint, account: string) =>
    [...(await authority.getFunction("hasRole")(role, account))] as [boolean, bigint];

  before(async () => {
    ({ connection, addresses } = await deployedOn(BASE));
    authority = await contract(connection, addresses, "authority");
    snapshot = await request("evm_snapshot");
  });
  afterEach(async () => {
    await request("evm_revert", snapshot);
    snapshot = await request("evm_snapshot");
  });
  after(async () => {
    await connection.close();
  });

  it("cover every restricted function in the sources", () => {
    const found = globSync("contracts/**/*.sol").flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/function (\w+)\([^)]*\)[^{;]*\brestricted\b/g)].map(
        (match) => `${PART_OF[basename(file, ".sol")] ?? basename(file, ".sol")}.${match[1]}`,
      ),
    );
    expect(found).to.have.members(RESTRICTED.map(({ name, call }) => `${ARTIFACTS[name]}.${call}`));
  });

  it("leave the deployer nothing", async () => {
    for (const role of [ADMIN_ROLE, GOVERNOR_ROLE, PAUSER_ROLE]) {
      expect(await roleOf(role, DEPLOYER)).to.deep.equal([false, 0n]);
    }
  });

  it("give the governor ADMIN and GOVERNOR with the delay, and the guardian PAUSER without", async () => {
    expect(await roleOf(ADMIN_ROLE, GOVERNOR)).to.deep.equal([true, BigInt(TWO_DAYS)]);
    expect(await roleOf(GOVERNOR_ROLE, GOVERNOR)).to.deep.equal([true, BigInt(TWO_DAYS)]);
    expect(await roleOf(PAUSER_ROLE, GUARDIAN)).to.deep.equal([true, 0n]);
    expect(await roleOf(PAUSER_ROLE, GOVERNOR)).to.deep.equal([false, 0n]);
    expect(await roleOf(GOVERNOR_ROLE, GUARDIAN)).to.deep.equal([false, 0n]);
    expect(await roleOf(ADMIN_ROLE, GUARDIAN)).to.deep.equal([false, 0n]);
  });

  for (const { name, call, args, role } of RESTRICTED) {
    it(`let nobody but the ${role} call ${name}.${call}`, async () => {
      const target = await contract(connection, addresses, name);
      const others = [DEPLOYER, OUTSIDER, RECIPIENT, role === "governor" ? GUARDIAN : GOVERNOR];
      for (const account of others) {
        await expect(as(account, target, call, args(addresses))).to.be.revertedWithCustomError(
          target,
          "AccessManagedUnauthorized",
        );
        await expect(schedule(account, target, call, args(addresses))).to.be.revertedWithCustomError(
          authority,
          "AccessManagerUnauthorizedCall",
        );
      }
    });
  }

  for (const { name, call, args } of RESTRICTED.filter(({ role }) => role === "governor")) {
    it(`let the governor call ${name}.${call} only after the delay`, async () => {
      const target = await contract(connection, addresses, name);
      const given = args(addresses);
      await expect(as(GOVERNOR, target, call, given)).to.be.revertedWithCustomError(
        authority,
        "AccessManagerNotScheduled",
      );
      await schedule(GOVERNOR, target, call, given);
      await later(TWO_DAYS - 60);
      await expect(as(GOVERNOR, target, call, given)).to.be.revertedWithCustomError(authority, "AccessManagerNotReady");
      await later(60);
      await as(GOVERNOR, target, call, given);
    });
  }

  for (const { name, call } of RESTRICTED.filter(({ role }) => role === "guardian")) {
    it(`let the guardian stop and restart at once what ${name}.${call} does`, async () => {
      const target = await contract(connection, addresses, name);
      const isPaused = async () => {
        if (call === "setModelsPaused") return await target.getFunction("modelsPaused")();
        if (call === "setChannelsPaused") return await target.getFunction("channelsPaused")();
        return name === "escrow"
          ? (await target.getFunction("protocolFee")())[2]
          : await target.getFunction("paused")();
      };
      for (const paused of [true, false]) {
        await as(GUARDIAN, target, call, [paused]);
        expect(await isPaused()).to.equal(paused);
      }
    });
  }

  for (const { call, args } of ADMIN_CALLS) {
    it(`let nobody ${call} at once`, async () => {
      await expect(as(GOVERNOR, authority, call, args(addresses))).to.be.revertedWithCustomError(
        authority,
        "AccessManagerNotScheduled",
      );
      for (const account of [DEPLOYER, GUARDIAN, OUTSIDER]) {
        await expect(as(account, authority, call, args(addresses))).to.be.revertedWithCustomError(
          authority,
          "AccessManagerUnauthorizedAccount",
        );
      }
    });
  }

  it("let the governor replace the guardian after the delay, and nobody stop that", async () => {
    const revoke = [PAUSER_ROLE, GUARDIAN];
    await schedule(GOVERNOR, authority, "revokeRole", revoke);
    await expect(
      as(GUARDIAN, authority, "cancel", [GOVERNOR, addresses.authority, calldata(authority, "revokeRole", revoke)]),
    ).to.be.revertedWithCustomError(authority, "AccessManagerUnauthorizedCancel");
    await later(TWO_DAYS);
    await as(GOVERNOR, authority, "revokeRole", revoke);
    expect(await roleOf(PAUSER_ROLE, GUARDIAN)).to.deep.equal([false, 0n]);
  });

  it("let the guardian cancel a change the governor has announced", async () => {
    const escrow = await contract(connection, addresses, "escrow");
    const change = [SOMEBODY, 50_000];
    await schedule(GOVERNOR, escrow, "setProtocolFee", change);
    await as(GUARDIAN, authority, "cancel", [GOVERNOR, addresses.escrow, calldata(escrow, "setProtocolFee", change)]);
    await later(TWO_DAYS);
    await expect(as(GOVERNOR, escrow, "setProtocolFee", change)).to.be.revertedWithCustomError(
      authority,
      "AccessManagerNotScheduled",
    );
  });

  it("make a shorter delay wait for the old one twice", async () => {
    const shorter = [GOVERNOR_ROLE, GOVERNOR, 60];
    await schedule(GOVERNOR, authority, "grantRole", shorter);
    await later(TWO_DAYS);
    await as(GOVERNOR, authority, "grantRole", shorter);
    expect(await roleOf(GOVERNOR_ROLE, GOVERNOR)).to.deep.equal([true, BigInt(TWO_DAYS)]);
    await later(TWO_DAYS - 120);
    expect(await roleOf(GOVERNOR_ROLE, GOVERNOR)).to.deep.equal([true, BigInt(TWO_DAYS)]);
    await later(120);
    expect(await roleOf(GOVERNOR_ROLE, GOVERNOR)).to.deep.equal([true, 60n]);
  });
});

describe("a deployer that is the governor", () => {
  it("keeps its roles, with the delay", async () => {
    const { connection, addresses } = await deployedOn(BASE, { governor: DEPLOYER });
    const authority = await contract(connection, addresses, "authority");
    for (const role of [ADMIN_ROLE, GOVERNOR_ROLE]) {
      expect([...(await authority.getFunction("hasRole")(role, DEPLOYER))]).to.deep.equal([true, BigInt(TWO_DAYS)]);
    }
    await expect(authority.getFunction("grantRole")(ADMIN_ROLE, SOMEBODY, 0)).to.be.revertedWithCustomError(
      authority,
      "AccessManagerNotScheduled",
    );
    const staking = await contract(connection, addresses, "staking");
    await expect(staking.getFunction("permitVerifier")(SOMEBODY, true)).to.be.revertedWithCustomError(
      authority,
      "AccessManagerNotScheduled",
    );
    await connection.close();
  });

  it("is never left without anybody in charge: a hand-over of the wrong shape fails as a whole", async () => {
    const connection = await chainWithId(31337);
    const parameters = { ...(await readParameters(parametersFileOf(31337))), governor: DEPLOYER } as Record<
      string,
      string
    >;
    const wrong = networkModule({ usesExistingOpg: false, governorDeploys: false });
    let message = "";
    await connection.ignition.deploy(wrong, { parameters: { Network: parameters } }).catch((error: Error) => {
      message = error.message;
    });
    expect(message).to.include("AccessManagerNotScheduled");
    await connection.close();
  });
});

describe("deployNetwork", () => {
  it("refuses a token that takes fees before it sends anything", async () => {
    const connection = await chainWithId(BASE);
    const odd = await connection.ethers.deployContract("OddToken", [18, 10n ** 27n, 1_000]);
    const read = await readParameters(parametersFileOf(BASE), ENVIRONMENT);
    const parameters = { ...read, opgAddress: await odd.getAddress() };
    const before = await connection.provider.request({ method: "eth_blockNumber" });
    await expectProtocolError("deploy/token-takes-fee", () =>
      deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile: null }),
    );
    expect(await connection.provider.request({ method: "eth_blockNumber" })).to.equal(before);
    await connection.close();
  });

  it("refuses Base's OPG where there is no code at its address", async () => {
    const connection = await chainWithId(BASE);
    const parameters = await readParameters(parametersFileOf(BASE), ENVIRONMENT);
    await expectProtocolError("deploy/not-a-token", () =>
      deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile: null }),
    );
    await connection.close();
  });

  it("says what to do where a network without calls was deployed, and leaves it alone", async () => {
    const connection = await chainWithId(31337);
    const { provider } = connection;
    const deploymentDir = mkdtempSync(join(tmpdir(), "older-"));
    const older = buildModule("Network", (m) => {
      const authority = access(m);
      m.call(authority, "multicall", [[]], { id: "HandOver" });
      return { authority };
    });
    await deploy({
      ...{ provider, deploymentDir, ignitionModule: older, deploymentParameters: {}, config: LOCAL_IGNITION },
      artifactResolver: new HardhatArtifactResolver(hre.artifacts),
      accounts: [DEPLOYER],
    });
    const before = await provider.request({ method: "eth_blockNumber" });

    const parameters = await readParameters(parametersFileOf(31337));
    const error = await expectProtocolError("deploy/older-network", () =>
      deployNetwork({ connection, artifacts: hre.artifacts, parameters, deploymentDir, addressesFile: null }),
    );
    expect(error.message).to.include(`move ${deploymentDir} away`);
    expect(await provider.request({ method: "eth_blockNumber" })).to.equal(before);
    await connection.close();
    rmSync(deploymentDir, { recursive: true });
  });

  it("says in one line what the contracts refuse", async () => {
    const connection = await chainWithId(31337);
    const parameters = { ...(await readParameters(parametersFileOf(31337))), unbondingSeconds: 60 };
    const error = await expectProtocolError("deploy/failed", () =>
      deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile: null }),
    );
    expect(error.message).to.include("UnbondingOutOfRange");
    await connection.close();
  });
});
