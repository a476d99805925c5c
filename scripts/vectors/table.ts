/** One JSON file: single values, and columns of equal length (whole numbers as decimal text). */
export type Vectors = Record<string, string | readonly (string | boolean)[]>;

/** Cases in a file. */
export const CASES = 256;

export type Cell = string | boolean | number | bigint;

/** Columns of rows. */
export function columnsOf<Case>(cases: readonly Case[], rowOf: (given: Case) => Record<string, Cell>): Vectors {
  const rows = cases.map(rowOf);
  const write = (cell: Cell) => (typeof cell === "boolean" ? cell : String(cell));
  return Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => write(row[name] as Cell))]),
  );
}
