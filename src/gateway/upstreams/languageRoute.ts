import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3GenerateResult } from "@ai-sdk/provider";
import type { RequestForm } from "../requests/requestForm.ts";
import type { Served, UpstreamAnswer, UpstreamChunk, UpstreamRequest, UpstreamSettings } from "../upstream.ts";
import { askOver, callFetch } from "./callFetch.ts";
import { outputLimit } from "./callOptions.ts";
import type { LanguageProvider } from "./languageProvider.ts";
import { toApiError } from "./libraryErrors.ts";
import { onWire, openWire, type WireUse } from "./onWire.ts";
import { type StreamForm, streamAnswer } from "./streamAnswer.ts";
import { checkWarnings } from "./takes.ts";
import { bytesOf, unitsOf, unitsOfBytes } from "./usage.ts";

/** A route that language models serve: how its requests become theirs, and their answers its own. */
export type LanguageRoute<Request> = {
  form: RequestForm<Request>;
  /** @throws ApiError 400 */
  options(request: Request, model: LanguageModelV3): Promise<LanguageModelV3CallOptions>;
  /** An answer in one piece. */
  completion(result: LanguageModelV3GenerateResult, served: Served): Readonly<Record<string, unknown>>;
  streamForm(): StreamForm;
};

export type LanguageRouteCalls = {
  answer(request: UpstreamRequest): Promise<UpstreamAnswer>;
  stream(request: UpstreamRequest): AsyncIterable<UpstreamChunk>;
};

type WithOptions = { stream_options?: { include_usage?: boolean | null | undefined } | null | undefined };

/** Serves a route by a provider's language models. */
export function createLanguageRoute<Request extends WithOptions>(
  settings: UpstreamSettings,
  provider: LanguageProvider<Request>,
  route: LanguageRoute<Request>,
): LanguageRouteCalls {
  const models = new Map<string, LanguageModelV3>();

  /** Made once for each name, of which the configuration has a few. */
  function libraryModel(name: string): LanguageModelV3 {
    const model = models.get(name) ?? provider.model(name, callFetch);
    models.set(name, model);
    return model;
  }

  /** The body was checked against the form before it came here. */
  const bodyOf = (request: UpstreamRequest) => request.body as Request;
  const inputUnits = (request: UpstreamRequest) => unitsOfBytes(Number(route.form.inputUnitsAtMost(bodyOf(request))));

  const wireUse = (request: UpstreamRequest): WireUse => ({
    settings,
    request,
    takes: provider.takes,
    finishBody: (body) => provider.finishBody?.(body, bodyOf(request)) ?? body,
  });

  async function callOptions(request: UpstreamRequest, model: LanguageModelV3): Promise<LanguageModelV3CallOptions> {
    const options = await route.options(bodyOf(request), model);
    return {
      ...(provider.adjust?.(options) ?? options),
      ...outputLimit(route.form.maxOutputOf(bodyOf(request)), request.maxOutputUnits),
      providerOptions: provider.providerOptions?.(bodyOf(request)) ?? {},
      includeRawChunks: provider.modelOf !== undefined,
    };
  }

  function answer(request: UpstreamRequest): Promise<UpstreamAnswer> {
    return onWire(wireUse(request), async (wire) => {
      const model = libraryModel(request.model);
      const options = await callOptions(request, model);
      const result = await askOver(wire.fetch, () => model.doGenerate(options));
      checkWarnings(result.warnings);
      const estimate = { inputUnits: inputUnits(request), outputUnits: unitsOfBytes(bytesOf(result.content)) };
      const said = result.response?.modelId ?? provider.modelOf?.(result.response?.body) ?? request.model;
      const served = { model: said, ...unitsOf(result.usage, estimate) };
      return { body: route.completion(result, served), served };
    });
  }

  async function* stream(request: UpstreamRequest): AsyncGenerator<UpstreamChunk> {
    const wire = openWire(wireUse(request), { isStream: true });
    try {
      const model = libraryModel(request.model);
      const options = await callOptions(request, model);
      const result = await askOver(wire.fetch, () => model.doStream(options));
      yield* streamAnswer(result.stream, {
        form: route.streamForm(),
        model: request.model,
        modelOf: provider.modelOf ?? (() => undefined),
        inputUnits: inputUnits(request),
        includeUsage: bodyOf(request).stream_options?.include_usage === true,
      });
    } catch (error) {
      throw toApiError(error);
    } finally {
      wire.close();
    }
  }

  return { answer, stream };
}
