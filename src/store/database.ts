import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { PGlite, type Transaction, types } from "@electric-sql/pglite";
import { ProtocolError } from "../protocol/errors.ts";
import { lockFolder } from "./folderLock.ts";
import { MIGRATIONS } from "./migrations.ts";
import { prepareStatement, type Row, type Value } from "./prepared.ts";

export type { Row };

/** Runs one statement; `$1` … stand for the parameters. */
export type Query = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** A statement that is planned once; `$1` … stand for the parameters. */
export type Statement = (...parameters: readonly Value[]) => Promise<Row[]>;

/** One Postgres schema; what has been awaited survives a kill. */
export type Database = {
  query: Query;
  /** For what is run again and again: planning takes most of a statement's time. */
  prepare(sql: string): Statement;
  /** All of it happens, or nothing. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

// Postgres is compiled twice, soon and well; V8 frees what was soon, and has once ended a process of Node 24.21 that had opened hundreds
// of databases with "Check failed: jit_page_->allocations_.erase(addr) == 1" in doing so. It keeps some megabytes instead.
setFlagsFromString("--no-wasm-code-gc");

const PARSERS = { [types.INT8]: BigInt };
let prepared = 0;

/**
 * Opens the database in a folder, made if it isn't there, and brings its schema up to date.
 * @throws ProtocolError `store/in-use` when another process has it open, `store/newer-schema` when a newer version of
 * this program wrote it
 */
export async function openDatabase(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  try {
    const pglite = await PGlite.create(join(folder, "postgres"), { parsers: PARSERS });
    // Statements are written so that no plan is better for some parameters than for others: planning anew is all that is saved.
    await pglite.query("set plan_cache_mode = force_generic_plan");
    const inTurn = createTurns();
    let isClosed = false;
    const alone = <T>(work: () => T | Promise<T>) =>
      inTurn(() => {
        if (isClosed) throw new ProtocolError("store/closed", "the store was closed meanwhile: open it again");
        return work();
      });
    const query = queryOf(pglite);
    const database: Database = {
      query: (sql, parameters) => alone(() => query(sql, parameters)),
      prepare(sql) {
        const run = prepareStatement(pglite, { name: `opg_${++prepared}`, sql, parsers: PARSERS });
        return (...parameters) => alone(() => run(parameters));
      },
      transaction: (work) => alone(() => pglite.transaction((transaction) => work(queryOf(transaction)))),
      close: () =>
        alone(async () => {
          isClosed = true;
          await pglite.close();
          unlock();
        }),
    };
    await migrate(database);
    return database;
  } catch (error) {
    unlock();
    throw error;
  }
}

function queryOf(runner: PGlite | Transaction): Query {
  return async (sql, parameters = []) => (await runner.query<Row>(sql, [...parameters])).rows;
}

/** One after another: no statement runs inside of somebody's transaction. */
function createTurns(): <T>(work: () => T | Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  return async (work) => {
    if (isTaken) await new Promise<void>((resolve) => waiting.push(resolve));
    isTaken = true;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) isTaken = false;
      else next();
    }
  };
}

async function migrate(database: Database): Promise<void> {
  await database.query("create table if not exists migrations (version integer primary key)");
  const [row] = await database.query("select coalesce(max(version), 0) as version from migrations");
  const version = Number(row?.version);
  if (version > MIGRATIONS.length) {
    throw new ProtocolError(
      "store/newer-schema",
      `the store's schema is version ${version}, this program knows ${MIGRATIONS.length}: use the newer program`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    await database.transaction(async (query) => {
      for (const statement of MIGRATIONS[next] ?? []) await query(statement);
      await query("insert into migrations (version) values ($1)", [next + 1]);
    });
  }
}
