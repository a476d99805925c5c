import { openAiSpeech } from "./openAiSpeech.ts";
import { type FakeProvider, startProvider } from "./providerServer.ts";

/** A FAKE OpenAI: chat, completions, embeddings and images as https://platform.openai.com/docs/api-reference has them. */
export function startFakeOpenAi(): Promise<FakeProvider> {
  return startProvider((fake) =>
    openAiSpeech(fake, "/v1", ["/chat/completions", "/completions", "/embeddings", "/images/generations"]),
  );
}
