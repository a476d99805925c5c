import { expect } from "chai";

import { checkParameters, parametersFileOf, readParameters } from "../../../scripts/deployment/parameters.ts";
import { ENVIRONMENT, GOVERNOR } from "../../support/networks.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const LOCAL = 31337;
const CHAINS = [LOCAL, 84532, 8453, 10740];
const REAL_CHAINS = [84532, 8453, 10740];

describe("deployment parameters", () => {
  for (const chainId of CHAINS) {
    it(`of chain ${chainId} are complete once the three addresses are given`, async () => {
      const parameters = await readParameters(parametersFileOf(chainId), ENVIRONMENT);
      expect(checkParameters(parameters, chainId).governor).to.equal(GOVERNOR);
    });
  }

  for (const chainId of REAL_CHAINS) {
    it(`of chain ${chainId} don't take the deployer for governor, guardian or fee recipient`, async () => {
      for (const [name, variable] of [
        ["governor", "GOVERNOR_ADDRESS"],
        ["guardian", "GUARDIAN_ADDRESS"],
        ["protocolFeeRecipient", "PROTOCOL_FEE_RECIPIENT"],
      ] as const) {
        const parameters = await readParameters(parametersFileOf(chainId), { ...ENVIRONMENT, [variable]: undefined });
        const error = await expectProtocolError("deploy/parameter", () => checkParameters(parameters, chainId));
        expect(error.message).to.include(`${name} is the zero address`).and.include(variable);
      }
    });

    it(`of chain ${chainId} give governance 2 days and windows ten blocks of 2 seconds`, async () => {
      const parameters = await readParameters(parametersFileOf(chainId), ENVIRONMENT);
      const checked = checkParameters(parameters, chainId);
      expect(checked.governanceDelaySeconds).to.equal(2 * 86_400);
      expect(checked.unbondingSeconds).to.equal(14 * 86_400);
      expect(checked.minCommitWindowSeconds).to.be.at.least(20);
      expect(checked.minRevealWindowSeconds).to.be.at.least(20);
    });
  }

  const DAY = 86_400;
  const OPG = 10n ** 18n;
  for (const chainId of REAL_CHAINS) {
    it(`of chain ${chainId} give calls days to be looked at, and lies a price`, async () => {
      const checked = checkParameters(await readParameters(parametersFileOf(chainId), ENVIRONMENT), chainId);
      const { exitSeconds, anchorSeconds, challengeSeconds, answerSeconds, evidenceSeconds } = checked;
      expect([exitSeconds, anchorSeconds, challengeSeconds, answerSeconds, evidenceSeconds]).to.deep.equal(
        [2, 1 / 4, 1, 1, 5].map((days) => days * DAY),
      );
      expect(checked.omissionSlash).to.equal(100n * OPG);
      expect(checked.equivocationSlash).to.equal(1_000n * OPG);
      expect(checked.challengeBond).to.equal(OPG);
    });
  }

  it("of every chain let operators claim what they anchor in time, and end all windows before the unbonding", async () => {
    for (const chainId of CHAINS) {
      const checked = checkParameters(await readParameters(parametersFileOf(chainId), ENVIRONMENT), chainId);
      const { anchorSeconds, challengeSeconds, answerSeconds, evidenceSeconds, unbondingSeconds } = checked;
      expect(anchorSeconds).to.be.below(checked.exitSeconds);
      expect(anchorSeconds + challengeSeconds + answerSeconds).to.be.below(unbondingSeconds);
      expect(evidenceSeconds).to.be.below(unbondingSeconds);
    }
  });

  it("name OPG where it exists, and only there", async () => {
    const opgOf = async (chainId: number) => (await readParameters(parametersFileOf(chainId))).opgAddress;
    expect(await Promise.all(CHAINS.map(opgOf))).to.deep.equal([
      undefined,
      "0x240b09731D96979f50B2C649C9CE10FcF9C7987F",
      "0xFbC2051AE2265686a469421b2C5A2D5462FbF5eB",
      undefined,
    ]);
  });

  it("can't have OPG deployed a second time where it exists", async () => {
    const { opgAddress, ...parameters } = await readParameters(parametersFileOf(8453), ENVIRONMENT);
    expect(opgAddress).to.be.a("string");
    await expectProtocolError("deploy/parameter", () => checkParameters(parameters, 8453));
    await expectProtocolError("deploy/parameter", () =>
      checkParameters({ ...parameters, opgAdress: opgAddress }, LOCAL),
    );
  });

  const wrong: [string, Record<string, unknown>][] = [
    ["a governance delay of nothing", { governanceDelaySeconds: 0 }],
    ["a number that is text", { protocolFeePpm: "10000" }],
    ["a number that is missing", { minBondUnits: undefined }],
    ["half a second", { minRevealWindowSeconds: 0.5 }],
    ["a negative number", { unbondingSeconds: -1 }],
    ["an amount that is a number", { omissionSlash: 100 }],
    ["an amount that is text", { equivocationSlash: "100" }],
    ["an amount that is missing", { challengeBond: undefined }],
    ["an address that isn't one", { guardian: "0x1234" }],
    ["an address with a wrong checksum", { guardian: "0x8626f6940e2eb28930eFb4CeF49B2d1F2C9C1199" }],
    ["an address that is missing", { governor: undefined }],
    ["a zero OPG", { opgAddress: "0x0000000000000000000000000000000000000000" }],
  ];
  for (const [what, change] of wrong) {
    it(`refuse ${what}`, async () => {
      const parameters = { ...(await readParameters(parametersFileOf(LOCAL))), ...change };
      await expectProtocolError("deploy/parameter", () => checkParameters(parameters, LOCAL));
    });
  }

  it("say which chains there are for another one", async () => {
    const error = await expectProtocolError("deploy/unknown-chain", () => parametersFileOf(1));
    expect(error.message).to.include("31337").and.include("--parameters");
  });

  it("say which file can't be read", async () => {
    const error = await expectProtocolError("deploy/parameters-unreadable", () => readParameters("no/such.json"));
    expect(error.message).to.include("no/such.json");
  });
});
