import { concat, domainSeparator, type Hex, hashStruct, keccak256, pad, stringToHex, toHex } from "viem";
import { privateKeyToAccount, serializeSignature, sign } from "viem/accounts";
import { batchOf, batchWord, inclusionOf } from "../../src/protocol/batch.ts";
import {
  CHANNEL_TYPES,
  type Channel,
  channelId,
  FUNDING_TYPES,
  fundingTypedData,
  vouchersDomain,
} from "../../src/protocol/channel.ts";
import { linksBack } from "../../src/protocol/contradiction.ts";
import {
  extendRunningHash,
  PART_TYPES,
  type Part,
  partHash,
  partId,
  RECEIPT_TYPES,
  type Receipt,
  receiptId,
  receiptsDomain,
  responseRoot,
} from "../../src/protocol/receipt.ts";
import { canonicalRequest, requestHash } from "../../src/protocol/requestHash.ts";
import {
  packVouchers,
  type SignedVoucher,
  VOUCHER_TYPES,
  type Voucher,
  voucherDigest,
} from "../../src/protocol/voucher.ts";
import { type Draw, drawsFrom } from "./draws.ts";
import { CASES, type Cell, columnsOf, type Vectors } from "./table.ts";

const CHAIN_ID = 31_337;
const VOUCHERS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const RECEIPTS = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512";
const VOUCHER_DOMAIN = { chainId: CHAIN_ID, vouchers: VOUCHERS } as const;
const RECEIPT_DOMAIN = { chainId: CHAIN_ID, receipts: RECEIPTS } as const;
const NAMES = [
  "",
  "onnx/digits",
  "acme/mini-2",
  "é/ü",
  "模型/小",
  "\u{1f600}/\u{1f680}",
  'a "quoted"/name',
  "x".repeat(300),
];
const TEXTS = ["", "Hello", "Grüezi, 世界", "\u{1f600}", "{}", "\n\t\u0000\u001f", "x".repeat(200)];

/** The vector files of channels, vouchers, receipts and what they are made of. */
export async function callVectors(): Promise<Record<string, Vectors>> {
  return {
    channel: channelVectors(),
    funding: await fundingVectors(),
    voucher: await voucherVectors(),
    voucherBatch: await voucherBatchVectors(),
    receipt: await receiptVectors(),
    part: await partVectors(),
    requestHash: requestHashVectors(),
    runningHash: runningHashVectors(),
    batch: batchVectors(),
  };
}

const ofVouchers = (): Vectors => ({
  chainId: String(CHAIN_ID),
  vouchers: VOUCHERS,
  domainSeparator: domainSeparator({ domain: vouchersDomain(VOUCHER_DOMAIN) }),
});

const ofReceipts = (): Vectors => ({
  chainId: String(CHAIN_ID),
  receipts: RECEIPTS,
  domainSeparator: domainSeparator({ domain: receiptsDomain(RECEIPT_DOMAIN) }),
});

function channelVectors(): Vectors {
  const cases = drawsFrom("channel").cases(CASES, channelOf);
  return {
    ...ofVouchers(),
    ...columnsOf(cases, (channel) => ({
      ...channel,
      structHash: hashStruct({ data: channel, primaryType: "Channel", types: CHANNEL_TYPES }),
      channelId: channelId(channel, VOUCHER_DOMAIN),
    })),
  };
}

async function fundingVectors(): Promise<Vectors> {
  const cases = drawsFrom("funding").cases(CASES, (draw) => ({
    ...channelOf(draw),
    totalDeposited: draw.uint(96),
    deadline: draw.uint(256),
  }));
  const rows = await Promise.all(
    cases.map(async (drawn, index) => {
      const { privateKey, address } = keyOf(`payer ${index}`);
      const funding = { ...drawn, payer: address };
      const signature = await privateKeyToAccount(privateKey).signTypedData(fundingTypedData(funding, VOUCHER_DOMAIN));
      const structHash = hashStruct({ data: funding, primaryType: "Funding", types: FUNDING_TYPES });
      return { ...funding, structHash, privateKey, signature };
    }),
  );
  return { ...ofVouchers(), ...signedColumns(rows) };
}

async function voucherVectors(): Promise<Vectors> {
  const cases = drawsFrom("voucher").cases(CASES, (draw) => voucherOf(draw, Number(draw.uint(32))));
  const rows = await Promise.all(
    cases.map(async (voucher, index) => {
      const digest = voucherDigest(voucher, VOUCHER_DOMAIN);
      const signed = await signedBy(`voucher key ${index}`, digest);
      const structHash = hashStruct({ data: voucher, primaryType: "Voucher", types: VOUCHER_TYPES });
      const packed = packVouchers([{ voucher, signature: signed.signature }]);
      return { ...voucher, structHash, digest, ...signed, packed };
    }),
  );
  return { ...ofVouchers(), ...signedColumns(rows) };
}

