import type { Address, Hex } from "viem";
import { areSameAddress, type Check, type Clock, checkDomain, checkSame, checkThat, checkTime } from "./check.ts";
import { priceOf, type Quote } from "./quote.ts";
import { MAX_PARTS, type Receipt, type ReceiptDomain, receiptId, responseRoot, type SignedReceipt } from "./receipt.ts";
import { checkSignature } from "./signature.ts";

/** What a client knows of a call. `{ ...channel, channelId: channelId(channel, domain) }` gives the middle three. */
export type ReceiptExpectation = {
  domain: ReceiptDomain;
  /** The operator's at the receipt's time. */
  signer: Address;
  operatorId: number;
  payer: Address;
  /** Or the hash of the payment authorisation. */
  channelId: Hex;
  /** Known from the answer's head or its parts. */
  sequence?: bigint;
  /** As asked for. */
  model: string;
  /** True: the upstream may say that it served another model; false unless told. */
  allowOtherServedModel?: boolean;
  requestHash: Hex;
  /** The answer's parts and the client's salt, or what a stream's checked parts have led to. */
  response: { salt: Hex; parts: readonly (Hex | Uint8Array)[] } | { responseRoot: Hex; partCount: number };
  /** The call's cap, OPG base units. */
  maxPrice: bigint;
  /** What the operator asked for when the call was made. */
  quote?: Quote;
  /** What the channel owed before this call, OPG base units; less may be asked for. */
  previousOwed?: bigint;
  /** Caps of other calls that may have been counted in between, OPG base units; zero unless told. */
  inFlight?: bigint;
  clock?: Clock;
};

/** In this order. */
export type ReceiptCheckName =
  | "domain"
  | "signature"
  | "operator"
  | "channel"
  | "sequence"
  | "model"
  | "served-model"
  | "request"
  | "response"
  | "price"
  | "price-above-quote"
  | "cumulative-owed"
  | "time";

/**
 * Looks at everything a client can know about a receipt. `sequence`, `price-above-quote` and `time` are looked at only if
 * what they should be is told, the domain only if the receipt says one, as those from `parseReceipt` do. Never throws for what the receipt holds.
 *
 * @returns One check for each, in fixed order.
 */
export async function checkReceipt(
  signed: SignedReceipt & { domain?: ReceiptDomain },
  expected: ReceiptExpectation,
): Promise<Check<ReceiptCheckName>[]> {
  const { receipt, signature } = signed;
  return [
    ...checkDomain(signed.domain && contractOf(signed.domain), contractOf(expected.domain)),
    await checkThat("signature", `signed by ${expected.signer}`, async () =>
      checkSignature(receiptId(receipt, expected.domain), signature, expected.signer, "receipt"),
    ),
    checkSame("operator", receipt.operatorId, expected.operatorId),
    checkChannel(receipt, expected),
    ...(expected.sequence === undefined ? [] : [checkSame("sequence", receipt.sequence, expected.sequence)]),
    checkSame("model", receipt.model, expected.model),
    checkServedModel(receipt, expected),
    checkSame("request", receipt.requestHash, expected.requestHash),
    checkResponse(receipt, expected),
    {
      name: "price",
      ok: receipt.price <= expected.maxPrice,
      detail: `it is ${receipt.price}, at most ${expected.maxPrice} is allowed`,
    },
    ...(expected.quote ? [checkQuoted(receipt, expected.quote, expected.maxPrice)] : []),
    checkOwed(receipt, expected),
    ...(expected.clock ? [checkTime(receipt.issuedAt, expected.clock)] : []),
  ];
}

const contractOf = ({ chainId, receipts }: ReceiptDomain) => ({ chainId, contract: receipts });

function checkChannel(receipt: Receipt, { channelId, payer }: ReceiptExpectation): Check<"channel"> {
  if (areSameAddress(receipt.payer, payer)) return checkSame("channel", receipt.channelId, channelId);
  return { name: "channel", ok: false, detail: `it is of payer ${receipt.payer}, wanted is ${payer}` };
}

function checkServedModel({ servedModel }: Receipt, expected: ReceiptExpectation): Check<"served-model"> {
  const check = checkSame("served-model", servedModel, expected.model);
  return expected.allowOtherServedModel ? { ...check, ok: true } : check;
}

function checkResponse(receipt: Receipt, { requestHash, response }: ReceiptExpectation): Check<"response"> {
  const wanted =
    "parts" in response
      ? { responseRoot: responseRoot(requestHash, response.salt, response.parts), partCount: response.parts.length }
      : response;
  if (receipt.partCount > MAX_PARTS) {
    return {
      name: "response",
      ok: false,
      detail: `it is of ${receipt.partCount} parts, at most ${MAX_PARTS} are allowed`,
    };
  }
  if (receipt.partCount === wanted.partCount) {
    return checkSame("response", receipt.responseRoot, wanted.responseRoot);
  }
  const detail = `it is of ${receipt.partCount} parts, ${wanted.partCount} have come`;
  return { name: "response", ok: false, detail };
}

/** By the units the receipt names: what a model thought to itself is among them, and not in the answer. */
function checkQuoted(receipt: Receipt, quote: Quote, cap: bigint): Check<"price-above-quote"> {
  const most = priceOf(quote, receipt, cap);
  const detail = `it is ${receipt.price}, by the operator's quote its units come to ${most}`;
  return { name: "price-above-quote", ok: receipt.price <= most, detail };
}

function checkOwed(
  { cumulativeOwed, price }: Receipt,
  { previousOwed, inFlight = 0n }: ReceiptExpectation,
): Check<"cumulative-owed"> {
  const name = "cumulative-owed";
  if (previousOwed === undefined || cumulativeOwed < price) {
    return { name, ok: cumulativeOwed >= price, detail: `it is ${cumulativeOwed}, at least the price ${price}` };
  }
  // Less is what an operator asks for that has lost calls, restored from an old copy: it cheats nobody but itself.
  const most = previousOwed + price + inFlight;
  return { name, ok: cumulativeOwed <= most, detail: `it is ${cumulativeOwed}, wanted is at most ${most}` };
}
