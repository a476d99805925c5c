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
import { REASONING, type Takes } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";
import { usageJson } from "./usage.ts";

/** `/v1/chat/completions` by a provider's language models. */
export function createChat(settings: UpstreamSettings, provider: LanguageProvider<ChatRequest>): LanguageRouteCalls {
  const handsOnReasoning = provider.takes[REASONING] !== undefined;
  return createLanguageRoute(settings, provider, {
    form: chatForm,
    async options(request, model) {
      checkReasoning(request, provider.takes);
      await checkPictures(request.messages, model, provider.takes);
      return { prompt: promptOf(request.messages), ...chatOptions(request) };
    },
    completion: (result, served) => completion(result, served, handsOnReasoning),
    streamForm: () => streamForm(handsOnReasoning),
  });
}

/** @throws ApiError 400 `unsupported_parameter` */
function checkReasoning({ messages }: ChatRequest, takes: Takes): void {
  if (takes[REASONING] !== undefined) return;
  const at = messages.findIndex((message) => message.role === "assistant" && message.reasoning_content);
  if (at >= 0) throw notTaken(`messages[${at}].reasoning_content`);
}

function completion(result: LanguageModelV3GenerateResult, served: Served, withReasoning: boolean) {
  return {
    ...headOf(result.response, "chat.completion", "chatcmpl", served.model),
    choices: [
      {
        index: 0,
        message: messageJson(result.content, withReasoning),
        logprobs: null,
        finish_reason: finishReasonJson(result.finishReason),
      },
    ],
    usage: usageJson(served, result.usage),
  };
}

function streamForm(withReasoning: boolean): StreamForm {
  return {
    writer: createDeltaWriter(withReasoning),
    head: (response, model) => headOf(response, "chat.completion.chunk", "chatcmpl", model),
    opening: { role: "assistant", content: "" },
    choice: (delta, finish_reason) => ({ index: 0, delta: delta ?? {}, logprobs: null, finish_reason }),
  };
}