/** Batches of 0 to 7 vouchers; lists are packed, an address in a word each. */
async function voucherBatchVectors(): Promise<Vectors> {
  const cases = drawsFrom("voucherBatch").cases(CASES, (draw) => {
    const operatorId = Number(draw.uint(32));
    const count = Number(draw.below(7n));
    return { operatorId, vouchers: Array.from({ length: count }, () => voucherOf(draw, operatorId)) };
  });
  const rows = await Promise.all(
    cases.map(async ({ operatorId, vouchers }, index) => {
      const digests = vouchers.map((voucher) => voucherDigest(voucher, VOUCHER_DOMAIN));
      const signed = await Promise.all(digests.map((digest, at) => signedBy(`voucher key ${index} ${at}`, digest)));
      const batch = vouchers.map(
        (voucher, at): SignedVoucher => ({ voucher, signature: signed[at]?.signature ?? "0x" }),
      );
      return {
        operatorId,
        count: vouchers.length,
        packed: packVouchers(batch),
        digests: concat(["0x", ...digests]),
        signers: concat(["0x", ...signed.map(({ signer }) => lowerCase(pad(signer)))]),
        payers: concat(["0x", ...vouchers.map(({ payer }) => lowerCase(pad(payer)))]),
        openings: wordsOf(vouchers.map(({ opening }) => BigInt(opening))),
        amounts: wordsOf(vouchers.map(({ cumulativeAmount }) => cumulativeAmount)),
      };
    }),
  );
  return { ...ofVouchers(), ...columnsOf(rows, (row) => row) };
}

async function receiptVectors(): Promise<Vectors> {
  const cases = drawsFrom("receipt").cases(
    CASES,
    (draw): Receipt => ({
      operatorId: Number(draw.uint(32)),
      payer: draw.address(),
      channelId: draw.bytes32(),
      sequence: draw.uint(64),
      model: oneOf(draw, NAMES),
      servedModel: oneOf(draw, NAMES),
      requestHash: draw.bytes32(),
      responseRoot: draw.bytes32(),
      partCount: Number(draw.uint(32)),
      inputUnits: draw.uint(64),
      outputUnits: draw.uint(64),
      price: draw.uint(128),
      cumulativeOwed: draw.uint(128),
      issuedAt: Number(draw.uint(40)),
    }),
  );
  const rows = await Promise.all(
    cases.map(async (receipt, index) => {
      const id = receiptId(receipt, RECEIPT_DOMAIN);
      return {
        ...receipt,
        modelHash: keccak256(stringToHex(receipt.model)),
        servedModelHash: keccak256(stringToHex(receipt.servedModel)),
        structHash: hashStruct({ data: receipt, primaryType: "Receipt", types: RECEIPT_TYPES }),
        receiptId: id,
        ...(await signedBy(`signer ${index}`, id)),
      };
    }),
  );
  return { ...ofReceipts(), ...signedColumns(rows) };
}

async function partVectors(): Promise<Vectors> {
  const cases = drawsFrom("part").cases(
    CASES,
    (draw): Part => ({
      operatorId: Number(draw.uint(32)),
      channelId: draw.bytes32(),
      sequence: draw.uint(64),
      index: Number(draw.uint(32)),
      runningHash: draw.bytes32(),
      issuedAt: Number(draw.uint(40)),
    }),
  );
  const rows = await Promise.all(
    cases.map(async (part, index) => {
      const id = partId(part, RECEIPT_DOMAIN);
      const structHash = hashStruct({ data: part, primaryType: "Part", types: PART_TYPES });
      return { ...part, structHash, partId: id, ...(await signedBy(`signer ${index}`, id)) };
    }),
  );
  return { ...ofReceipts(), ...signedColumns(rows) };
}

/** `body` is JSON with its fields in another order than the canonical text's. */
function requestHashVectors(): Vectors {
  const cases = drawsFrom("requestHash").cases(CASES, (draw) => ({
    salt: draw.bytes32(),
    route: oneOf(draw, ["/v1/chat/completions", "/v1/embeddings", "", "/ü"]),
    body: JSON.stringify({
      model: oneOf(draw, NAMES),
      messages: Array.from({ length: Number(draw.below(3n)) }, () => ({ role: "user", content: oneOf(draw, TEXTS) })),
      [oneOf(draw, NAMES)]: null,
      temperature: Number(draw.uint(53)) / 2 ** Number(draw.below(60n)),
      stream: draw.uint(1) === 1n,
    }),
  }));
  return columnsOf(cases, ({ salt, route, body }) => {
    const parsed: unknown = JSON.parse(body);
    const text = canonicalRequest(route, parsed);
    return { salt, route, body, text: stringToHex(text), requestHash: requestHash(salt, route, parsed) };
  });
}

