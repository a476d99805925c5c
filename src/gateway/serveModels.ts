import { ProtocolError } from "../protocol/errors.ts";
import type { GatewayConfig } from "./config.ts";
import type { ServedModel, ServedModels } from "./models.ts";
import type { Upstream } from "./upstream.ts";
import { UPSTREAMS } from "./upstreams/registry.ts";

/** The provider whose models are the network's own. */
const ONNX = "onnx";

export type ServeModelsOptions = {
  config: Pick<GatewayConfig, "models" | "providers">;
  /** What an environment variable holds. */
  secret: (variable: string) => string | undefined;
  /** Serves `onnx/…`. */
  onnx: Upstream;
};

/**
 * The models of a configuration, each with its provider's upstream.
 * @throws ProtocolError `gateway/unknown-provider`, `gateway/no-key`
 */
export function serveModels({ config, secret, onnx }: ServeModelsOptions): ServedModels {
  const upstreams = new Map<string, Upstream>([[ONNX, onnx]]);
  const upstreamOf = (provider: string): Upstream => {
    const known = upstreams.get(provider) ?? createUpstream(provider, config.providers[provider], secret);
    upstreams.set(provider, known);
    return known;
  };
  return new Map(
    Object.entries(config.models).map(([name, model]): [string, ServedModel] => {
      const provider = name.slice(0, name.indexOf("/"));
      const upstreamName = upstreamNameOf(name, model);
      const { price: quote, serves, maxOutput } = model;
      const isBitExact = provider === ONNX;
      return [
        name,
        { name, provider, upstreamName, upstream: upstreamOf(provider), quote, serves, maxOutput, isBitExact },
      ];
    }),
  );
}

function createUpstream(
  provider: string,
  settings: GatewayConfig["providers"][string] | undefined,
  secret: ServeModelsOptions["secret"],
): Upstream {
  const create = Object.hasOwn(UPSTREAMS, provider) ? UPSTREAMS[provider] : undefined;
  if (create === undefined) {
    throw new ProtocolError(
      "gateway/unknown-provider",
      `there is no provider ${provider}: models begin with ${[...Object.keys(UPSTREAMS), ONNX].join("/, ")}/`,
    );
  }
  const { baseUrl, apiKeyEnv, timeoutMs = 120_000 } = settings ?? {};
  const apiKey = apiKeyEnv === undefined ? undefined : secret(apiKeyEnv);
  if (apiKeyEnv !== undefined && apiKey === undefined) {
    throw new ProtocolError("gateway/no-key", `the provider ${provider} needs its key: set ${apiKeyEnv}`);
  }
  return create({ timeoutMs, ...(baseUrl !== undefined && { baseUrl }), ...(apiKey !== undefined && { apiKey }) });
}

/** What a model is called by its provider: what follows the provider's name unless told. */
export function upstreamNameOf(name: string, { upstreamName }: GatewayConfig["models"][string]): string {
  return upstreamName ?? name.slice(name.indexOf("/") + 1);
}
