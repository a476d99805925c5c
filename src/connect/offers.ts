import { z } from "zod";
import { MODEL_NAME } from "../protocol/modelName.ts";
import { parseQuote } from "../protocol/quote.ts";
import { ROUTES, type Route } from "../protocol/route.ts";
import type { PricedOffer } from "./caps.ts";

/** One of an operator's models. */
export type Offer = PricedOffer & {
  /** `provider/model`. */
  model: string;
  routes: readonly Route[];
  /** Whether its answers can be streamed. */
  stream: boolean;
  /** Whether honest operators' answers are the same to the byte. */
  bitExact: boolean;
};

const MODEL = z.object({
  id: z.string().max(200).regex(MODEL_NAME),
  opg: z.object({
    routes: z.array(z.string()),
    stream: z.boolean(),
    bitExact: z.boolean(),
    quote: z.unknown(),
    maxOutput: z.number().int().positive().max(1_000_000_000),
  }),
});
const LIST = z.object({ data: z.array(z.unknown()).max(10_000) });

/**
 * The offers in what a gateway says at `/v1/models`, by model. One that can't be read is passed over.
 * @throws when it isn't a list of models at all
 */
export function parseOffers(source: unknown): Map<string, Offer> {
  const offers = LIST.parse(source).data.flatMap((item): Offer[] => {
    const offer = parseOffer(item);
    return offer === undefined ? [] : [offer];
  });
  return new Map(offers.map((offer) => [offer.model, offer]));
}

function parseOffer(item: unknown): Offer | undefined {
  const { success, data } = MODEL.safeParse(item);
  if (!success) return undefined;
  const { routes, stream, bitExact, quote, maxOutput } = data.opg;
  try {
    const known = ROUTES.filter((route) => routes.includes(route));
    return { model: data.id, routes: known, stream, bitExact, quote: parseQuote(quote), maxOutput };
  } catch {
    return undefined;
  }
}
