import { ApiError, badRequest } from "../protocol/apiError.ts";
import { type Quote, quoteToJson } from "../protocol/quote.ts";
import { ROUTES, type Route } from "../protocol/route.ts";
import type { Upstream } from "./upstream.ts";

/** A model that a gateway serves. */
export type ServedModel = {
  /** As clients ask for it, `provider/model`. */
  name: string;
  provider: string;
  /** The upstream's own name. */
  upstreamName: string;
  upstream: Upstream;
  quote: Quote;
  /** What the upstream may say it served, besides its own name of the model; without the provider. */
  serves: readonly string[];
  /** Most units of output a call can ask for. */
  maxOutput: number;
  /** The same request gets the same bytes from every honest operator. */
  isBitExact: boolean;
};

/** What a gateway serves, by name. */
export type ServedModels = ReadonlyMap<string, ServedModel>;

/** The model a request names, if it answers on this route. @throws ApiError 400, 404 */
export function modelOf(models: ServedModels, name: unknown, route: Route): ServedModel {
  if (typeof name !== "string") {
    throw badRequest("the request names no model: put one of GET /v1/models into `model`", "missing_model", "model");
  }
  const model = models.get(name);
  if (model === undefined) {
    throw new ApiError(`there is no model ${shown(name)} here: see GET /v1/models`, {
      ...{ status: 404, type: "not_found_error", code: "model_not_found", param: "model" },
    });
  }
  if (model.upstream.answer[route] !== undefined) return model;
  throw badRequest(
    `the model ${name} doesn't answer on ${route}, but on ${routesOf(model).join(", ")}`,
    "wrong_route",
    "model",
  );
}

/** The list as OpenAI's API has it, with what each model costs. */
export function modelsToJson(models: ServedModels, operatorId: number) {
  const data = [...models.values()].map((model) => ({
    ...{ id: model.name, object: "model", created: 0, owned_by: model.provider },
    opg: {
      operatorId,
      routes: routesOf(model),
      stream: Object.keys(model.upstream.stream).length > 0,
      bitExact: model.isBitExact,
      maxOutput: model.maxOutput,
      quote: quoteToJson(model.quote),
    },
  }));
  return { object: "list", data };
}

/** What may have been served when this model was asked for. @throws ApiError 502 for anything else */
export function checkServed(model: ServedModel, served: string): string {
  if (served === model.upstreamName || model.serves.includes(served)) return `${model.provider}/${served}`;
  throw new ApiError(`the upstream was asked for ${model.upstreamName} and says it served ${shown(served)}`, {
    ...{ status: 502, type: "upstream_error", code: "other_model_served" },
  });
}

const routesOf = ({ upstream }: ServedModel): Route[] => ROUTES.filter((route) => upstream.answer[route] !== undefined);

const shown = (name: string): string => JSON.stringify(name.slice(0, 80));
