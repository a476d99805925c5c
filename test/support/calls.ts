import { type Hex, keccak256, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createIssuer, type IssuedCall, type Issuer } from "../../src/gateway/issuer.ts";
import { type Channel, channelId } from "../../src/protocol/channel.ts";
import type { SignedPart, SignedReceipt } from "../../src/protocol/receipt.ts";
import { type SignedVoucher, voucherTypedData } from "../../src/protocol/voucher.ts";
import type { CallTable } from "../../src/store/calls.ts";

// A channel between keys made for tests, and an issuer of its operator's receipts; no chain.

const keyOf = (name: string) => privateKeyToAccount(keccak256(stringToHex(`test key: ${name}`)));

export const SIGNER = keyOf("operator's signer");
export const VOUCHER_KEY = keyOf("voucher key");
export const VOUCHER_DOMAIN = { chainId: 31337, vouchers: "0x00000000000000000000000000000000000000c1" } as const;
export const RECEIPT_DOMAIN = { chainId: 31337, receipts: "0x00000000000000000000000000000000000000c2" } as const;
export const CHANNEL: Channel = {
  payer: keyOf("payer").address,
  operatorId: 1,
  voucherKey: VOUCHER_KEY.address,
  opening: 1,
};
export const CHANNEL_ID = channelId(CHANNEL, VOUCHER_DOMAIN);
/** Of every call, OPG base units. */
export const CAP = 1_000n;
export const DEPOSITED = 10n ** 18n;

export async function signVoucher(cumulativeAmount: bigint, channel: Channel = CHANNEL): Promise<SignedVoucher> {
  const { payer, operatorId, opening } = channel;
  const voucher = { payer, operatorId, opening, cumulativeAmount };
  return { voucher, signature: await VOUCHER_KEY.signTypedData(voucherTypedData(voucher, VOUCHER_DOMAIN)) };
}

export function issuerOf(calls: CallTable, incarnation: number, now = () => 1_900_000_000): Promise<Issuer> {
  return createIssuer({
    ...{ calls, incarnation, now, operatorId: CHANNEL.operatorId, domain: RECEIPT_DOMAIN },
    sign: (digest) => SIGNER.sign({ hash: digest }),
  });
}

/** Begins a call whose question is `name`. */
export function beginCall(
  issuer: Issuer,
  name: string,
  voucher?: SignedVoucher,
  cap = CAP,
  id: Hex = CHANNEL_ID,
): Promise<IssuedCall> {
  const requestHash = keccak256(stringToHex(`request ${name} ${id}`));
  const salt = keccak256(stringToHex(`salt ${name}`));
  return issuer.begin({
    ...{ channelId: id, voucherKey: CHANNEL.voucherKey, payer: CHANNEL.payer },
    ...{ model: "onnx/digits", requestHash, salt },
    ...{ voucher, cap, deposited: DEPOSITED, claimed: 0n },
  });
}

export const OUTCOME = { servedModel: "onnx/digits", inputUnits: 1n, outputUnits: 2n, price: 700n };

/** What an operator has let out of its hands. */
export type Statement = SignedReceipt | SignedPart;

/** Says of which sequences there are two statements that can't both be true, without looking into any chain of hashes. */
export function contradicted(statements: readonly Statement[]): bigint[] {
  const found = new Set<bigint>();
  const seen = new Map<string, string>();
  const note = (sequence: bigint, place: string, content: string) => {
    const known = seen.get(`${sequence} ${place}`);
    if (known !== undefined && known !== content) found.add(sequence);
    seen.set(`${sequence} ${place}`, content);
  };
  for (const statement of statements) {
    if ("part" in statement) {
      const { sequence, index, runningHash } = statement.part;
      note(sequence, `part ${index}`, runningHash);
    } else {
      const { sequence, partCount, responseRoot } = statement.receipt;
      note(sequence, "receipt", statement.signature);
      note(sequence, `part ${partCount - 1}`, responseRoot);
    }
  }
  for (const statement of statements) {
    if (!("receipt" in statement)) continue;
    const { sequence, partCount } = statement.receipt;
    if (
      statements.some((other) => "part" in other && other.part.sequence === sequence && other.part.index >= partCount)
    ) {
      found.add(sequence);
    }
  }
  return [...found];
}

export const bytesOf = (text: string): Hex => stringToHex(text);
