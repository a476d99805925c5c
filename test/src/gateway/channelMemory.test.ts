import { expect } from "chai";
import type { ChannelEvent } from "../../../src/chain/channelEvents.ts";
import { createChannelMemory } from "../../../src/gateway/channelMemory.ts";
import { CHANNEL, CHANNEL_ID, DEPOSITED, VOUCHER_DOMAIN } from "../../support/calls.ts";

const OPEN = { opening: 1, deposited: DEPOSITED, claimed: 0n, exitsAt: 0 };
const place = { blockNumber: 7n, blockHash: CHANNEL_ID, transactionHash: CHANNEL_ID, logIndex: 0 };
const EXITING: ChannelEvent = { kind: "exiting", channelId: CHANNEL_ID, exitsAt: 500n, place };

describe("what is remembered of channels", () => {
  it("knows of an exit that was told before an older answer of the chain came in", () => {
    const memory = createChannelMemory(VOUCHER_DOMAIN, 10);
    memory.apply(EXITING);
    expect(memory.set(CHANNEL, OPEN)).to.deep.equal({ ...OPEN, exitsAt: 500 });
    expect(memory.get(CHANNEL)?.status.exitsAt).to.equal(500);
  });

  it("takes an exit for that of its opening alone", () => {
    const memory = createChannelMemory(VOUCHER_DOMAIN, 10);
    memory.apply(EXITING);
    expect(memory.set(CHANNEL, { ...OPEN, opening: 2 }).exitsAt).to.equal(0);
  });
});
