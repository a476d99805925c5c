import type { LanguageModelV3GenerateResult, LanguageModelV3StreamPart } from "@ai-sdk/provider";
import type { UpstreamChunk } from "../upstream.ts";
import type { DeltaWriter } from "./chatChunks.ts";
import { type FinishReasonJson, finishReasonJson, type Head } from "./chatCompletion.ts";
import { toApiError } from "./libraryErrors.ts";
import { checkWarnings } from "./takes.ts";
import { cutShort } from "./upstreamErrors.ts";
import { unitsOf, unitsOfBytes, usageJson } from "./usage.ts";

type Json = Readonly<Record<string, unknown>>;
type Finish = Extract<LanguageModelV3StreamPart, { type: "finish" }>;
type Response = NonNullable<LanguageModelV3GenerateResult["response"]>;

export type StreamForm = {
  writer: DeltaWriter;
  head(response: Response, model: string): Head;
  /** The chunks before the first delta, or `undefined`. */
  opening?: Json;
  choice(delta: Json | undefined, finishReason: FinishReasonJson | null): Json;
};

export type StreamOptions = {
  form: StreamForm;
  /** The upstream's name of the model that was asked for. */
  model: string;
  /** What the upstream says it serves, where the library doesn't tell. */
  modelOf(raw: unknown): string | undefined;
  inputUnits: bigint;
  includeUsage: boolean;
};

/**
 * A library's stream as chunks of OpenAI's API, and at the end what it came to.
 *
 * What came is charged, however it ended: where a stream breaks after its first chunk, what it came to is yielded too,
 * estimated (a quarter of the UTF-8 bytes, rounded up) unless the upstream had counted already, and then the error thrown.
 */
export async function* streamAnswer(
  parts: AsyncIterable<LanguageModelV3StreamPart>,
  { form, model: asked, modelOf, inputUnits, includeUsage }: StreamOptions,
): AsyncGenerator<UpstreamChunk> {
  const { writer } = form;
  const response: Response = {};
  let head: Head | undefined;
  let finish: Finish | undefined;
  let said: string | undefined;

  const model = () => response.modelId ?? said ?? asked;
  const served = () => ({
    model: model(),
    ...unitsOf(finish?.usage, { inputUnits, outputUnits: unitsOfBytes(writer.bytes()) }),
  });
  const chunk = (choices: Json[], usage: object | null = null): UpstreamChunk => {
    head ??= form.head(response, model());
    return { chunk: { ...head, choices, ...(includeUsage && { usage }) } };
  };
  function* open(): Generator<UpstreamChunk> {
    if (head === undefined && form.opening !== undefined) yield chunk([form.choice(form.opening, null)]);
  }

  try {
    for await (const part of parts) {
      if (part.type === "stream-start") checkWarnings(part.warnings);
      if (part.type === "error") throw part.error;
      if (part.type === "raw") said = modelOf(part.rawValue) ?? said;
      if (part.type === "response-metadata") Object.assign(response, part);
      if (part.type === "finish") finish = part;
      for (const delta of writer.write(part)) {
        yield* open();
        yield chunk([form.choice(delta, null)]);
      }
    }
    if (finish?.finishReason.raw === undefined) throw cutShort();
    yield* open();
    yield chunk([form.choice(undefined, finishReasonJson(finish.finishReason))]);
  } catch (error) {
    if (head !== undefined) yield { served: served() };
    throw toApiError(error);
  }
  if (includeUsage) yield chunk([], usageJson(served(), finish.usage));
  yield { served: served() };
}
