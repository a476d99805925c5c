import type { LanguageModelV3, SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { Takes } from "./takes.ts";

export type Fetch = typeof globalThis.fetch;
export type JsonObject = Record<string, unknown>;

/** What a provider's file says of its language models; `Request` is a chat's or a completion's. */
export type LanguageProvider<Request> = {
  /** The upstream's model, asked over this fetch. */
  model(name: string, fetch: Fetch): LanguageModelV3;
  takes: Takes;
  /** Fields that the libraries' common form lacks. */
  providerOptions?(request: Request): SharedV3ProviderOptions;
  /** Puts right what the library makes of the request. */
  finishBody?(body: JsonObject, request: Request): JsonObject;
  /** What the upstream says it serves, in a raw answer or chunk; where the library doesn't tell. */
  modelOf?(raw: unknown): string | undefined;
};
