import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PGlite, type Transaction, types } from "@electric-sql/pglite";
import { ProtocolError } from "../protocol/errors.ts";
import { lockFolder } from "./folderLock.ts";
import { MIGRATIONS } from "./migrations.ts";

export type Row = Record<string, unknown>;

/** Runs one statement; `$1` … stand for the parameters. */
export type Query = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** One Postgres schema; what has been awaited survives a kill. */
export type Database = {
  query: Query;
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
    const database: Database = {
      query: queryOf(pglite),
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
