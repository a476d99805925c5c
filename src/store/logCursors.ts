import type { Database } from "./database.ts";

/** How far each reader of the chain's log has come. */
export type LogCursors = {
  /** The first block it has to look at; undefined: it never looked. */
  nextBlock(reader: string): Promise<bigint | undefined>;
  move(reader: string, nextBlock: bigint): Promise<void>;
};

/** The table of cursors. */
export function createLogCursors({ query, prepare }: Database): LogCursors {
  const moveTo = prepare(
    `insert into log_cursors (reader, next_block) values ($1, $2)
     on conflict (reader) do update set next_block = excluded.next_block`,
  );
  return {
    async nextBlock(reader) {
      const [row] = await query("select next_block from log_cursors where reader = $1", [reader]);
      return row === undefined ? undefined : (row.next_block as bigint);
    },
    async move(reader, nextBlock) {
      await moveTo(reader, nextBlock);
    },
  };
}
