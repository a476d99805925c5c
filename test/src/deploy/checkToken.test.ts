import { expect } from "chai";
import type { NetworkConnection } from "hardhat/types/network";
import type { Hex } from "viem";

import { checkToken } from "../../../scripts/deployment/checkToken.ts";
import type { Rpc } from "../../../scripts/deployment/rpc.ts";
import { chainWithId } from "../../support/networks.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ONE_BILLION = 10n ** 27n;

describe("checkToken", () => {
  let connection: NetworkConnection;

  before(async () => {
    connection = await chainWithId(31337);
  });
  after(async () => {
    await connection.close();
  });

  async function token(decimals: number, supply: bigint, feePpm: number): Promise<Hex> {
    const contract = await connection.ethers.deployContract("OddToken", [decimals, supply, feePpm]);
    return (await contract.getAddress()) as Hex;
  }

  it("takes a token like OPG, and tests a transfer of it", async () => {
    const opg = await connection.ethers.deployContract("OPG", [await token(18, 1n, 0)]);
    const check = await checkToken(connection.provider, (await opg.getAddress()) as Hex);
    expect(check).to.deep.equal({ totalSupply: ONE_BILLION, transferTested: true });
  });

  it("refuses an address without code", async () => {
    const error = await expectProtocolError("deploy/not-a-token", () =>
      checkToken(connection.provider, "0x0000000000000000000000000000000000001234"),
    );
    expect(error.message).to.include("0x0000000000000000000000000000000000001234").and.include("opgAddress");
  });

  it("refuses a contract that is no token", async () => {
    const manager = await connection.ethers.deployContract("AccessManager", [await token(18, 1n, 0)]);
    const address = (await manager.getAddress()) as Hex;
    await expectProtocolError("deploy/not-a-token", () => checkToken(connection.provider, address));
  });

  it("refuses other than 18 decimals", async () => {
    const odd = await token(6, ONE_BILLION, 0);
    await expectProtocolError("deploy/token-decimals", () => checkToken(connection.provider, odd));
  });

  it("refuses a supply of 2^96 base units, and of none", async () => {
    const largest = await token(18, 2n ** 96n - 1n, 0);
    expect((await checkToken(connection.provider, largest)).totalSupply).to.equal(2n ** 96n - 1n);
    for (const supply of [2n ** 96n, 0n]) {
      const odd = await token(18, supply, 0);
      await expectProtocolError("deploy/token-supply", () => checkToken(connection.provider, odd));
    }
  });

  it("refuses a token that takes a fee on transfers", async () => {
    const odd = await token(18, ONE_BILLION, 10_000);
    const error = await expectProtocolError("deploy/token-takes-fee", () => checkToken(connection.provider, odd));
    expect(error.message).to.include("990000007 of 1000000007");
  });

  it("says so where a node can't simulate a transfer", async () => {
    const odd = await token(18, ONE_BILLION, 10_000);
    const withoutOverrides: Rpc = {
      request(call) {
        if (call.params?.length === 3) throw new Error("too many arguments, want at most 2");
        return connection.provider.request(call);
      },
    };
    expect((await checkToken(withoutOverrides, odd)).transferTested).to.equal(false);
  });
});
