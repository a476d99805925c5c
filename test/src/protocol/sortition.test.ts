import { expect } from "chai";
import { keccak256, toHex } from "viem";
import { firstEligibleStep, isLower, mayCommit, seedOf, ticketOf } from "../../../src/protocol/sortition.ts";

const HALF = 2n ** 127n;

describe("sortition", () => {
  it("gives jobs of one block seeds of their own, 192 bits wide", () => {
    const block = keccak256(toHex("a block"));
    const [one, other] = [seedOf(block, keccak256(toHex("one job"))), seedOf(block, keccak256(toHex("another")))];
    expect(one).not.to.equal(other);
    expect(one < 2n ** 192n && other < 2n ** 192n).to.equal(true);
  });

  it("draws about twice the committee, and twice as many with every step", () => {
    const operators = Array.from({ length: 2_000 }, (_, index) => index + 1);
    const seed = seedOf(keccak256(toHex("a block")), keccak256(toHex("a job")));
    const drawn = [0, 1, 2].map(
      (wideningStep) =>
        operators.filter((operatorId) => {
          const ticket = ticketOf(seed, operatorId);
          return mayCommit({ ticket, stake: 1n, totalStake: 2_000n, committeeSize: 9, wideningStep });
        }).length,
    );
    // 18, 36 and 72 are expected of 2,000; the seed is fixed, so are these.
    expect(drawn[0]).to.be.within(8, 32);
    expect(drawn[1]).to.be.within(20, 56);
    expect(drawn[2]).to.be.within(48, 100);
  });

  it("never draws who has no stake, and always who has it all", () => {
    const least = { ticket: 0n, stake: 0n, totalStake: 10n, committeeSize: 9, wideningStep: 8 };
    expect(mayCommit(least)).to.equal(false);
    const all = { ticket: 2n ** 128n - 1n, stake: 10n, totalStake: 10n, committeeSize: 1, wideningStep: 0 };
    expect(mayCommit(all)).to.equal(true);
  });

  it("finds the first step in which an operator may commit, or none", () => {
    const eligibility = { ticket: HALF, stake: 1n, totalStake: 16n, committeeSize: 1 };
    // Half of the tickets times 16 is 8 shares: 2 seats widen to 4 and 8, and 8 isn't less than 8.
    expect(firstEligibleStep({ ...eligibility, maxWidening: 8 })).to.equal(3);
    expect(firstEligibleStep({ ...eligibility, ticket: HALF - 1n, maxWidening: 8 })).to.equal(2);
    expect(firstEligibleStep({ ...eligibility, maxWidening: 2 })).to.equal(null);
  });

  it("orders draws by ticket over stake, strictly", () => {
    expect(isLower({ ticket: 5n, stake: 2n }, { ticket: 3n, stake: 1n })).to.equal(true);
    expect(isLower({ ticket: 6n, stake: 2n }, { ticket: 3n, stake: 1n })).to.equal(false);
    expect(isLower({ ticket: 3n, stake: 1n }, { ticket: 6n, stake: 2n })).to.equal(false);
  });
});
