import { concat, type Hex, keccak256, numberToHex, stringToHex } from "viem";
import { areAllOk } from "../../../src/protocol/check.ts";
import { checkReceipt } from "../../../src/protocol/checkReceipt.ts";
import type { SignedReceipt } from "../../../src/protocol/receipt.ts";
import { requestHash } from "../../../src/protocol/requestHash.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { type SignedVoucher, voucherTypedData } from "../../../src/protocol/voucher.ts";
import type { CallsOperator, CallsPayer } from "./parties.ts";

/** What a channel has come to. */
export type ServedCalls = { receipts: SignedReceipt[] /** OPG base units. */; owed: bigint; voucher: SignedVoucher };

export const PRICE = parseOpg("0.01");
/** The most a call may cost. */
const CAP = parseOpg("0.02");
const ROUTE = "/v1/chat/completions";
const MODEL = "local/demo";
/** Calls that one voucher is signed for. */
const CALLS_PER_VOUCHER = 50;

/**
 * Asks so often, each call with a voucher for what is owed and the call's cap; the operator issues a receipt for each answer, and
 * the client takes no answer whose receipt doesn't say exactly what it knows.
 *
 * @param from The number of the first question.
 * @param owedBefore By the channel, OPG base units.
 */
export async function askOften(
  payer: CallsPayer,
  operator: CallsOperator,
  from: number,
  count: number,
  owedBefore: bigint,
): Promise<ServedCalls> {
  const receipts: SignedReceipt[] = [];
  let owed = owedBefore;
  let voucher = await signVoucher(payer, owed);
  for (let index = 0; index < count; index++) {
    if (index % CALLS_PER_VOUCHER === 0) {
      voucher = await signVoucher(payer, owed + BigInt(CALLS_PER_VOUCHER - 1) * PRICE + CAP);
    }
    const receipt = await askOnce(payer, operator, from + index, voucher, owed);
    owed = receipt.receipt.cumulativeOwed;
    receipts.push(receipt);
  }
  // The last voucher is for exactly what is owed: a cap that wasn't used up isn't paid.
  return { receipts, owed, voucher: await signVoucher(payer, owed) };
}

async function askOnce(
  { channel, chain }: CallsPayer,
  { issuer, signer, operatorId }: CallsOperator,
  index: number,
  voucher: SignedVoucher,
  previousOwed: bigint,
): Promise<SignedReceipt> {
  const salt = keccak256(concat([channel.channelId as Hex, numberToHex(index)]));
  const body = { model: MODEL, messages: [{ role: "user", content: `question ${index}` }] };
  const answer = stringToHex(`answer ${index}`);
  const asked = { model: MODEL, requestHash: requestHash(salt, ROUTE, body) };
  const call = await issuer.begin({
    ...asked,
    ...{ channelId: channel.channelId as Hex, payer: channel.payer, voucherKey: channel.voucherKey },
    ...{ salt, voucher, cap: CAP },
    ...{ deposited: channel.deposited, claimed: 0n },
  });
  await call.whole(answer);
  const receipt = await call.end({ servedModel: MODEL, inputUnits: 2n, outputUnits: 2n, price: PRICE });
  const checks = await checkReceipt(receipt, {
    ...asked,
    ...{ operatorId, payer: channel.payer, channelId: channel.channelId as Hex, signer: signer.account.address },
    domain: { chainId: chain.chainId, receipts: chain.addresses.receipts },
    response: { salt, parts: [answer] },
    ...{ maxPrice: CAP, previousOwed },
  });
  if (!areAllOk(checks)) throw new Error(`call ${index} has a receipt that isn't true: ${JSON.stringify(checks)}`);
  return receipt;
}

async function signVoucher(
  { channel, voucherKey, chain }: CallsPayer,
  cumulativeAmount: bigint,
): Promise<SignedVoucher> {
  const { payer, operatorId, opening } = channel;
  const voucher = { payer, operatorId, opening, cumulativeAmount };
  const domain = { chainId: chain.chainId, vouchers: chain.addresses.vouchers };
  return { voucher, signature: await voucherKey.signTypedData(voucherTypedData(voucher, domain)) };
}
