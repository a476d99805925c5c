import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { zeroAddress } from "viem";
import { type NetworkAddresses, parseAddresses } from "../../../src/chain/addresses.ts";
import { addressesPath, loadAddresses } from "../../../src/chain/addressesFile.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const ADDRESSES: NetworkAddresses = {
  chainId: 31337,
  opg: ADDRESS,
  authority: ADDRESS,
  escrow: ADDRESS,
  staking: ADDRESS,
  verifier: ADDRESS,
  vouchers: ADDRESS,
  receipts: ADDRESS,
  deployedAtBlock: 0,
};

describe("addresses of a network", () => {
  it("are read from JSON, with the right capitals", () => {
    const lower = { ...ADDRESSES, escrow: ADDRESS.toLowerCase(), comment: "ignored" };
    expect(parseAddresses(JSON.stringify(lower))).to.deep.equal(ADDRESSES);
  });

  it("are refused when anything is missing or can't be", async () => {
    const wrong: unknown[] = [
      "no JSON",
      null,
      {},
      { ...ADDRESSES, verifier: zeroAddress },
      { ...ADDRESSES, verifier: undefined },
      { ...ADDRESSES, receipts: undefined },
      { ...ADDRESSES, verifier: "0x5fbDB2315678afecb367f032d93F642f64180aa3" },
      { ...ADDRESSES, chainId: "31337" },
      { ...ADDRESSES, deployedAtBlock: -1 },
    ];
    for (const source of wrong) await expectProtocolError("addresses/invalid", () => parseAddresses(source));
  });

  it("of a network older than calls say that it is to be deployed again", async () => {
    const { vouchers, receipts, ...older } = ADDRESSES;
    const error = await expectProtocolError("addresses/older-network", () => parseAddresses(older));
    expect(error.message).to.include("deploy a new one");
    for (const half of [
      { ...older, vouchers },
      { ...older, receipts },
    ]) {
      await expectProtocolError("addresses/invalid", () => parseAddresses(half));
    }
  });

  describe("in files", () => {
    let folder: string;
    let file: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "addresses-"));
      file = join(folder, "31337.json");
      await writeFile(file, JSON.stringify(ADDRESSES));
    });

    after(() => rm(folder, { recursive: true }));

    it("lie under deploy/addresses unless told", () => {
      expect(addressesPath(31337)).to.match(/deploy.addresses.31337\.json$/);
    });

    it("are read", async () => {
      expect(await loadAddresses(31337, file)).to.deep.equal(ADDRESSES);
    });

    it("are another network's", () => expectProtocolError("chain/wrong-chain-id", () => loadAddresses(8453, file)));

    it("aren't there before the contracts are deployed", async () => {
      const error = await expectProtocolError("chain/not-deployed", () =>
        loadAddresses(31337, join(folder, "none.json")),
      );
      expect(error.message).to.include("not deployed");
    });
  });
});
