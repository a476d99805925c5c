import { expect } from "chai";
import type { Upstream, UpstreamChunk, UpstreamRequest } from "../../../src/gateway/upstream.ts";
import { callHeaders } from "../../../src/protocol/callWire.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { type CallTable, createCallTable } from "../../../src/store/calls.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import type { Store } from "../../../src/store/store.ts";
import { CAP, signVoucher } from "../../support/calls.ts";
import { putEmptyDatabase } from "../../support/emptyDatabase.ts";
import { BODY, type Front, OPEN, ROUTE, startFront } from "../../support/gatewayFront.ts";
import { eventually } from "../../support/gatewayLife.ts";
import { openTemporaryStore, temporaryFolder } from "../../support/temporaryStore.ts";

const SERVED = { model: "m", inputUnits: 3n, outputUnits: 2n };
const ANSWER = { body: { model: "m" }, served: SERVED };
const REFUSED = new ProtocolError("call/replayed", "it was taken before");

// Once a gateway knows a channel, a call of it is reserved while its upstream is being asked.
describe("calls that are reserved beside their upstream", function () {
  this.timeout(30_000);
  let store: Store;
  let database: Database;
  let remove: () => Promise<void>;
  /** The store, but that its reservations can be held up. */
  let tampered: Store;
  let front: Front;
  /** What happened, in order. */
  let events: string[];
  let asked: UpstreamRequest[];
  /** Called before a reservation is written. */
  let beforeReserving: () => void;

  const upstream: Upstream = {
    answer: {
      [ROUTE]: async (request) => {
        events.push("asked");
        asked.push(request);
        return ANSWER;
      },
    },
    stream: {
      async *[ROUTE](request): AsyncGenerator<UpstreamChunk> {
        asked.push(request);
        yield { chunk: { model: "m", choices: [{ index: 0, delta: { content: "word" } }] } };
        yield { served: SERVED };
      },
    },
  };

  before(async () => {
    store = await openTemporaryStore();
    const temporary = await temporaryFolder();
    await putEmptyDatabase(temporary.folder);
    database = await openDatabase(temporary.folder);
    remove = temporary.remove;
  });
  after(async () => {
    await store.close();
    await database.close();
    await remove();
  });
  beforeEach(async () => {
    [events, asked, beforeReserving] = [[], [], () => {}];
    const calls = createCallTable({
      ...database,
      prepare(sql) {
        const statement = database.prepare(sql);
        if (!sql.includes("'reserved'") || !sql.includes("insert into calls")) return statement;
        return async (...parameters) => {
          beforeReserving();
          const rows = await statement(...parameters);
          events.push("reserved");
          return rows;
        };
      },
    });
    tampered = { ...store, calls };
    front = await startFront(tampered, upstream, { maxCalls: 20 });
    expect((await front.ask()).status).to.equal(200); // its channel is known from now on
    [events, asked] = [[], []];
  });
  afterEach(() => front.close());

  function failing(error: Error): void {
    beforeReserving = () => {
      throw error;
    };
  }

  it("are asked first, and signed only after they are reserved", async () => {
    const { owed } = await front.account();
    expect((await front.ask()).status).to.equal(200);
    expect(events).to.deep.equal(["asked", "reserved"]);
    const account = await front.account();
    expect(account.owed > owed).to.equal(true);
    expect(account.reserved).to.equal(0n);
  });

  for (const stream of [false, true]) {
    it(`are refused, and their upstream is stopped, when they can't be reserved; streamed: ${stream}`, async () => {
      const { owed, reserved } = await front.account();
      failing(REFUSED);
      expect(await front.ask({ ...BODY, stream })).to.deep.equal({ status: 409, code: "call_replayed" });
      expect(asked).to.have.lengthOf(1);
      expect(asked[0]?.signal.aborted).to.equal(true);
      expect(await front.account()).to.include({ owed, reserved });
      expect(front.calls.underWay()).to.equal(0);
    });
  }

  it("cost one upstream at most when the store fails: the next ones are reserved before", async () => {
    failing(new Error("the disk is full"));
    for (let n = 0; n < 3; n++) expect(await front.ask()).to.deep.equal({ status: 500, code: "internal_error" });
    expect(asked).to.have.lengthOf(1);
    beforeReserving = () => {};
    events = [];
    for (let n = 0; n < 2; n++) expect((await front.ask()).status).to.equal(200);
    expect(events).to.deep.equal(["reserved", "asked", "asked", "reserved"]);
  });

  it("are stopped when their payer is seen to leave meanwhile, and nothing stays reserved", async () => {
    const { owed, reserved } = await front.account();
    beforeReserving = () => {
      front.statusOf = async () => ({ ...OPEN, exitsAt: 5 });
    };
    expect(await front.ask()).to.deep.equal({ status: 402, code: "channel_exiting" });
    expect(asked[0]?.signal.aborted).to.equal(true);
    expect(await front.account()).to.include({ owed, reserved });
  });

  it("that can't get their receipt aren't held against their channel", async () => {
    await front.close();
    let isAway = true;
    const issue: CallTable["issue"] = (channelId, sequence, price, make) =>
      tampered.calls.issue(channelId, sequence, price, (owed) => {
        if (isAway) throw new Error("the signer is away");
        return make(owed);
      });
    front = await startFront({ ...tampered, calls: { ...tampered.calls, issue } }, upstream, { maxCalls: 20 });
    const { owed } = await front.account();
    const request = { method: "POST", headers: await front.headers(), body: JSON.stringify({ ...BODY, stream: true }) };
    const response = await fetch(`http://127.0.0.1:${front.port}${ROUTE}`, request);
    expect(await response.text().catch((error: Error) => error.name)).to.equal("TypeError");
    await eventually(() => front.calls.underWay() === 0);
    expect(await front.account()).to.include({ owed, reserved: 0n });
    isAway = false;
    [events, asked] = [[], []];
    expect((await front.ask()).status).to.equal(200);
    expect(events).to.deep.equal(["asked", "reserved"]);
  });

  it("are no more than one promise pays, however many come at once", async () => {
    const { owed } = await front.account();
    const voucher = await signVoucher(owed + 12n * CAP); // 10 were promised before
    const wait = Promise.withResolvers<void>();
    const slow: Upstream = {
      answer: {
        [ROUTE]: async (request) => {
          asked.push(request);
          await wait.promise;
          return ANSWER;
        },
      },
      stream: {},
    };
    await front.close();
    front = await startFront(tampered, slow, { maxCalls: 20 });
    const ask = async (salt: number) => {
      const paid = callHeaders({ salt: `0x${salt.toString(16).padStart(64, "f")}`, voucher, maxPrice: CAP });
      const headers = { "content-type": "application/json", ...paid };
      const url = `http://127.0.0.1:${front.port}${ROUTE}`;
      const { status } = await fetch(url, { method: "POST", headers, body: JSON.stringify(BODY) });
      return status;
    };
    const statuses = Promise.all(Array.from({ length: 18 }, (_, n) => ask(n + 1)));
    await new Promise((done) => setTimeout(done, 300));
    wait.resolve();
    expect((await statuses).toSorted()).to.deep.equal([...Array(12).fill(200), ...Array(6).fill(402)]);
    expect(asked).to.have.lengthOf(12);
  });
});
