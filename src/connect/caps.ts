import { priceOf, type Quote } from "../protocol/quote.ts";
import type { Route } from "../protocol/route.ts";

/** What of an offer bounds a call's price. */
export type PricedOffer = { quote: Quote /** Units of output a call can have at most. */; maxOutput: number };

/** What is counted for a picture that is named by its address, whose size nobody knows yet. */
const PICTURE_UNITS = 4_096;
const UNBOUNDED = 2n ** 96n - 1n;

/** A request as far as its price goes. */
export type PricedRequest = {
  route: Route;
  body: Readonly<Record<string, unknown>>;
  /** Of the body's JSON. No unit of input is shorter than a byte. */
  byteLength: number;
};

/** The most a request can cost by an operator's quote, OPG base units. */
export function worstCase({ quote, maxOutput }: PricedOffer, request: PricedRequest): bigint {
  const inputUnits = BigInt(request.byteLength + PICTURE_UNITS * picturesIn(request.body.messages));
  const outputUnits = BigInt(outputAtMost(request, maxOutput));
  return priceOf(quote, { inputUnits, outputUnits }, UNBOUNDED);
}

/** The cap of a call: what it can cost at most, and no more than is allowed. */
export function capOf(offer: PricedOffer, request: PricedRequest, maxPrice: bigint | undefined): bigint {
  const worst = worstCase(offer, request);
  return maxPrice !== undefined && maxPrice < worst ? maxPrice : worst;
}

function outputAtMost({ route, body }: PricedRequest, maxOutput: number): number {
  if (route === "/v1/images/generations") return positive(body.n) ?? 1;
  if (route === "/v1/embeddings") return 1; // a gateway keeps room for one unit
  const asked = positive(body.max_completion_tokens) ?? positive(body.max_tokens);
  return asked === undefined ? maxOutput : Math.min(asked, maxOutput);
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function picturesIn(messages: unknown): number {
  if (!Array.isArray(messages)) return 0;
  return messages
    .flatMap((message: { content?: unknown } | null) => (Array.isArray(message?.content) ? message.content : []))
    .filter((part: { type?: unknown } | null) => part?.type === "image_url").length;
}
