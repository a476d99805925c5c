import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Hex } from "viem";
import type { ListedReceipt } from "../connect/server.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Receipt } from "../protocol/receipt.ts";
import { parseReceipt } from "../protocol/receiptJson.ts";
import { openDatabase } from "../store/database.ts";
import { createPaidCallTable, type ProofState } from "../store/paidCalls.ts";
import { answering } from "./answering.ts";
import { count } from "./options.ts";
import { type Answer, columns, opg, time } from "./output.ts";
import type { Terminal } from "./terminal.ts";

type ListOptions = { connect: string; data?: string; limit: number };
type Listed = { receiptId: Hex; proof: ProofState; receipt: Receipt };

const CONNECT = "http://127.0.0.1:8401";
const LIMIT = 20;
const TIMEOUT_MS = 10_000;

/** `opg receipt list` */
export function addReceiptListCommand(receipt: Command, terminal: Terminal): void {
  receipt
    .command("list")
    .description("the receipts that opg connect has kept, newest first")
    .option("--connect <url>", "where it runs", CONNECT)
    .option("--data <folder>", "its folder instead, while it doesn't run")
    .option("--limit <n>", "at most so many", count, LIMIT)
    .action(answering(terminal, (_, options: ListOptions) => list(options)));
}

async function list({ connect, data, limit }: ListOptions): Promise<Answer> {
  const listed = data === undefined ? await fromConnect(connect, limit) : await fromFolder(data, limit);
  const rows = listed.map(({ receiptId, proof, receipt }) => [
    ...[time(receipt.issuedAt), receipt.model, `operator ${receipt.operatorId}`],
    ...[`${receipt.inputUnits} in, ${receipt.outputUnits} out`, opg(receipt.price), proof, receiptId],
  ]);
  return {
    json: { receipts: listed.map(({ receipt, ...more }) => ({ ...more, ...receipt })) },
    text: rows.length === 0 ? "no receipts yet" : columns(rows),
  };
}

/** @throws ProtocolError `cli/connect-not-running`, `cli/strange-answer` */
async function fromConnect(connect: string, limit: number): Promise<Listed[]> {
  const url = `${connect.replace(/\/+$/, "")}/v1/receipts?limit=${limit}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((cause: unknown) => {
    throw new ProtocolError(
      "cli/connect-not-running",
      `no local end answers at ${connect}: start opg connect, or name its folder with --data`,
      { isRetryable: true, cause },
    );
  });
  const body: unknown = await answer.json().catch(() => undefined);
  const { data } = (body ?? {}) as { data?: ListedReceipt[] };
  if (answer.ok && Array.isArray(data)) {
    return data.map(({ receiptId, proof, receipt }) => ({ receiptId, proof, receipt: parseReceipt(receipt).receipt }));
  }
  throw new ProtocolError(
    "cli/strange-answer",
    `what answers at ${connect} is no local end (status ${answer.status}): name another with --connect`,
  );
}

/** @throws ProtocolError `usage/no-store`, `store/in-use` */
async function fromFolder(folder: string, limit: number): Promise<Listed[]> {
  if (!existsSync(join(folder, "postgres"))) {
    throw new ProtocolError("usage/no-store", `${folder} isn't a folder of opg connect: name the one it was given`);
  }
  const database = await openDatabase(folder);
  try {
    const calls = await createPaidCallTable(database).answered(limit);
    return calls.flatMap(({ receipt: kept }) =>
      kept === undefined ? [] : [{ receiptId: kept.receiptId, proof: kept.proof, receipt: kept.receipt }],
    );
  } finally {
    await database.close();
  }
}
