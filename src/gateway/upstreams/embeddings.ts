import type { EmbeddingModelV3, SharedV3ProviderOptions } from "@ai-sdk/provider";
import { type EmbeddingRequest, embeddingForm, textsOf } from "../requests/embeddings.ts";
import type { UpstreamAnswer, UpstreamRequest, UpstreamSettings } from "../upstream.ts";
import type { Fetch } from "./languageProvider.ts";
import { onWire } from "./onWire.ts";
import type { Takes } from "./takes.ts";
import { garbage } from "./upstreamErrors.ts";
import { countOf, unitsOfBytes } from "./usage.ts";

export type EmbeddingProvider = {
  model(name: string, fetch: Fetch): EmbeddingModelV3;
  takes: Takes;
  providerOptions(request: EmbeddingRequest): SharedV3ProviderOptions;
};

/**
 * `/v1/embeddings`. Where the upstream counts no tokens they are estimated, a quarter of the UTF-8 bytes; where it doesn't
 * say what it serves, it is taken to serve what was asked for.
 */
export function createEmbeddings(
  settings: UpstreamSettings,
  provider: EmbeddingProvider,
): (request: UpstreamRequest) => Promise<UpstreamAnswer> {
  return (request) => {
    const body = request.body as EmbeddingRequest; // it was checked against the form
    const values = textsOf(body);
    return onWire({ settings, request, takes: provider.takes }, async (wire) => {
      const { embeddings, usage, response } = await provider
        .model(request.model, wire.fetch)
        .doEmbed({ values, providerOptions: provider.providerOptions(body) });
      if (embeddings.length !== values.length || !isInOrder(response?.body)) throw garbage();
      const inputUnits = countOf(usage?.tokens) ?? unitsOfBytes(Number(embeddingForm.inputUnitsAtMost(body)));
      const served = { model: modelOf(response?.body) ?? request.model, inputUnits, outputUnits: 0n };
      return { body: listOf(embeddings, body, served.model, Number(inputUnits)), served };
    });
  };
}

function listOf(embeddings: number[][], { encoding_format }: EmbeddingRequest, model: string, tokens: number) {
  const encode = encoding_format === "base64" ? toBase64 : (values: number[]) => values;
  return {
    object: "list",
    data: embeddings.map((values, index) => ({ object: "embedding", index, embedding: encode(values) })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** 32-bit floats, little-endian. */
function toBase64(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, i * 4);
  return bytes.toString("base64");
}

function modelOf(raw: unknown): string | undefined {
  const model = (raw as { model?: unknown } | undefined)?.model;
  return typeof model === "string" && model !== "" ? model : undefined;
}

/** Each embedding says which text it is of, or none does. The libraries go by the order. */
function isInOrder(raw: unknown): boolean {
  const data = (raw as { data?: unknown } | undefined)?.data;
  return !Array.isArray(data) || data.every((item, i) => item?.index === undefined || item.index === i);
}
