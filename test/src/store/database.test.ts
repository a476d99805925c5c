import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { putEmptyDatabase } from "../../support/emptyDatabase.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

describe("a statement that is prepared", function () {
  this.timeout(30_000);
  let database: Database;
  let remove: () => Promise<void>;

  before(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    await putEmptyDatabase(temporary.folder);
    database = await openDatabase(temporary.folder);
    await database.query("create table things (id bigint primary key, name text, value jsonb, price numeric)");
  });
  after(async () => {
    await database.close();
    await remove();
  });
  beforeEach(() => database.query("delete from things"));

  const INSERT =
    "insert into things values ($1, $2, $3, $4::numeric) returning id, name, value, price::text, price is null as is_free";

  it("takes and gives texts, numbers of any size, JSON and nulls", async () => {
    const insert = database.prepare(INSERT);
    const text = 'it\'s \\ "all" $1; -- añ€ 🜁\n\t';
    expect(await insert(2n ** 62n, text, '{"a":[1,"b"]}', String(10n ** 30n))).to.deep.equal([
      { id: 2n ** 62n, name: text, value: { a: [1, "b"] }, price: String(10n ** 30n), is_free: false },
    ]);
    expect(await insert(3, null, null, null)).to.deep.equal([
      { id: 3n, name: null, value: null, price: null, is_free: true },
    ]);
  });

  it("gives all rows, or none", async () => {
    const insert = database.prepare(INSERT);
    for (let n = 0; n < 3; n++) await insert(n, "x", null, null);
    const find = database.prepare("select id from things where id >= $1::bigint order by id");
    expect(await find(1)).to.deep.equal([{ id: 1n }, { id: 2n }]);
    expect(await find(9)).to.deep.equal([]);
  });

  it("says what it can't do, and can be used again", async () => {
    const insert = database.prepare(INSERT);
    await insert(1, "x", null, null);
    for (const [value, why] of [
      [[1, "y", null, null], /duplicate key/],
      [[2, "y", "{", null], /invalid input syntax for type json/],
      [[2, "a\0b", null, null], /invalid byte sequence/],
    ] as const) {
      const error = await insert(...value).catch((thrown: unknown) => thrown);
      expect(String(error)).to.match(why);
    }
    expect(await insert(2, "y", null, null)).to.have.lengthOf(1);
    expect(await database.query("select count(*) from things")).to.deep.equal([{ count: 2n }]);
  });

  it("says what is wrong with it, whenever it is used", async () => {
    const wrong = database.prepare("select nothing from nowhere");
    for (let n = 0; n < 2; n++) {
      expect(String(await wrong().catch((error: unknown) => error))).to.match(/"nowhere" does not exist/);
    }
  });

  it("waits for somebody's transaction, and is no part of it", async () => {
    const insert = database.prepare(INSERT);
    let isOver = false;
    const transaction = database
      .transaction(async (query) => {
        await query("insert into things values (1, 'within', null, null)");
        await sleep(50);
        isOver = true;
        throw new Error("it is undone");
      })
      .catch(() => {});
    const inserted = insert(2, "beside", null, null).then(() => expect(isOver).to.equal(true));
    await Promise.all([transaction, inserted]);
    expect(await database.query("select name from things")).to.deep.equal([{ name: "beside" }]);
  });

  it("that waits while the database is closed is refused, or done", async () => {
    const temporary = await temporaryFolder();
    await putEmptyDatabase(temporary.folder);
    const closing = await openDatabase(temporary.folder);
    await closing.query("create table things (id bigint)");
    const insert = closing.prepare("insert into things values ($1)");
    const inserted = Array.from({ length: 20 }, (_, n) => insert(n));
    const closed = closing.close();
    const late = insert(99);
    await Promise.all(inserted);
    await closed;
    expect(await late.catch((error: unknown) => error)).to.include({ code: "store/closed" });
    const again = await openDatabase(temporary.folder);
    expect(await again.query("select count(*) from things")).to.deep.equal([{ count: 20n }]);
    await again.close();
    await temporary.remove();
  });
});
