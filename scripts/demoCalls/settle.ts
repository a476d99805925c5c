import { setTimeout as sleep } from "node:timers/promises";
import { channelEvents } from "../../src/chain/channelEvents.ts";
import { channelOf } from "../../src/chain/channels.ts";
import type { SigningChain } from "../../src/chain/clients.ts";
import { type KeptReceipt, openConnect } from "../../src/connect/openConnect.ts";
import { verifyReceipt } from "../../src/sdk/index.ts";

/** What the apps' side holds, and what it owes, OPG base units. */
export type Books = { receipts: KeptReceipt[]; owed: bigint };

const BUDGET = 10n ** 19n;
const PROOF_TIMEOUT_MS = 30_000;
const POLL_MS = 500;
const MANY = 1_000_000;
const AT_A_TIME = 8;

/** Opens the store that a local end has left, and sees that every receipt in it is proven. @throws when one isn't in time */
export async function proveAll(payer: SigningChain, dataDir: string): Promise<Books> {
  const connect = await openConnect({
    ...{ chain: payer, dataDir, budget: BUDGET, allowPrivateGateways: true, intervals: { proveMs: 0 } },
  });
  try {
    const giveUpAt = performance.now() + PROOF_TIMEOUT_MS;
    for (;;) {
      const open = await connect.resolve();
      await connect.prove();
      const unproven = (await connect.receipts(MANY)).filter(({ proof }) => proof !== "proven");
      if (open + unproven.length === 0) break;
      if (performance.now() > giveUpAt)
        throw new Error(`${unproven.length} receipts aren't proven, ${open} calls open`);
      await sleep(POLL_MS);
    }
    const { owed, uncertain } = await connect.balance();
    if (uncertain !== 0n) throw new Error(`${uncertain} base units are promised for calls whose end isn't known`);
    return { receipts: await connect.receipts(MANY), owed };
  } finally {
    await connect.close();
  }
}

/** How many of these stand by themselves: with what is in them, and the chain. */
export async function countProven(chain: SigningChain, receipts: readonly KeptReceipt[]): Promise<number> {
  const left = [...receipts];
  let proven = 0;
  async function work(): Promise<void> {
    for (let receipt = left.shift(); receipt !== undefined; receipt = left.shift()) {
      const { ok, anchoredAt } = await verifyReceipt(chain, receipt);
      if (ok && anchoredAt !== undefined) proven += 1;
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return proven;
}

/** What operators have claimed of all channels there are, OPG base units. */
export async function claimedOf(chain: SigningChain): Promise<bigint> {
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const opened = (await channelEvents(chain, range)).filter((event) => event.kind === "opened");
  const channels = await Promise.all(opened.map((event) => channelOf(chain, event)));
  return channels.reduce((sum, { claimed }) => sum + claimed, 0n);
}
