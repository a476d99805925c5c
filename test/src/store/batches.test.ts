import { expect } from "chai";
import { bytesToHex, type Hex, keccak256, numberToHex, stringToHex } from "viem";
import { batchOf, leafOf } from "../../../src/protocol/batch.ts";
import { merkleRoot } from "../../../src/protocol/merkle.ts";
import { type BatchTable, createBatchTable } from "../../../src/store/batches.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { createLogCursors } from "../../../src/store/logCursors.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

const RECORD = { number: 3, previousWord: 2n ** 255n + 1n, anchoredAt: 1_900_000_000 };
const ID_OF = (n: number): Hex => keccak256(stringToHex(`receipt ${n}`));
const REQUEST_OF = (n: number): Hex => keccak256(stringToHex(`request ${n}`));

describe("the table of batches", function () {
  this.timeout(60_000);
  let database: Database;
  let folder: string;
  let remove: () => Promise<void>;
  let batches: BatchTable;

  before(async () => {
    ({ folder, remove } = await temporaryFolder());
    await open();
  });
  after(async () => {
    await database.close();
    await remove();
  });
  beforeEach(async () => {
    await database.query("truncate calls, batches");
    await database.query("insert into channels (channel_id) values ('0x01') on conflict do nothing");
  });

  async function open(): Promise<void> {
    database = await openDatabase(folder);
    batches = createBatchTable(database);
  }

  async function issue(n: number, issuedAt: number, stage = "issued"): Promise<void> {
    await database.query(
      `insert into calls (channel_id, sequence, stage, cap, receipt, receipt_id, request_hash, issued_at)
       values ('0x01', $1, $2, 0, '{"receipt": {"sequence": {"$bigint": "1"}}}', $3, $4, $5)`,
      [n, stage, ID_OF(n), REQUEST_OF(n), issuedAt],
    );
  }

  const plan = (atMost: number, mustGoUntil = 0) => batches.plan({ atMost, mustGoUntil, vouchers: "0x" });

  it("knows how many receipts are in no batch, and since when", async () => {
    expect(await batches.unbatched()).to.deep.equal({ count: 0, oldestAt: undefined });
    await issue(1, 50);
    await issue(2, 40);
    await issue(3, 10, "abandoned");
    expect(await batches.unbatched()).to.deep.equal({ count: 2, oldestAt: 40 });
    await plan(1);
    expect(await batches.unbatched()).to.deep.equal({ count: 1, oldestAt: 50 });
  });

  it("plans nothing of nothing", async () => {
    await issue(1, 10, "abandoned");
    expect(await plan(10)).to.equal(undefined);
    expect(await batches.planned()).to.deep.equal([]);
  });

  it("takes the oldest first, each once, and more than told where they must go", async () => {
    for (const [n, at] of [30, 10, 50, 20, 40].entries()) await issue(n, at);
    const first = await plan(1, 20);
    expect(first).to.include({ count: 2, oldestAt: 10, root: batchOf([ID_OF(1), ID_OF(3)]).root, uri: undefined });
    expect(await plan(2)).to.include({ root: batchOf([ID_OF(0), ID_OF(4)]).root });
    expect(await plan(2)).to.include({ root: batchOf([ID_OF(2)]).root, oldestAt: 50 });
    expect(await plan(2)).to.equal(undefined);
  });

  it("gives every receipt to one batch when two are planned at the same time", async () => {
    for (let n = 0; n < 6; n++) await issue(n, n);
    const planned = await Promise.all([plan(4), plan(4)]);
    expect(planned.map((batch) => batch?.count)).to.deep.equal([4, 2]);
  });

  it("still has what was planned when it is opened again", async () => {
    await issue(1, 10);
    const planned = await batches.plan({ atMost: 10, vouchers: "0xabcd" });
    await batches.published(planned?.id as bigint, "");
    await database.close();
    await open();
    expect(await batches.planned()).to.deep.equal([{ ...planned, vouchers: "0xabcd", uri: "" }]);
  });

  for (const count of [1, 2, 3, 7, 8, 100]) {
    it(`gives the proof of each of ${count} receipts, once their batch is anchored`, async () => {
      for (let n = 0; n < count; n++) await issue(n, n);
      const planned = await plan(count);
      expect((await batches.receipt(ID_OF(0)))?.inclusion).to.equal(undefined);
      expect(await batches.receipt(ID_OF(0))).to.include({ isBatched: true, anchoredAt: undefined });
      await batches.anchored(planned?.id as bigint, RECORD);
      expect(await batches.planned()).to.deep.equal([]);
      const { root, dataHash } = planned as { root: Hex; dataHash: Hex };
      for (let n = 0; n < count; n++) {
        const { inclusion, anchoredAt, receiptId } = (await batches.receipt(REQUEST_OF(n))) ?? {};
        expect({ receiptId, anchoredAt }).to.deep.equal({ receiptId: ID_OF(n), anchoredAt: RECORD.anchoredAt });
        const { number, previousWord } = RECORD;
        expect(inclusion?.batch).to.deep.equal({ number, previousWord, root, count, dataHash });
        expect(merkleRoot(leafOf(ID_OF(n)), inclusion?.proof ?? [])).to.equal(root);
      }
    });
  }

  it("gives a batch's data by its root, and knows no other", async () => {
    for (let n = 0; n < 5; n++) await issue(n, n);
    const { root } = (await plan(5)) as { root: Hex };
    const data = await batches.data(root);
    expect(bytesToHex(data ?? new Uint8Array())).to.equal(batchOf([0, 1, 2, 3, 4].map(ID_OF)).data);
    expect(await batches.data(numberToHex(1, { size: 32 }))).to.equal(undefined);
  });

  it("knows no receipt of a call that has none", async () => {
    await issue(1, 10, "reserved");
    expect(await batches.receipt(REQUEST_OF(1))).to.equal(undefined);
    await issue(2, 10);
    expect(await batches.receipt(REQUEST_OF(2))).to.include({ isBatched: false, inclusion: undefined });
  });

  it("keeps how far each reader of the log has come", async () => {
    const cursors = createLogCursors(database);
    expect(await cursors.nextBlock("one")).to.equal(undefined);
    await cursors.move("one", 5n);
    await cursors.move("two", 9n);
    await cursors.move("one", 4n);
    expect([await cursors.nextBlock("one"), await cursors.nextBlock("two")]).to.deep.equal([4n, 9n]);
  });
});
