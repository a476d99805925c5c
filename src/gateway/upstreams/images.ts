import type { ImageModelV3, SharedV3ProviderOptions } from "@ai-sdk/provider";
import { type ImageRequest, imageForm } from "../requests/images.ts";
import type { UpstreamAnswer, UpstreamRequest, UpstreamSettings } from "../upstream.ts";
import type { Fetch } from "./languageProvider.ts";
import { onWire } from "./onWire.ts";
import { checkWarnings, type Takes } from "./takes.ts";
import { capTooLow, garbage, notTaken } from "./upstreamErrors.ts";
import { countOf, unitsOfBytes } from "./usage.ts";

export type ImageProvider = {
  model(name: string, fetch: Fetch): ImageModelV3;
  takes: Takes;
  /** So many pictures a request. */
  maxPictures: number;
  providerOptions(request: ImageRequest): SharedV3ProviderOptions;
};

/**
 * `/v1/images/generations`. Units of output are the pictures that came; of input the prompt's tokens, estimated as a
 * quarter of its UTF-8 bytes where the upstream doesn't count them. Providers don't say which model drew: it is taken to
 * be the one asked for.
 */
export function createImages(
  settings: UpstreamSettings,
  provider: ImageProvider,
): (request: UpstreamRequest) => Promise<UpstreamAnswer> {
  return (request) => {
    const body = request.body as ImageRequest; // it was checked against the form
    return onWire({ settings, request, takes: provider.takes }, async (wire) => {
      checkCount(body, request, provider.maxPictures);
      const { images, usage, warnings } = await provider
        .model(request.model, wire.fetch)
        .doGenerate(callOptions(body, provider));
      checkWarnings(warnings);
      if (images.length === 0 || images.length > (body.n ?? 1)) throw garbage();
      const inputUnits = countOf(usage?.inputTokens) ?? unitsOfBytes(Number(imageForm.inputUnitsAtMost(body)));
      const served = { model: request.model, inputUnits, outputUnits: BigInt(images.length) };
      return { body: { created: Math.floor(Date.now() / 1000), data: images.map(pictureJson) }, served };
    });
  };
}

function callOptions(body: ImageRequest, provider: ImageProvider) {
  return {
    prompt: body.prompt,
    n: body.n ?? 1,
    size: (body.size ?? undefined) as `${number}x${number}` | undefined, // OpenAI takes "auto" too
    providerOptions: provider.providerOptions(body),
    aspectRatio: undefined,
    seed: undefined,
    files: undefined,
    mask: undefined,
  };
}

function checkCount({ n }: ImageRequest, { maxOutputUnits }: UpstreamRequest, maxPictures: number): void {
  const wanted = n ?? 1;
  if (wanted > maxPictures) throw notTaken("n", `n: this model draws at most ${maxPictures} pictures a request`);
  if (maxOutputUnits !== undefined && wanted > maxOutputUnits) throw capTooLow(wanted, maxOutputUnits);
}

function pictureJson(picture: string | Uint8Array): { b64_json: string } {
  return { b64_json: typeof picture === "string" ? picture : Buffer.from(picture).toString("base64") };
}
