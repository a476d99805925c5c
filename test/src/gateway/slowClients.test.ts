import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { Upstream, UpstreamChunk } from "../../../src/gateway/upstream.ts";
import type { Store } from "../../../src/store/store.ts";
import { BODY, type Front, ROUTE, startFront } from "../../support/gatewayFront.ts";
import { eventually } from "../../support/gatewayLife.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

const STREAMED = JSON.stringify({ ...BODY, stream: true });
const SERVED = { model: "m", inputUnits: 3n, outputUnits: 2n };
const SLOW_CLIENT_MS = 200;
const chunk = (content: string): UpstreamChunk => ({
  chunk: { model: "m", choices: [{ index: 0, delta: { content } }] },
});

/** More than any socket holds. */
async function* much(): AsyncGenerator<UpstreamChunk> {
  for (let n = 0; n < 20_000; n++) {
    yield chunk("x".repeat(1_000));
    if (n % 100 === 0) await sleep(0);
  }
  yield { served: SERVED };
}

/** For ever, a word at a time. */
async function* endless({ signal }: { signal: AbortSignal }): AsyncGenerator<UpstreamChunk> {
  while (!signal.aborted) {
    yield chunk("word");
    await sleep(5);
  }
  throw signal.reason;
}

const untilAborted: Upstream["answer"][typeof ROUTE] = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** @returns whether the other side has closed it by now; what came is thrown away */
function closing(socket: Socket): () => boolean {
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  return () => isClosed;
}

describe("clients that take their time", function () {
  this.timeout(30_000);
  let store: Store;
  let front: Front;
  before(async () => {
    store = await openTemporaryStore();
  });
  after(() => store.close());
  afterEach(() => front.close());

  it("are left when they take nothing of a stream: it is charged, its call has ended, its connection is closed", async () => {
    front = await startFront(
      store,
      { answer: { [ROUTE]: untilAborted }, stream: { [ROUTE]: much } },
      { slowClientMs: SLOW_CLIENT_MS },
    );
    const before = await front.account();
    const sockets = [await front.send(STREAMED), await front.send(STREAMED)];
    await eventually(() => front.calls.underWay() === 2);
    await eventually(() => front.calls.underWay() === 0);
    const { owed, reserved } = await front.account();
    expect(owed > before.owed).to.equal(true);
    expect(reserved).to.equal(0n);
    const closed = sockets.map(closing);
    for (const socket of sockets) socket.resume();
    await eventually(() => closed.every((isClosed) => isClosed()));
  });

  it("are left when they take nothing of an answer in one piece", async () => {
    const answer = async () => ({ body: { model: "m", text: "x".repeat(12_000_000) }, served: SERVED });
    front = await startFront(store, { answer: { [ROUTE]: answer }, stream: {} }, { slowClientMs: SLOW_CLIENT_MS });
    const before = await front.account();
    const socket = await front.send(JSON.stringify(BODY));
    await eventually(async () => (await front.account()).owed > before.owed);
    await sleep(4 * SLOW_CLIENT_MS);
    const isClosed = closing(socket);
    let came = 0;
    socket.on("data", (bytes) => {
      came += bytes.length;
    });
    socket.resume();
    await eventually(isClosed);
    expect(came).to.be.lessThan(12_000_000);
  });

  it("aren't left while the model thinks", async () => {
    const answer = async () => {
      await sleep(3 * SLOW_CLIENT_MS);
      return { body: { model: "m" }, served: SERVED };
    };
    front = await startFront(store, { answer: { [ROUTE]: answer }, stream: {} }, { slowClientMs: SLOW_CLIENT_MS });
    expect((await front.ask()).status).to.equal(200);
  });

  it("get an error and the receipt at the end of a stream that has had its time", async () => {
    front = await startFront(
      store,
      { answer: { [ROUTE]: untilAborted }, stream: { [ROUTE]: endless } },
      { maxCallMs: 100 },
    );
    const before = await front.account();
    const socket = await front.send(STREAMED);
    let text = "";
    socket.on("data", (bytes) => {
      text += String(bytes);
    });
    socket.resume();
    await eventually(() => text.includes(": opg-receipt "));
    expect(text).to.include('"code":"too_long"').and.not.to.include("[DONE]");
    expect(front.calls.underWay()).to.equal(0);
    expect((await front.account()).owed > before.owed).to.equal(true);
  });

  it("are told when an answer in one piece has had its time, and pay nothing", async () => {
    front = await startFront(store, { answer: { [ROUTE]: untilAborted }, stream: {} }, { maxCallMs: 50 });
    const { owed } = await front.account();
    expect(await front.ask()).to.deep.equal({ status: 504, code: "too_long" });
    expect(front.calls.underWay()).to.equal(0);
    expect(await front.account()).to.include({ owed, reserved: 0n });
  });

  it("get all of a stream and its receipt from a gateway that stops meanwhile", async () => {
    async function* words(): AsyncGenerator<UpstreamChunk> {
      for (let n = 0; n < 5; n++) {
        yield chunk("word");
        await sleep(20);
      }
      yield { served: SERVED };
    }
    front = await startFront(store, { answer: { [ROUTE]: untilAborted }, stream: { [ROUTE]: words } });
    for (let n = 0; n < 5; n++) {
      const request = { method: "POST", headers: await front.headers(), body: STREAMED };
      const text = (await fetch(`http://127.0.0.1:${front.port}${ROUTE}`, request)).text();
      await front.calls.stop(AbortSignal.timeout(10_000));
      await front.close();
      expect(await text).to.match(/\[DONE\][\s\S]*: opg-receipt .*\n\n$/);
      front = await startFront(store, { answer: { [ROUTE]: untilAborted }, stream: { [ROUTE]: words } });
    }
  });
});
