import { expect } from "chai";
import { type Hex, size, toHex } from "viem";
import type { ChannelStatus } from "../../../src/chain/channels.ts";
import { type ChannelVoucher, planClaims } from "../../../src/chain/planClaims.ts";
import { unpackVouchers } from "../../../src/protocol/voucher.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const SIGNATURE: Hex = `0x${"11".repeat(64)}1b`;
const OPEN: ChannelStatus = { opening: 1, deposited: 1_000n, claimed: 0n, exitsAt: 0 };
const address = (number: number) => toHex(number, { size: 20 });

/** A voucher of the n-th payer; nothing is recovered when planning, so any signature of the right form does. */
function voucherOf(payer: number, cumulativeAmount: bigint, operatorId = 7, opening = 1): ChannelVoucher {
  const voucher = { payer: address(payer), operatorId, opening, cumulativeAmount };
  return { voucher, signature: SIGNATURE, voucherKey: address(payer) };
}

/** The channels after a batch went through. */
function after(
  statuses: ChannelStatus[],
  vouchers: ChannelVoucher[],
  paid: readonly ChannelVoucher[],
): ChannelStatus[] {
  return statuses.map((status, index) => {
    const voucher = vouchers[index] as ChannelVoucher;
    if (!paid.includes(voucher)) return status;
    const { cumulativeAmount } = voucher.voucher;
    return { ...status, claimed: cumulativeAmount < status.deposited ? cumulativeAmount : status.deposited };
  });
}

describe("a plan of claims", () => {
  it("splits 5,000 vouchers into transactions that EIP-7825 allows, with a margin, and can be resumed anywhere", () => {
    const vouchers = Array.from({ length: 5_000 }, (_, index) => voucherOf(index + 1, BigInt(1 + (index % 1_500))));
    let statuses: ChannelStatus[] = vouchers.map(() => OPEN);
    const plan = planClaims(vouchers, statuses);
    expect(plan.dropped).to.deep.equal([]);
    expect(plan.batches.length).to.equal(5);
    for (const { gas, packed, vouchers: inside } of plan.batches) {
      expect(Number(gas)).to.be.at.most(15_000_000);
      expect(size(packed)).to.equal(99 * inside.length);
    }
    const sent = plan.batches.flatMap((batch) => batch.vouchers);
    expect(new Set(sent).size).to.equal(5_000);

    let total = 0n;
    for (let round = 0; round < 5; round++) {
      const { batches } = planClaims(vouchers, statuses);
      expect(batches.length).to.equal(5 - round);
      const [first] = batches as [(typeof batches)[number]];
      total += first.amount;
      statuses = after(statuses, vouchers, first.vouchers);
    }
    expect(planClaims(vouchers, statuses).batches).to.deep.equal([]);
    const due = vouchers.reduce(
      (sum, { voucher }) => sum + (voucher.cumulativeAmount < 1_000n ? voucher.cumulativeAmount : 1_000n),
      0n,
    );
    expect(total).to.equal(due);
  });

  it("has one operator in a batch, whose packed vouchers are its vouchers", () => {
    const vouchers = [7, 8, 7, 9, 8].map((operatorId, index) => voucherOf(index + 1, 10n, operatorId));
    const { batches } = planClaims(
      vouchers,
      vouchers.map(() => OPEN),
    );
    expect(batches.map(({ operatorId, vouchers: { length } }) => [operatorId, length])).to.deep.equal([
      [7, 2],
      [8, 2],
      [9, 1],
    ]);
    for (const { operatorId, packed, vouchers: inside } of batches) {
      expect(unpackVouchers(operatorId, packed)).to.deep.equal(
        inside.map(({ voucher, signature }) => ({ voucher, signature })),
      );
    }
  });

  it("drops what pays nothing, and says why", () => {
    const vouchers = [1, 2, 3, 4, 5, 6].map((payer) => voucherOf(payer, 400n));
    const { batches, dropped } = planClaims(vouchers, [
      { ...OPEN, deposited: 0n },
      { ...OPEN, opening: 2 },
      { ...OPEN, claimed: 400n },
      { ...OPEN, claimed: 500n },
      { ...OPEN, deposited: 300n, claimed: 300n },
      { ...OPEN, claimed: 399n },
    ]);
    expect(dropped.map(({ reason }) => reason)).to.deep.equal([
      "no-channel",
      "other-opening",
      "nothing-due",
      "nothing-due",
      "nothing-due",
    ]);
    expect(batches.map(({ amount, vouchers: inside }) => [amount, inside])).to.deep.equal([[1n, [vouchers[5]]]]);
  });

  it("keeps the highest voucher of a channel", () => {
    const vouchers = [voucherOf(1, 30n), voucherOf(1, 50n), voucherOf(1, 50n), voucherOf(1, 40n), voucherOf(2, 1n)];
    const { batches, dropped } = planClaims(
      vouchers,
      vouchers.map(() => OPEN),
    );
    expect(batches.map(({ amount, vouchers: inside }) => [amount, inside])).to.deep.equal([
      [51n, [vouchers[1], vouchers[4]]],
    ]);
    expect(dropped).to.deep.equal(
      [0, 2, 3].map((index) => ({ voucher: vouchers[index], reason: "lower-than-another" })),
    );
  });

  it("takes channels on their way out first, then the highest amounts", () => {
    const vouchers = [1, 2, 3, 4].map((payer) => voucherOf(payer, BigInt(payer * 10)));
    const statuses = [OPEN, { ...OPEN, exitsAt: 900 }, OPEN, { ...OPEN, exitsAt: 800 }];
    const { batches } = planClaims(vouchers, statuses);
    expect(batches[0]?.vouchers).to.deep.equal([3, 1, 2, 0].map((index) => vouchers[index]));
  });

  it("wants a status for each voucher, and limits a voucher fits in", async () => {
    await expectProtocolError("claims/statuses", () => planClaims([voucherOf(1, 1n)], []));
    for (const limits of [{ maxGas: 2n ** 24n + 1n }, { maxGas: 83_999n }, { gasPerVoucher: 0n }]) {
      await expectProtocolError("claims/limits", () => planClaims([], [], limits));
    }
    expect(planClaims([], [])).to.deep.equal({ batches: [], dropped: [] });
  });
});
