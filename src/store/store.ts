import { type BatchTable, createBatchTable } from "./batches.ts";
import { type CallTable, createCallTable } from "./calls.ts";
import { type ClaimTable, createClaimTable } from "./claims.ts";
import { openDatabase } from "./database.ts";
import { checkIdentity, type StoreIdentity } from "./identity.ts";
import { createJobTable, type JobTable } from "./jobs.ts";
import { createLogCursors, type LogCursors } from "./logCursors.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPaidCallTable, type PaidCallTable } from "./paidCalls.ts";

/** All that a node, a gateway or a payer's local end must not forget. */
export type Store = {
  jobs: JobTable;
  calls: CallTable;
  batches: BatchTable;
  claims: ClaimTable;
  logCursors: LogCursors;
  paid: PaidCallTable;
  outbox: Outbox;
  close(): Promise<void>;
};

/**
 * Opens a node's store in a folder, made if it isn't there.
 * @throws ProtocolError `store/in-use`, `store/other-identity`, `store/newer-schema`
 */
export async function openStore(folder: string, identity: StoreIdentity): Promise<Store> {
  const database = await openDatabase(folder);
  try {
    await checkIdentity(database, identity);
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    jobs: createJobTable(database),
    calls: createCallTable(database),
    batches: createBatchTable(database),
    claims: createClaimTable(database),
    logCursors: createLogCursors(database),
    paid: createPaidCallTable(database),
    outbox: createOutbox(database),
    close: () => database.close(),
  };
}
