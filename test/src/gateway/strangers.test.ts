import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { isAddressEqual, numberToHex, zeroAddress } from "viem";
import { callHeaders } from "../../../src/protocol/callWire.ts";
import type { Store } from "../../../src/store/store.ts";
import { CAP, CHANNEL, signVoucher } from "../../support/calls.ts";
import { BODY, type Front, OPEN, ROUTE, startFront } from "../../support/gatewayFront.ts";
import { eventually } from "../../support/gatewayLife.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

const UPSTREAM = {
  answer: { [ROUTE]: async () => ({ body: { model: "m" }, served: { model: "m", inputUnits: 3n, outputUnits: 2n } }) },
  stream: {},
};

describe("strangers at a gateway", function () {
  this.timeout(30_000);
  let store: Store;
  let front: Front;
  before(async () => {
    store = await openTemporaryStore();
  });
  after(() => store.close());
  afterEach(() => front.close());

  it("take no call's place while it is looked up who they are", async () => {
    front = await startFront(store, UPSTREAM, { maxCalls: 2 });
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const lookup = front.statusOf;
    let lookups = 0;
    front.statusOf = async (parties) => {
      if (!isAddressEqual(parties.payer, CHANNEL.payer)) {
        lookups += 1;
        await answered;
      }
      return await lookup(parties);
    };
    const voucher = await signVoucher(CAP, { ...CHANNEL, payer: zeroAddress });
    const salt = numberToHex(2n ** 255n, { size: 32 });
    const headers = { "content-type": "application/json", ...callHeaders({ salt, voucher, maxPrice: CAP }) };
    for (let n = 0; n < 3; n++) await front.send(JSON.stringify(BODY), { headers });
    await eventually(() => lookups === 3);
    expect(front.calls.underWay()).to.equal(0);
    expect((await front.ask()).status).to.equal(200);
    answer();
  });

  it("take no call's place while their bodies are on their way", async () => {
    front = await startFront(store, UPSTREAM, { maxCalls: 2 });
    for (let n = 0; n < 3; n++) await front.send("{", { length: 1_000 });
    await sleep(200);
    expect(front.calls.underWay()).to.equal(0);
    expect((await front.ask()).status).to.equal(200);
  });

  it("keep nobody out with bodies that they only announce", async () => {
    front = await startFront(store, UPSTREAM, { maxBodyBytes: 10_000 });
    for (let n = 0; n < 130; n++) await front.send("{", { length: 10_000 });
    await sleep(200);
    expect((await front.ask()).status).to.equal(200);
  });

  it("have no body read that their channel or their voucher can't pay", async () => {
    front = await startFront(store, UPSTREAM);
    const refused = async () => {
      const socket = await front.send("{", { length: 1_000 });
      let text = "";
      socket.on("data", (bytes) => {
        text += String(bytes);
      });
      socket.resume();
      await eventually(() => text.includes("}"));
      return /"code":"(\w+)"/.exec(text)?.[1];
    };
    front.statusOf = async () => ({ ...OPEN, deposited: CAP - 1n });
    expect(await refused()).to.equal("call_channel_too_small");
    front.statusOf = async () => ({ ...OPEN, claimed: OPEN.deposited - CAP });
    expect(await refused()).to.equal("call_voucher_too_low");
  });

  it("are told when their body takes too long", async () => {
    front = await startFront(store, UPSTREAM, { maxBodyMs: 50 });
    const socket = await front.send("{", { length: 1_000 });
    let text = "";
    socket.on("data", (bytes) => {
      text += String(bytes);
    });
    socket.resume();
    await eventually(() => text.includes("body_too_slow"));
    expect(text).to.match(/^HTTP\/1.1 408 /);
  });
});
