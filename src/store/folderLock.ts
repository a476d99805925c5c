import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ProtocolError } from "../protocol/errors.ts";

const SQLITE_BUSY = 5;
/** Whatever nobody refers to is closed some time, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Keeps a folder for this process until it is unlocked. The lock is SQLite's on an empty database: the system lets go of
 * it however its owner ends, so there are no stale locks, nothing to take over, and no process id to mistake for another's.
 * @returns unlocks
 * @throws ProtocolError `store/in-use`
 */
export function lockFolder(folder: string): () => void {
  const lock = new DatabaseSync(join(folder, "lock.sqlite"));
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new ProtocolError(
      "store/in-use",
      `${folder} is open in another process, one at a time is allowed: stop that one or use another folder`,
    );
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}
