import { type Address, getAddress, type Hex } from "viem";
import type { Inclusion } from "./batch.ts";
import { type InclusionJson, inclusionToJson, readInclusion } from "./inclusionJson.ts";
import { type JsonFields, jsonFields, maxOf } from "./jsonFields.ts";
import type { Part, Receipt, ReceiptDomain, SignedPart, SignedReceipt } from "./receipt.ts";

/** A signed receipt with the domain it is signed for and, once it is anchored, what shows that. */
export type PortableReceipt = SignedReceipt & { domain: ReceiptDomain; inclusion?: Inclusion };

/** A signed part with the domain it is signed for. */
export type PortablePart = SignedPart & { domain: ReceiptDomain };

/** The domain and the signature, as every statement's JSON has them. */
export type StatementJson = { chainId: number; verifyingContract: Address; signature: Hex };

/** See `docs/receipts.md`. */
export type ReceiptJson = StatementJson & {
  receipt: Omit<Receipt, "sequence" | "inputUnits" | "outputUnits" | "price" | "cumulativeOwed"> & {
    sequence: string;
    inputUnits: string;
    outputUnits: string;
    price: string;
    cumulativeOwed: string;
  };
  inclusion?: InclusionJson;
};

/** See `docs/receipts.md`. */
export type PartJson = StatementJson & { part: Omit<Part, "sequence"> & { sequence: string } };

const STATEMENT_KEYS = ["chainId", "verifyingContract", "signature"] as const;

/**
 * Reads a signed receipt from its JSON text or from parsed JSON. Nothing is checked but the form: see `checkReceipt`.
 *
 * @throws ProtocolError `receipt/not-json`, `receipt/missing-field`, `receipt/unknown-field`, `receipt/wrong-type`,
 * `receipt/malformed`, `receipt/out-of-range`
 */
export function parseReceipt(source: unknown): PortableReceipt {
  const read = jsonFields("receipt");
  const root = read.object("", read.json(source), [...STATEMENT_KEYS, "receipt"], ["inclusion"]);
  return {
    domain: readDomain(read, root),
    receipt: readReceipt(read, root.receipt),
    signature: read.bytes("signature", root.signature, 65),
    ...(Object.hasOwn(root, "inclusion") && { inclusion: readInclusion(read, "inclusion", root.inclusion) }),
  };
}

/**
 * Reads a signed part from its JSON text or from parsed JSON. Nothing is checked but the form: see `checkPart`.
 *
 * @throws ProtocolError `part/…`, as {@link parseReceipt}
 */
export function parsePart(source: unknown): PortablePart {
  const read = jsonFields("part");
  const root = read.object("", read.json(source), [...STATEMENT_KEYS, "part"]);
  return {
    domain: readDomain(read, root),
    part: readPart(read, root.part),
    signature: read.bytes("signature", root.signature, 65),
  };
}

/** The receipt as {@link parseReceipt} reads it: for `JSON.stringify`. */
export function receiptToJson({ domain, receipt, signature, inclusion }: PortableReceipt): ReceiptJson {
  return {
    ...domainToJson(domain),
    receipt: {
      operatorId: receipt.operatorId,
      payer: getAddress(receipt.payer),
      channelId: receipt.channelId,
      sequence: String(receipt.sequence),
      model: receipt.model,
      servedModel: receipt.servedModel,
      requestHash: receipt.requestHash,
      responseRoot: receipt.responseRoot,
      partCount: receipt.partCount,
      inputUnits: String(receipt.inputUnits),
      outputUnits: String(receipt.outputUnits),
      price: String(receipt.price),
      cumulativeOwed: String(receipt.cumulativeOwed),
      issuedAt: receipt.issuedAt,
    },
    signature,
    ...(inclusion && { inclusion: inclusionToJson(inclusion) }),
  };
}

/** The part as {@link parsePart} reads it: for `JSON.stringify`. */
export function partToJson({ domain, part, signature }: PortablePart): PartJson {
  const { operatorId, channelId, sequence, index, runningHash, issuedAt } = part;
  return {
    ...domainToJson(domain),
    part: { operatorId, channelId, sequence: String(sequence), index, runningHash, issuedAt },
    signature,
  };
}

function readReceipt(read: JsonFields, value: unknown): Receipt {
  const at = (name: string) => `receipt.${name}`;
  const fields = read.object("receipt", value, [
    "operatorId",
    "payer",
    "channelId",
    "sequence",
    "model",
    "servedModel",
    "requestHash",
    "responseRoot",
    "partCount",
    "inputUnits",
    "outputUnits",
    "price",
    "cumulativeOwed",
    "issuedAt",
  ]);
  return {
    operatorId: read.number(at("operatorId"), fields.operatorId, maxOf(32)),
    payer: read.address(at("payer"), fields.payer),
    channelId: read.bytes(at("channelId"), fields.channelId, 32),
    sequence: read.decimal(at("sequence"), fields.sequence, 64),
    model: read.text(at("model"), fields.model),
    servedModel: read.text(at("servedModel"), fields.servedModel),
    requestHash: read.bytes(at("requestHash"), fields.requestHash, 32),
    responseRoot: read.bytes(at("responseRoot"), fields.responseRoot, 32),
    partCount: read.number(at("partCount"), fields.partCount, maxOf(32)),
    inputUnits: read.decimal(at("inputUnits"), fields.inputUnits, 64),
    outputUnits: read.decimal(at("outputUnits"), fields.outputUnits, 64),
    price: read.decimal(at("price"), fields.price, 128),
    cumulativeOwed: read.decimal(at("cumulativeOwed"), fields.cumulativeOwed, 128),
    issuedAt: read.number(at("issuedAt"), fields.issuedAt, maxOf(40)),
  };
}

function readPart(read: JsonFields, value: unknown): Part {
  const at = (name: string) => `part.${name}`;
  const fields = read.object("part", value, [
    "operatorId",
    "channelId",
    "sequence",
    "index",
    "runningHash",
    "issuedAt",
  ]);
  return {
    operatorId: read.number(at("operatorId"), fields.operatorId, maxOf(32)),
    channelId: read.bytes(at("channelId"), fields.channelId, 32),
    sequence: read.decimal(at("sequence"), fields.sequence, 64),
    index: read.number(at("index"), fields.index, maxOf(32)),
    runningHash: read.bytes(at("runningHash"), fields.runningHash, 32),
    issuedAt: read.number(at("issuedAt"), fields.issuedAt, maxOf(40)),
  };
}

function readDomain(read: JsonFields, root: Record<"chainId" | "verifyingContract", unknown>): ReceiptDomain {
  return {
    chainId: read.number("chainId", root.chainId, Number.MAX_SAFE_INTEGER, 1),
    receipts: read.address("verifyingContract", root.verifyingContract),
  };
}

function domainToJson({ chainId, receipts }: ReceiptDomain) {
  return { chainId, verifyingContract: getAddress(receipts) };
}
