import { type Hex, keccak256, serializeSignature, toHex } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { type Channel, channelId } from "../../src/protocol/channel.ts";
import {
  extendRunningHash,
  type Part,
  partHash,
  partTypedData,
  type Receipt,
  type ReceiptDomain,
  receiptTypedData,
  responseRoot,
  type SignedPart,
  type SignedReceipt,
  sequenceOf,
} from "../../src/protocol/receipt.ts";
import { requestHash } from "../../src/protocol/requestHash.ts";
import { type SignedVoucher, type Voucher, voucherTypedData } from "../../src/protocol/voucher.ts";

/** The order of secp256k1's group. */
export const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

export const VOUCHERS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
export const RECEIPTS = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512";
export const OTHER_ADDRESS = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0";
export const VOUCHER_DOMAIN = { chainId: 31_337, vouchers: VOUCHERS } as const;
export const RECEIPT_DOMAIN: ReceiptDomain = { chainId: 31_337, receipts: RECEIPTS };

/** Keys of tests; they hold nothing anywhere. */
export const keyOf = (name: string): Hex => keccak256(toHex(`test: ${name}`));
export const SIGNER = privateKeyToAccount(keyOf("an operator's signer"));
export const VOUCHER_KEY = privateKeyToAccount(keyOf("a voucher key"));
export const STRANGER = privateKeyToAccount(keyOf("a stranger"));
export const PAYER = privateKeyToAccount(keyOf("a payer"));

export const CHANNEL: Channel = {
  payer: PAYER.address,
  operatorId: 7,
  voucherKey: VOUCHER_KEY.address,
  opening: 2,
};
export const SALT = keccak256(toHex("test: a salt"));
export const NOW = 1_900_000_000;
const ROUTE = "/v1/chat/completions";
const ANSWER = ["He", "llo", " world", ""].map((text) => toHex(text));

export type Call = { requestHash: Hex; parts: readonly Hex[]; receipt: Receipt; stream: readonly Part[] };

/** A call and its answer in four parts. */
export function callOf(counter = 1n): Call {
  const hash = requestHash(SALT, ROUTE, { model: "acme/mini", messages: [String(counter)] });
  const common = {
    operatorId: CHANNEL.operatorId,
    channelId: channelId(CHANNEL, VOUCHER_DOMAIN),
    sequence: sequenceOf(3, counter),
    issuedAt: NOW,
  };
  let runningHash = hash;
  const stream = ANSWER.map((bytes, index): Part => {
    runningHash = extendRunningHash(runningHash, partHash(SALT, index, bytes));
    return { ...common, index, runningHash };
  });
  const receipt: Receipt = {
    ...common,
    payer: CHANNEL.payer,
    model: "acme/mini",
    servedModel: "acme/mini",
    requestHash: hash,
    responseRoot: responseRoot(hash, SALT, ANSWER),
    partCount: ANSWER.length,
    inputUnits: 12n,
    outputUnits: 3n,
    price: 5_000n,
    cumulativeOwed: 10_000n,
  };
  return { requestHash: hash, parts: ANSWER, receipt, stream };
}

export async function signReceipt(
  receipt: Receipt,
  { key = SIGNER, domain = RECEIPT_DOMAIN }: { key?: PrivateKeyAccount; domain?: ReceiptDomain } = {},
): Promise<SignedReceipt> {
  return { receipt, signature: await key.signTypedData(receiptTypedData(receipt, domain)) };
}

export async function signPart(
  part: Part,
  { key = SIGNER, domain = RECEIPT_DOMAIN }: { key?: PrivateKeyAccount; domain?: ReceiptDomain } = {},
): Promise<SignedPart> {
  return { part, signature: await key.signTypedData(partTypedData(part, domain)) };
}

export const VOUCHER: Voucher = {
  payer: CHANNEL.payer,
  operatorId: CHANNEL.operatorId,
  opening: CHANNEL.opening,
  cumulativeAmount: 20_000n,
};

export async function signVoucher(
  voucher: Voucher,
  { key = VOUCHER_KEY, domain = VOUCHER_DOMAIN }: { key?: PrivateKeyAccount; domain?: typeof VOUCHER_DOMAIN } = {},
): Promise<SignedVoucher> {
  return { voucher, signature: await key.signTypedData(voucherTypedData(voucher, domain)) };
}

/** The same signature with s in the upper half, which recovers to the same key. */
export function withHighS(signature: Hex): Hex {
  const s = GROUP_ORDER - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? 28n : 27n;
  return serializeSignature({ r: signature.slice(0, 66) as Hex, s: toHex(s, { size: 32 }), v });
}
