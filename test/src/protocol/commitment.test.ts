import { expect } from "chai";
import { type Hex, zeroHash } from "viem";
import { commitmentHash, deriveSalt } from "../../../src/protocol/commitment.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const SECRET: Hex = `0x${"11".repeat(32)}`;
const OTHER: Hex = `0x${"12".repeat(32)}`;

describe("a commitment", () => {
  it("changes with everything that goes into it", () => {
    const opening = { jobId: zeroHash, operatorId: 1, resultHash: zeroHash, salt: zeroHash };
    const hashes = [
      commitmentHash(opening),
      commitmentHash({ ...opening, jobId: OTHER }),
      commitmentHash({ ...opening, operatorId: 2 }),
      commitmentHash({ ...opening, resultHash: OTHER }),
      commitmentHash({ ...opening, salt: OTHER }),
    ];
    expect(new Set(hashes).size).to.equal(hashes.length);
  });

  it("has a salt that a node finds again from its secret, another for each job and node", () => {
    expect(deriveSalt(SECRET, zeroHash))
      .to.equal(deriveSalt(SECRET, zeroHash))
      .and.to.match(/^0x[0-9a-f]{64}$/);
    const salts = [deriveSalt(SECRET, zeroHash), deriveSalt(SECRET, OTHER), deriveSalt(OTHER, zeroHash)];
    expect(new Set(salts).size).to.equal(salts.length);
  });

  it("takes no secret of another length, and doesn't repeat it", async () => {
    const short: Hex = `0x${"11".repeat(31)}`;
    const error = await expectProtocolError("commitment/invalid-secret", () => deriveSalt(short, zeroHash));
    expect(error.message).not.to.include("1111");
    await expectProtocolError("commitment/invalid-secret", () => deriveSalt("secret" as Hex, zeroHash));
  });
});
