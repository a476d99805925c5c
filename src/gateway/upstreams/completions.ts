import type { LanguageModelV3GenerateResult } from "@ai-sdk/provider";
import { type CompletionRequest, completionForm } from "../requests/completions.ts";
import type { Served, UpstreamSettings } from "../upstream.ts";
import { samplingOptions } from "./callOptions.ts";
import { createDeltaWriter } from "./chatChunks.ts";
import { finishReasonJson, headOf, textOf } from "./chatCompletion.ts";
import type { JsonObject, LanguageProvider } from "./languageProvider.ts";
import { createLanguageRoute, type LanguageRouteCalls } from "./languageRoute.ts";
import type { StreamForm } from "./streamAnswer.ts";
import { usageJson } from "./usage.ts";

/** `/v1/completions` by a provider's models that continue a text. */
export function createCompletions(
  settings: UpstreamSettings,
  provider: LanguageProvider<CompletionRequest>,
): LanguageRouteCalls {
  return createLanguageRoute(
    settings,
    { ...provider, finishBody: withPlainPrompt },
    {
      form: completionForm,
      options: async (request) => ({
        prompt: [{ role: "user", content: [{ type: "text", text: request.prompt }] }],
        ...samplingOptions(request),
      }),
      completion,
      streamForm,
    },
  );
}

/** The libraries make a conversation of every prompt, and a stop of its next turn; what is to be continued is the client's text. */
function withPlainPrompt({ stop: _theirs, ...body }: JsonObject, { prompt, stop }: CompletionRequest): JsonObject {
  return { ...body, prompt, ...(stop !== undefined && stop !== null && { stop }) };
}

function completion(result: LanguageModelV3GenerateResult, served: Served) {
  const text = textOf(result.content, "text");
  return {
    ...headOf(result.response, "text_completion", "cmpl", served.model),
    choices: [{ index: 0, text, logprobs: null, finish_reason: finishReasonJson(result.finishReason) }],
    usage: usageJson(served, result.usage),
  };
}

function streamForm(): StreamForm {
  return {
    writer: createDeltaWriter(),
    head: (response, model) => headOf(response, "text_completion", "cmpl", model),
    choice: (delta, finish_reason) => ({ index: 0, text: delta?.content ?? "", logprobs: null, finish_reason }),
  };
}
