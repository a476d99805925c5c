import { expect } from "chai";
import { type Hex, numberToHex, zeroAddress } from "viem";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { createCallMemory, type Reservation } from "../../../src/store/callMemory.ts";
import { CAP, CHANNEL, CHANNEL_ID } from "../../support/calls.ts";

const hashOf = (n: number): Hex => numberToHex(n, { size: 32 });

function reservation(n: number, promised: bigint, change: Partial<Reservation> = {}): Reservation {
  const { payer, operatorId, opening } = CHANNEL;
  const voucher = { voucher: { payer, operatorId, opening, cumulativeAmount: promised }, signature: "0x" } as const;
  return {
    ...{ channelId: CHANNEL_ID, voucherKey: zeroAddress, requestHash: hashOf(n), voucher },
    ...{ cap: CAP, deposited: 100n * CAP, claimed: 0n, incarnation: 1, above: 0n, ...change },
  };
}

const REPLAYED = new ProtocolError("call/replayed", "it was taken before");
const TOO_LOW = new ProtocolError("call/voucher-too-low", "it is too low");

describe("what a process remembers of its calls", () => {
  /** Of a channel that has had one call, of which 700 are owed. */
  function known() {
    const memory = createCallMemory();
    memory.reserved(reservation(1, CAP), { sequence: 1n, owed: 0n, reserved: 0n, promised: CAP });
    memory.ended(CHANNEL_ID, 1n, 700n);
    return memory;
  }

  it("foresees nothing of a channel that it doesn't know", () => {
    expect(createCallMemory().foresee(reservation(1, 9n * CAP))).to.equal(false);
  });

  it("foresees a call that its voucher and what its channel holds cover, and none that they don't", () => {
    const memory = known();
    const foresees = (promised: bigint, change: Partial<Reservation> = {}) => {
      const isForeseen = memory.foresee(reservation(2, promised, change));
      memory.refused(reservation(2, promised), REPLAYED);
      return isForeseen;
    };
    expect(foresees(699n + CAP)).to.equal(false);
    expect(foresees(9n * CAP, { deposited: 699n + CAP })).to.equal(false);
    expect(foresees(700n + CAP, { claimed: 701n })).to.equal(false);
    expect(foresees(700n + CAP)).to.equal(true);
  });

  it("holds what it has foreseen: no two calls are paid by the same promise", () => {
    const memory = known();
    const first = reservation(2, 700n + CAP);
    expect(memory.foresee(first)).to.equal(true);
    const second = reservation(3, 700n + CAP);
    expect(memory.foresee(second)).to.equal(false);
    memory.refused(first, REPLAYED);
    // The second isn't decided on yet: it may have it.
    expect(memory.foresee(reservation(4, 700n + CAP))).to.equal(false);
    memory.refused(second, REPLAYED);
    memory.refused(reservation(4, 0n), REPLAYED);
    expect(memory.foresee(reservation(5, 700n + CAP))).to.equal(true);
  });

  it("counts the caps of calls under way, until they end", () => {
    const memory = known();
    const first = reservation(2, 700n + CAP);
    expect(memory.foresee(first)).to.equal(true);
    memory.reserved(first, { sequence: 2n, owed: 700n, reserved: 0n, promised: 700n + CAP });
    expect(memory.foresee(reservation(3, 700n + CAP))).to.equal(false);
    memory.refused(reservation(3, 0n), REPLAYED);
    expect(memory.take(CHANNEL_ID, 2n)).to.deep.equal({ cap: CAP, owed: 700n });
    expect(memory.take(CHANNEL_ID, 2n)).to.equal(undefined);
    // Its receipt is being made: it may yet fail.
    expect(memory.foresee(reservation(4, 700n + CAP))).to.equal(false);
    memory.refused(reservation(4, 0n), REPLAYED);
    memory.ended(CHANNEL_ID, 2n);
    expect(memory.foresee(reservation(3, 700n + CAP))).to.equal(true);
  });

  it("foresees no request a second time", () => {
    const memory = known();
    expect(memory.foresee(reservation(1, 9n * CAP))).to.equal(false);
    expect(memory.foresee(reservation(2, 9n * CAP))).to.equal(true);
    expect(memory.foresee(reservation(2, 9n * CAP))).to.equal(false);
    memory.refused(reservation(2, 0n), REPLAYED); // the second one; the first is still to come
    expect(memory.foresee(reservation(3, 700n + CAP))).to.equal(false);
  });

  it("foresees a request on one channel at a time: the store takes it once, whoever pays", () => {
    const memory = known();
    const other = hashOf(99);
    memory.reserved(reservation(5, CAP, { channelId: other }), { sequence: 1n, owed: 0n, reserved: 0n, promised: CAP });
    memory.ended(other, 1n, 0n);
    expect(memory.foresee(reservation(2, 9n * CAP))).to.equal(true);
    expect(memory.foresee(reservation(2, 9n * CAP, { channelId: other }))).to.equal(false);
  });

  it("holds calls that came before anything was known of their channel", () => {
    const memory = createCallMemory();
    const [first, second] = [reservation(1, 2n * CAP), reservation(2, 2n * CAP)];
    expect([memory.foresee(first), memory.foresee(second)]).to.deep.equal([false, false]);
    memory.reserved(first, { sequence: 1n, owed: 0n, reserved: 0n, promised: 2n * CAP });
    expect(memory.foresee(reservation(3, 2n * CAP))).to.equal(false);
  });

  it("is unsure once the store has refused an amount, until it counts what the store counts", () => {
    const memory = known();
    memory.foresee(reservation(2, 9n * CAP));
    memory.refused(reservation(2, 0n), TOO_LOW);
    const foresees = () => {
      const isForeseen = memory.foresee(reservation(9, 99n * CAP));
      memory.refused(reservation(9, 0n), REPLAYED);
      return isForeseen;
    };
    expect(foresees()).to.equal(false);
    memory.reserved(reservation(3, CAP), { sequence: 3n, owed: 700n, reserved: CAP, promised: CAP });
    expect(foresees()).to.equal(false);
    memory.ended(CHANNEL_ID, 3n);
    memory.reserved(reservation(4, CAP), { sequence: 4n, owed: 700n, reserved: 0n, promised: CAP });
    expect(foresees()).to.equal(true);
  });

  it("remembers a bounded number of requests, the newest", () => {
    const memory = known();
    for (let n = 2; n <= 10_001; n++)
      memory.reserved(reservation(n, 0n, { cap: 0n }), {
        sequence: 1n,
        owed: 0n,
        reserved: 0n,
        promised: 0n,
      });
    expect(memory.foresee(reservation(1, 99n * CAP))).to.equal(true);
    expect(memory.foresee(reservation(2, 99n * CAP))).to.equal(false);
  });

  it("foresees nothing once the store has failed, until it has taken a call", () => {
    const memory = known();
    const failed = reservation(2, 9n * CAP);
    memory.foresee(failed);
    memory.refused(failed, new Error("the disk is full"));
    expect(memory.foresee(reservation(3, 9n * CAP))).to.equal(false);
    memory.refused(reservation(3, 0n), new Error("the disk is full"));
    memory.reserved(reservation(4, 9n * CAP), { sequence: 2n, owed: 700n, reserved: 0n, promised: 9n * CAP });
    expect(memory.foresee(reservation(3, 9n * CAP))).to.equal(true);
  });
});
