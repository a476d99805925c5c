import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { listTransactions, type TransactionInfo, TransactionStatus } from "@nomicfoundation/ignition-core";

import { LOCAL_CHAIN_ID } from "./parameters.ts";
import { chainIdOf, type Rpc } from "./rpc.ts";

/** `listTransactions` asks for a resolver and doesn't use it. */
type UnusedResolver = Parameters<typeof listTransactions>[1];

/** Whether Ignition has written anything in this folder. */
export function hasJournal(deploymentDir: string | undefined): deploymentDir is string {
  return deploymentDir !== undefined && existsSync(join(deploymentDir, "journal.jsonl"));
}

/** The number of the block a deployment began in, or undefined when this chain knows nothing of it. */
export async function firstBlockOf(rpc: Rpc, deploymentDir: string | undefined): Promise<number | undefined> {
  for (const transaction of await sentIn(deploymentDir)) {
    if (transaction.status !== TransactionStatus.SUCCESS) continue;
    const receipt = await rpc.request({ method: "eth_getTransactionReceipt", params: [transaction.txHash] });
    return receipt === null ? undefined : Number((receipt as { blockNumber: string }).blockNumber);
  }
  return undefined;
}

/**
 * A local chain that was restarted has forgotten what its journal says, and the same addresses may hold other code
 * by now. Such a journal is deleted, on the local development chain only.
 *
 * @returns whether there was one
 */
export async function dropStaleJournal(rpc: Rpc, deploymentDir: string | undefined): Promise<boolean> {
  if (!hasJournal(deploymentDir) || (await chainIdOf(rpc)) !== LOCAL_CHAIN_ID) return false;
  if ((await firstBlockOf(rpc, deploymentDir)) !== undefined) return false;
  await rm(deploymentDir, { recursive: true });
  return true;
}

/** Whether the journal is of a network that was handed over without the contracts of calls. */
export async function isOlderNetwork(deploymentDir: string | undefined): Promise<boolean> {
  if (!hasJournal(deploymentDir)) return false;
  const journal = await readFile(join(deploymentDir, "journal.jsonl"), "utf8");
  // The hand-over is last, and names every contract it needs.
  return journal.includes('"Network#HandOver"') && !journal.includes('"Network#ReceiptLog"');
}

async function sentIn(deploymentDir: string | undefined): Promise<TransactionInfo[]> {
  if (!hasJournal(deploymentDir)) return [];
  return await listTransactions(deploymentDir, undefined as unknown as UnusedResolver);
}
