import { numberToHex } from "viem";
import type { JobOpened } from "../../src/chain/jobEvents.ts";
import { openStore } from "../../src/store/store.ts";
import { IDENTITY } from "./temporaryStore.ts";

// node storeWriter.ts <folder>: adds jobs until it is killed, and says the number of each once it is written.
const store = await openStore(process.argv[2] ?? "", IDENTITY);
for (let written = Number((await store.jobs.nextBlock()) ?? 0n); ; ) {
  await store.jobs.add([{ jobId: numberToHex(written, { size: 32 }) } as JobOpened], BigInt(++written));
  process.stdout.write(`${written}\n`);
}
