import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zeroAddress, zeroHash } from "viem";
import type { StoreIdentity } from "../../src/store/identity.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { putEmptyDatabase } from "./emptyDatabase.ts";

export const IDENTITY: StoreIdentity = {
  chainId: 31337,
  genesisHash: zeroHash,
  escrow: zeroAddress,
  operatorId: 1,
  secretHash: zeroHash,
};

/** A folder that is removed in the end. */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "opg-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A store on disk that is removed when it is closed. */
export async function openTemporaryStore(): Promise<Store> {
  const { folder, remove } = await temporaryFolder();
  await putEmptyDatabase(folder);
  const store = await openStore(folder, IDENTITY);
  return {
    ...store,
    async close() {
      await store.close();
      await remove();
    },
  };
}
