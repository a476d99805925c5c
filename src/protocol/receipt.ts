import { type Address, concat, type Hex, hexToBytes, numberToBytes, stringToHex, type TypedDataDomain } from "viem";
import { keccak256 } from "#keccak";
import { flatDigest } from "./eip712.ts";

/**
 * An operator's statement about one call: what `contracts/types/Receipt.sol` holds, in its order, with the names of the
 * models where that holds their hashes.
 */
export type Receipt = {
  operatorId: number;
  payer: Address;
  /** Or the hash of the payment authorisation, for a call that no channel pays. */
  channelId: Hex;
  /** See {@link sequenceOf}. 64 bits. */
  sequence: bigint;
  /** As asked for, `provider/model`. */
  model: string;
  /** What the upstream says it served. */
  servedModel: string;
  requestHash: Hex;
  /** The running hash after the last part. */
  responseRoot: Hex;
  /** Parts the answer came in; one if it wasn't streamed. */
  partCount: number;
  /** What the price counts: tokens, pictures, rows. 64 bits. */
  inputUnits: bigint;
  outputUnits: bigint;
  /** Of this call, OPG base units. 128 bits. */
  price: bigint;
  /** By the channel after this call, OPG base units. 128 bits. */
  cumulativeOwed: bigint;
  /** Unix seconds. */
  issuedAt: number;
};

/** A part of a streamed answer, signed before it is handed on. */
export type Part = {
  operatorId: number;
  channelId: Hex;
  sequence: bigint;
  /** From zero. */
  index: number;
  /** After this part. */
  runningHash: Hex;
  /** Unix seconds. */
  issuedAt: number;
};

export type SignedReceipt = { receipt: Receipt; signature: Hex };
export type SignedPart = { part: Part; signature: Hex };

/** Which receipt log's receipts are meant; a receipt or part is worth nothing under another one. */
export type ReceiptDomain = { chainId: number; receipts: Address };

/** EIP-712 types of a receipt, for `signTypedData` with `primaryType: "Receipt"`. */
export const RECEIPT_TYPES = {
  Receipt: [
    { name: "operatorId", type: "uint32" },
    { name: "payer", type: "address" },
    { name: "channelId", type: "bytes32" },
    { name: "sequence", type: "uint64" },
    { name: "model", type: "string" },
    { name: "servedModel", type: "string" },
    { name: "requestHash", type: "bytes32" },
    { name: "responseRoot", type: "bytes32" },
    { name: "partCount", type: "uint32" },
    { name: "inputUnits", type: "uint64" },
    { name: "outputUnits", type: "uint64" },
    { name: "price", type: "uint128" },
    { name: "cumulativeOwed", type: "uint128" },
    { name: "issuedAt", type: "uint40" },
  ],
} as const;

/** EIP-712 types of a part, for `signTypedData` with `primaryType: "Part"`. */
export const PART_TYPES = {
  Part: [
    { name: "operatorId", type: "uint32" },
    { name: "channelId", type: "bytes32" },
    { name: "sequence", type: "uint64" },
    { name: "index", type: "uint32" },
    { name: "runningHash", type: "bytes32" },
    { name: "issuedAt", type: "uint40" },
  ],
} as const;

/** Parts of an answer at most: with more, the way back from the last to the first would fit no transaction. */
export const MAX_PARTS = 4_096;

const COUNTER_BITS = 40n;

/** The receipt log's EIP-712 domain. */
export function receiptsDomain({ chainId, receipts }: ReceiptDomain): TypedDataDomain {
  return { name: "OpenGradient ReceiptLog", version: "1", chainId, verifyingContract: receipts };
}

/** What an operator's signer signs. */
export function receiptTypedData(receipt: Receipt, domain: ReceiptDomain) {
  return { domain: receiptsDomain(domain), types: RECEIPT_TYPES, primaryType: "Receipt", message: receipt } as const;
}

/** What an operator's signer signs. */
export function partTypedData(part: Part, domain: ReceiptDomain) {
  return { domain: receiptsDomain(domain), types: PART_TYPES, primaryType: "Part", message: part } as const;
}

/** The receiptId: the receipt's EIP-712 digest. */
export function receiptId(receipt: Receipt, domain: ReceiptDomain): Hex {
  return flatDigest(receiptsDomain(domain), "Receipt", RECEIPT_TYPES.Receipt, receipt);
}

/** The part's EIP-712 digest. */
export function partId(part: Part, domain: ReceiptDomain): Hex {
  return flatDigest(receiptsDomain(domain), "Part", PART_TYPES.Part, part);
}

/** The receipt as contracts take it: with the hashes of the two names. */
export function onChainReceipt({ model, servedModel, ...rest }: Receipt) {
  return {
    ...rest,
    modelHash: keccak256(stringToHex(model)),
    servedModelHash: keccak256(stringToHex(servedModel)),
  };
}

/** A sequence: the incarnation of the gateway's store (24 bits) above a counter (40 bits), which begins at one. */
export function sequenceOf(incarnation: number, counter: bigint): bigint {
  return (BigInt(incarnation) << COUNTER_BITS) | counter;
}

/** The incarnation and counter of a sequence. */
export function partsOfSequence(sequence: bigint): { incarnation: number; counter: bigint } {
  return { incarnation: Number(sequence >> COUNTER_BITS), counter: sequence & ((1n << COUNTER_BITS) - 1n) };
}

/**
 * The salted hash of one part's bytes.
 *
 * @param salt The client's, 32 bytes.
 * @param index Of the part, from zero.
 * @param bytes Large ones rather not as hex.
 */
export function partHash(salt: Hex, index: number, bytes: Hex | Uint8Array): Hex {
  return keccak256(
    concat([
      hexToBytes(salt),
      numberToBytes(index, { size: 4 }),
      typeof bytes === "string" ? hexToBytes(bytes) : bytes,
    ]),
  );
}

/** The running hash after a part. Before the first part it is the request hash. */
export function extendRunningHash(runningHash: Hex, nextPartHash: Hex): Hex {
  return keccak256(concat([hash32(runningHash), hash32(nextPartHash)]));
}

/** @throws TypeError for what isn't 32 bytes */
function hash32(hash: Hex): Uint8Array {
  const bytes = hexToBytes(hash);
  if (bytes.length !== 32) throw new TypeError(`got a hash of ${bytes.length} bytes, 32 are wanted`);
  return bytes;
}

/** The running hash after all of an answer's parts: the receipt's `responseRoot`. */
export function responseRoot(requestHash: Hex, salt: Hex, parts: readonly (Hex | Uint8Array)[]): Hex {
  return parts.reduce<Hex>((hash, bytes, index) => extendRunningHash(hash, partHash(salt, index, bytes)), requestHash);
}
