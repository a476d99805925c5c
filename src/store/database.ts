import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PGlite, type Transaction, types } from "@electric-sql/pglite";
import { ProtocolError } from "../protocol/errors.ts";
import { lockFolder } from "./folderLock.ts";
import { MIGRATIONS } from "./migrations.ts";

export type Row = Record<string, unknown>;

/** Runs one statement; `$1` … stand for the parameters. */
export type Query = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** A statement that is planned once; `$1` … stand for the parameters. */
export type Statement = (...parameters: readonly (string | number | bigint | null)[]) => Promise<Row[]>;

/** One Postgres schema; what has been awaited survives a kill. */
export type Database = {
  query: Query;
  /** For what is run again and again: planning takes most of a statement's time. */
  prepare(sql: string): Statement;
  /** All of it happens, or nothing. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/**
 * Opens the database in a folder, made if it isn't there, and brings its schema up to date.
 * @throws ProtocolError `store/in-use` when another process has it open, `store/newer-schema` when a newer version of
 * this program wrote it
 */
export async function openDatabase(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  try {
    const pglite = await PGlite.create(join(folder, "postgres"), { parsers: { [types.INT8]: BigInt } });
    // Statements are written so that no plan is better for some parameters than for others: planning anew is all that is saved.
    await pglite.query("set plan_cache_mode = force_generic_plan");
    const database: Database = {
      query: queryOf(pglite),
      prepare: (sql) => prepare(pglite, sql),
      transaction: (work) => pglite.transaction((transaction) => work(queryOf(transaction))),
      async close() {
        await pglite.close();
        unlock();
      },
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

/**
 * PGlite's own way plans anew each time, so this is SQL's, whose parameters are written as literals; sent by the protocol for
 * plain statements, which takes one message where the other takes five.
 */
function prepare(pglite: PGlite, sql: string): Statement {
  const name = `opg_${++prepared}`;
  let ready: Promise<unknown> | undefined;
  return async (...parameters) => {
    ready ??= pglite.query(`prepare ${name} as ${sql}`);
    await ready;
    const list = parameters.length === 0 ? "" : `(${parameters.map(literal).join(", ")})`;
    const [result] = await pglite.exec(`execute ${name}${list}`);
    return (result?.rows ?? []) as Row[];
  };
}

let prepared = 0;

/** Under `standard_conforming_strings`, the default, a quote is the only character that means something. */
function literal(value: string | number | bigint | null): string {
  if (value === null) return "null";
  const text = String(value);
  if (text.includes("\0"))
    throw new ProtocolError("store/invalid-text", "got a text with a zero character, which no text may hold");
  return `'${text.replaceAll("'", "''")}'`;
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
