import { type QuoteJson, quoteToJson } from "../protocol/quote.ts";
import type { Route } from "../protocol/route.ts";
import type { Operators } from "./operators.ts";

/** A model as this end lists it, with what its operators ask for it. */
export type ListedModel = {
  id: string;
  object: "model";
  created: 0;
  owned_by: string;
  opg: {
    operators: {
      operatorId: number;
      routes: readonly Route[];
      stream: boolean;
      bitExact: boolean;
      quote: QuoteJson;
      maxOutput: number;
    }[];
  };
};

/** The models that operators offer now, each with all who do. */
export function listModels(operators: Pick<Operators, "list">): ListedModel[] {
  const models = new Map<string, ListedModel>();
  for (const { operatorId, offers } of operators.list()) {
    for (const { model, routes, stream, bitExact, quote, maxOutput } of offers.values()) {
      const owner = model.split("/")[0] ?? model;
      const listed = models.get(model) ?? {
        id: model,
        object: "model",
        created: 0,
        owned_by: owner,
        opg: { operators: [] },
      };
      listed.opg.operators.push({ operatorId, routes, stream, bitExact, quote: quoteToJson(quote), maxOutput });
      models.set(model, listed);
    }
  }
  return [...models.values()];
}
