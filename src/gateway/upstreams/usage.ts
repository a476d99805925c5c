import type { LanguageModelV3Content, LanguageModelV3Usage } from "@ai-sdk/provider";
import type { Served } from "../upstream.ts";

/** What a text is taken for, in tokens, where nobody counted: a quarter of its UTF-8 bytes, rounded up. */
export function unitsOfBytes(bytes: number): bigint {
  return BigInt(Math.ceil(bytes / 4));
}

/** As OpenAI's API says it. */
export type UsageJson = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
  completion_tokens_details?: { reasoning_tokens: number };
};

export type Estimate = { inputUnits: bigint; outputUnits: bigint };

/** The upstream's count; what it doesn't say is estimated. */
export function unitsOf(usage: LanguageModelV3Usage | undefined, estimate: Estimate): Omit<Served, "model"> {
  return {
    inputUnits: countOf(usage?.inputTokens.total) ?? estimate.inputUnits,
    outputUnits: countOf(usage?.outputTokens.total) ?? estimate.outputUnits,
  };
}

export function usageJson(units: Omit<Served, "model">, usage?: LanguageModelV3Usage): UsageJson {
  const cached = usage?.inputTokens.cacheRead;
  const reasoning = usage?.outputTokens.reasoning;
  return {
    prompt_tokens: Number(units.inputUnits),
    completion_tokens: Number(units.outputUnits),
    total_tokens: Number(units.inputUnits + units.outputUnits),
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

/** What an upstream counted, if it is a count. */
export function countOf(tokens: number | undefined): bigint | undefined {
  return tokens !== undefined && Number.isSafeInteger(tokens) && tokens >= 0 ? BigInt(tokens) : undefined;
}

/** UTF-8 bytes of what came: text, reasoning, names and arguments of tools. */
export function bytesOf(content: readonly LanguageModelV3Content[]): number {
  return content.reduce((sum, part) => {
    if (part.type === "text" || part.type === "reasoning") return sum + Buffer.byteLength(part.text);
    return part.type === "tool-call" ? sum + Buffer.byteLength(part.toolName + part.input) : sum;
  }, 0);
}
