import { openAiSpeech } from "./openAiSpeech.ts";
import { type FakeProvider, startProvider } from "./providerServer.ts";

/** A FAKE OpenAI-compatible server such as llama.cpp's: the part of OpenAI's API that such servers share. */
export function startFakeLlamaServer(): Promise<FakeProvider> {
  return startProvider((fake) =>
    openAiSpeech(fake, "/v1", ["/chat/completions", "/completions", "/embeddings", "/images/generations"]),
  );
}
