import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import type { Command } from "commander";
import { bytesToHex, type Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { partsOfSequence, receiptId, responseRoot } from "../protocol/receipt.ts";
import { type PortableReceipt, parseReceipt, receiptToJson } from "../protocol/receiptJson.ts";
import { requestHash } from "../protocol/requestHash.ts";
import { type KnownCall, verifyReceipt } from "../sdk/verifyReceipt.ts";
import { answering } from "./answering.ts";
import { hash32, opgAmount } from "./options.ts";
import { type Answer, columns, lines, opg, time } from "./output.ts";
import { addReceiptListCommand } from "./receiptList.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type VerifyOptions = {
  model?: string;
  allowOtherModel?: true;
  maxPrice?: bigint;
  request?: string;
  route: string;
  response?: string;
  salt?: Hex;
};

/** `opg receipt …` */
export function addReceiptCommands(program: Command, terminal: Terminal): void {
  const receipt = program.command("receipt").description("operators' signed statements about calls");
  receipt
    .command("verify")
    .description("check a receipt against the chain, and against what you know of the call: true, or false and why")
    .argument("<file>", "the receipt as JSON; - for standard input")
    .option("--model <name>", "the model you asked for")
    .option("--allow-other-model", "the upstream may say it served another model than you asked for")
    .option("--max-price <amount>", "the most you agreed to pay, OPG", opgAmount)
    .option("--request <file>", "your request's body as JSON; with --salt")
    .option("--route <path>", "the API's route it went to", "/v1/chat/completions")
    .option("--response <file>", "the answer's body as it came, not streamed; with --salt")
    .option("--salt <hex>", "the salt your request went with, 32 bytes", hash32)
    .action(answering(terminal, verify));
  receipt
    .command("show")
    .description("what a receipt says; checks nothing")
    .argument("<file>", "the receipt as JSON; - for standard input")
    .action(answering(terminal, show));
  addReceiptListCommand(receipt, terminal);
}

async function verify(session: Session, file: string, options: VerifyOptions): Promise<Answer> {
  const portable = await readReceipt(session, file);
  const known = await knownCall(session, portable, options);
  const chain = await session.chain();
  const { ok, checks, receiptId: id, anchoredAt } = await verifyReceipt(chain, portable, known);
  const rows = checks.map((check) => [check.ok ? "ok" : "NO", check.name, check.detail]);
  return {
    json: { receiptId: id, verified: ok, anchoredAt: anchoredAt ?? null, checks },
    text: `${ok}\n${columns(rows)}`,
    failed: !ok,
  };
}

async function show(session: Session, file: string): Promise<Answer> {
  const portable = await readReceipt(session, file);
  const { receipt, domain, inclusion } = portable;
  const id = receiptId(receipt, domain);
  const { incarnation, counter } = partsOfSequence(receipt.sequence);
  return {
    json: { receiptId: id, ...receiptToJson(portable) },
    text: lines([
      ["receipt", id],
      ["of", `chain ${domain.chainId}, log ${domain.receipts}`],
      ["operator", String(receipt.operatorId)],
      ["payer", receipt.payer],
      ["channel", receipt.channelId],
      ["sequence", `${counter} of incarnation ${incarnation}`],
      ["model", receipt.model],
      ["served", receipt.servedModel],
      ["units", `${receipt.inputUnits} in, ${receipt.outputUnits} out`],
      ["price", opg(receipt.price)],
      ["owed after it", opg(receipt.cumulativeOwed)],
      ["issued", time(receipt.issuedAt)],
      ["request hash", receipt.requestHash],
      ["response root", `${receipt.responseRoot}, ${receipt.partCount} part${receipt.partCount === 1 ? "" : "s"}`],
      ["inclusion", inclusion ? `in batch ${inclusion.batch.number}, root ${inclusion.batch.root}` : "none with it"],
    ]),
  };
}

async function readReceipt({ terminal }: Session, file: string): Promise<PortableReceipt> {
  return parseReceipt(await readText(terminal, file));
}

async function knownCall({ terminal }: Session, portable: PortableReceipt, options: VerifyOptions): Promise<KnownCall> {
  const { model, allowOtherModel, maxPrice, request, route, response, salt } = options;
  if ((request !== undefined || response !== undefined) && salt === undefined) {
    throw new ProtocolError(
      "usage/salt-missing",
      "got a request or a response without --salt: both are hashed with it",
    );
  }
  return {
    ...(model !== undefined && { model }),
    ...(allowOtherModel && { allowOtherServedModel: true }),
    ...(maxPrice !== undefined && { maxPrice }),
    ...(request !== undefined && {
      requestHash: requestHash(salt as Hex, route, parseJson(request, await readText(terminal, request))),
    }),
    ...(response !== undefined && {
      response: {
        responseRoot: responseRoot(portable.receipt.requestHash, salt as Hex, [bytesToHex(await readBytes(response))]),
        partCount: 1,
      },
    }),
  };
}

function parseJson(file: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new ProtocolError("usage/not-json", `${file} isn't JSON: give the request's body as it was sent`, { cause });
  }
}

async function readText({ stdin }: Terminal, file: string): Promise<string> {
  if (file === "-") return await textOf(stdin);
  return (await readBytes(file)).toString("utf8");
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unreadable";
    throw new ProtocolError("usage/file", `${file} can't be read (${why}): give a file that is there`, { cause });
  }
}
