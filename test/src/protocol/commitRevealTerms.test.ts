import { expect } from "chai";
import type { Hex } from "viem";
import { packTerms, STAKE_UNIT, stakeUnitsUp, unpackTerms } from "../../../src/protocol/commitRevealTerms.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const TERMS = {
  committeeSize: 3,
  maxWidening: 2,
  commitWindowSeconds: 8,
  revealWindowSeconds: 6,
  settleWindowSeconds: 5,
  maxResultBytes: 12,
  bondUnits: 1_000_000n,
};

describe("commit-reveal terms", () => {
  it("come out of their word as they went in", () => {
    expect(unpackTerms(packTerms(TERMS))).to.deep.equal(TERMS);
  });

  it("don't go in when they don't fit", async () => {
    await expectProtocolError("terms/out-of-range", () => packTerms({ ...TERMS, committeeSize: 256 }));
    await expectProtocolError("terms/out-of-range", () => packTerms({ ...TERMS, maxResultBytes: 2 ** 24 }));
    await expectProtocolError("terms/out-of-range", () => packTerms({ ...TERMS, commitWindowSeconds: 1.5 }));
    await expectProtocolError("terms/out-of-range", () => packTerms({ ...TERMS, revealWindowSeconds: Number.NaN }));
    await expectProtocolError("terms/out-of-range", () => packTerms({ ...TERMS, bondUnits: -1n }));
  });

  it("have one encoding only", async () => {
    const packed = packTerms(TERMS);
    const dirty = packed.replace(/.$/, "1") as Hex;
    await expectProtocolError("terms/not-canonical", () => unpackTerms(dirty));
    await expectProtocolError("terms/not-canonical", () => unpackTerms(`${packed}00`));
    await expectProtocolError("terms/not-canonical", () => unpackTerms("0x"));
    await expectProtocolError("terms/not-canonical", () => unpackTerms("terms" as Hex));
  });

  it("round bonds up to whole stake units", () => {
    expect([0n, 1n, STAKE_UNIT, STAKE_UNIT + 1n].map(stakeUnitsUp)).to.deep.equal([0n, 1n, 1n, 2n]);
  });
});