/** Streams of 1 to 8 parts; `links` lead from the last part back to the one at `index`, two words each. */
function runningHashVectors(): Vectors {
  const cases = drawsFrom("runningHash").cases(CASES, (draw) => {
    const parts = Array.from({ length: 1 + Number(draw.below(7n)) }, () => stringToHex(oneOf(draw, TEXTS)));
    return {
      salt: draw.bytes32(),
      requestHash: draw.bytes32(),
      parts,
      index: Number(draw.below(BigInt(parts.length - 1))),
    };
  });
  return columnsOf(cases, ({ salt, requestHash: hash, parts, index }) => {
    const partHashes = parts.map((bytes, at) => partHash(salt, at, bytes));
    const runningHashes = partHashes.map((_, at) => partHashes.slice(0, at + 1).reduce(extendRunningHash, hash));
    const links = linksBack(hash, partHashes, parts.length - 1, index);
    return {
      salt,
      requestHash: hash,
      partCount: parts.length,
      index,
      bytes: parts[index] as Hex,
      partHashes: concat(partHashes),
      runningHashes: concat(runningHashes),
      links: concat(["0x", ...links.flatMap((link) => [link.previousHash, link.partHash])]),
      responseRoot: responseRoot(hash, salt, parts),
    };
  });
}

/** Trees of 1 to 34 receipts and the proof of the one at `index`; beside them words of batches of any size. */
function batchVectors(): Vectors {
  const cases = drawsFrom("batch").cases(CASES, (draw) => {
    const receiptIds = Array.from({ length: 1 + Number(draw.below(33n)) }, () => draw.bytes32());
    return {
      receiptIds,
      index: Number(draw.below(BigInt(receiptIds.length - 1))),
      number: Number(draw.uint(48)),
      previousWord: draw.uint(256),
      anchoredAt: Number(draw.uint(40)),
      anyRoot: draw.bytes32(),
      anyCount: Number(draw.uint(32)),
      anyDataHash: draw.bytes32(),
    };
  });
  return columnsOf(cases, ({ receiptIds, index, number, previousWord, anchoredAt, ...any }): Record<string, Cell> => {
    const content = batchOf(receiptIds);
    const { root, count, dataHash, data } = content;
    const { proof } = inclusionOf({ number, previousWord, root, count, dataHash }, content, index);
    return {
      ...{ receiptIds: concat(receiptIds), index, number, previousWord, anchoredAt, root, count, dataHash, data },
      receiptId: receiptIds[index] as Hex,
      proof: concat(["0x", ...proof]),
      word: batchWord({ previousWord, root, count, dataHash }, anchoredAt),
      ...any,
      anyWord: batchWord(
        { previousWord, root: any.anyRoot, count: any.anyCount, dataHash: any.anyDataHash },
        anchoredAt,
      ),
    };
  });
}

function channelOf(draw: Draw): Channel {
  return {
    payer: draw.address(),
    operatorId: Number(draw.uint(32)),
    voucherKey: draw.address(),
    opening: Number(draw.uint(24)),
  };
}

function voucherOf(draw: Draw, operatorId: number): Voucher {
  return { payer: draw.address(), operatorId, opening: Number(draw.uint(24)), cumulativeAmount: draw.uint(96) };
}

function oneOf(draw: Draw, items: readonly string[]): string {
  return items[Number(draw.below(BigInt(items.length - 1)))] ?? "";
}

/** The keys first, after a line that says what they are. */
function signedColumns(rows: readonly (Record<string, Cell> & { privateKey: Hex })[]): Vectors {
  const note = "each a local test key, made from a text; they hold nothing anywhere";
  return { privateKeys: note, ...columnsOf(rows, ({ privateKey, ...rest }) => ({ privateKey, ...rest })) };
}

/** Keys of vectors; they hold nothing anywhere. */
function keyOf(name: string) {
  const privateKey = keccak256(toHex(`vectors: ${name}`));
  return { privateKey, address: privateKeyToAccount(privateKey).address };
}

async function signedBy(name: string, digest: Hex) {
  const { privateKey, address: signer } = keyOf(name);
  return { privateKey, signer, signature: serializeSignature(await sign({ hash: digest, privateKey })) };
}

function wordsOf(numbers: readonly bigint[]): Hex {
  return concat(["0x", ...numbers.map((number) => toHex(number, { size: 32 }))]);
}

function lowerCase(hex: Hex): Hex {
  return hex.toLowerCase() as Hex;
}
