import { openAiSpeech } from "./openAiSpeech.ts";
import { type FakeProvider, startProvider } from "./providerServer.ts";
import { PNG } from "./reply.ts";

/** A FAKE BytePlus ModelArk: Seed's chat API, and Seedream's image API, which draws one picture a request. */
export function startFakeBytedance(): Promise<FakeProvider> {
  return startProvider((fake) => {
    const speech = openAiSpeech(fake, "/api/v3", ["/chat/completions"]);
    return {
      ...speech,
      answer(request) {
        if (request.path !== "/images/generations") return speech.answer(request);
        const data = [{ b64_json: PNG, size: request.body.size ?? "2048x2048" }];
        const usage = { generated_images: 1, output_tokens: 16_384, total_tokens: 16_384 };
        return { json: { model: fake.servedModel ?? request.body.model, created: 1_750_000_000, data, usage } };
      },
      errorBody: (status, message) => ({ error: { code: `Error${status}`, message, param: "", type: "BadRequest" } }),
    };
  });
}
