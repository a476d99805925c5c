import { expect } from "chai";
import { concatHex, decodeFunctionData, type Hex, keccak256, pad } from "viem";
import { commitRevealVerifierAbi } from "../../../src/chain/abi/commitRevealVerifier.ts";
import type { NetworkAddresses } from "../../../src/chain/addresses.ts";
import { encodeCommit, encodeEvidence } from "../../../src/chain/verifier.ts";
import { seedOf } from "../../../src/protocol/sortition.ts";

const word = (byte: Hex): Hex => pad(byte, { size: 32, dir: "right" });
const SETTLED = word("0x51");
const OTHER = word("0x52");
const SALTS = [word("0xa0"), word("0xa1")] as const;

describe("what the verifier is sent", () => {
  it("has a reveal of the settled result in 33 bytes, and one of another in 65", () => {
    const reveals = [
      { seat: 2, resultHash: SETTLED, salt: SALTS[0] },
      { seat: 0, resultHash: OTHER, salt: SALTS[1] },
    ];
    const evidence = encodeEvidence(reveals, SETTLED);
    expect(evidence).to.equal(concatHex(["0x02", SALTS[0], "0x80", SALTS[1], OTHER]));
    expect(encodeEvidence([], SETTLED)).to.equal("0x");
  });

  it("has a commitment's top 192 bits, and the seed's top 64", () => {
    const [jobId, seedHash] = [keccak256("0x01"), keccak256("0x02")];
    const ref = { jobId, payer: pad("0x01", { size: 20 }), key: 7n, terms: SETTLED };
    const commitment = keccak256("0x03");
    const { data } = encodeCommit({ verifier: ref.payer } as NetworkAddresses, ref, seedHash, commitment);
    const { functionName, args } = decodeFunctionData({ abi: commitRevealVerifierAbi, data });
    expect(functionName).to.equal("commit");
    expect(args).to.deep.equal([ref, seedOf(seedHash, jobId) >> 128n, BigInt(commitment) >> 64n]);
  });
});
