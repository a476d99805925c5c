import type { LanguageModelV3GenerateResult } from "@ai-sdk/provider";
import { type ChatRequest, chatForm } from "../requests/chat.ts";
import type { Served, UpstreamSettings } from "../upstream.ts";
import { chatOptions } from "./callOptions.ts";
import { createDeltaWriter } from "./chatChunks.ts";
import { finishReasonJson, headOf, messageJson } from "./chatCompletion.ts";
import { promptOf } from "./chatPrompt.ts";
import type { LanguageProvider } from "./languageProvider.ts";
import { createLanguageRoute, type LanguageRouteCalls } from "./languageRoute.ts";
import { checkPictures } from "./pictures.ts";
import type { StreamForm } from "./streamAnswer.ts";
import { usageJson } from "./usage.ts";

/** `/v1/chat/completions` by a provider's language models. */
export function createChat(settings: UpstreamSettings, provider: LanguageProvider<ChatRequest>): LanguageRouteCalls {
  return createLanguageRoute(settings, provider, {
    form: chatForm,
    async options(request, model) {
      await checkPictures(request.messages, model, provider.takes);
      return { prompt: promptOf(request.messages), ...chatOptions(request) };
    },
    completion,
    streamForm,
  });
}

function completion(result: LanguageModelV3GenerateResult, served: Served) {
  return {
    ...headOf(result.response, "chat.completion", "chatcmpl", served.model),
    choices: [
      {
        index: 0,
        message: messageJson(result.content),
        logprobs: null,
        finish_reason: finishReasonJson(result.finishReason),
      },
    ],
    usage: usageJson(served, result.usage),
  };
}

function streamForm(): StreamForm {
  return {
    writer: createDeltaWriter(),
    head: (response, model) => headOf(response, "chat.completion.chunk", "chatcmpl", model),
    opening: { role: "assistant", content: "" },
    choice: (delta, finish_reason) => ({ index: 0, delta: delta ?? {}, logprobs: null, finish_reason }),
  };
}
