import { cp } from "node:fs/promises";
import { openDatabase } from "../../src/store/database.ts";

/** Makes parties' empty stores while there is something else to wait for: one, which takes seconds, and its copies. */
export async function makeEmptyStores([first, ...others]: readonly string[]): Promise<void> {
  if (first === undefined) return;
  await (await openDatabase(first)).close();
  await Promise.all(others.map((folder) => cp(first, folder, { recursive: true })));
}
