import { INPUT_TOKENS, OUTPUT_TOKENS } from "../../../scripts/calls/providers/reply.ts";

/** What an app asks, and how. */
export type Question = {
  text: string;
  isStream: boolean;
  /** The app goes away after the first piece of a stream. */
  leaves?: boolean;
};

/**
 * What the app got. `true`: exactly what the provider says to it, to the end; `cut`: the beginning of that, and then an error;
 * `refused`: an error and nothing else; `false`: anything else.
 */
export type Outcome = "true" | "cut" | "refused" | "false";

export const MODEL = "local/killed";

type Chunk = { choices?: { delta?: { content?: string } }[]; error?: unknown };
type Completion = { model: string; choices: { message: { content: string } }[]; usage: Record<string, number> };

/** What a provider says to a text, and what it counts for it. */
export type Truth = { say: (text: string) => string; totalTokens: number };

export const PROVIDERS_TRUTH: Truth = {
  say: (text) => `You said: ${text}`,
  totalTokens: INPUT_TOKENS + OUTPUT_TOKENS,
};

export async function askAndJudge(url: string, question: Question, truth = PROVIDERS_TRUTH): Promise<Outcome> {
  const { text, isStream } = question;
  const leaving = new AbortController();
  const body = { model: MODEL, messages: [{ role: "user", content: text }], max_tokens: 16, stream: isStream };
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(30_000)]),
    });
    if (!response.ok) return isError(await response.json()) ? "refused" : "false";
    if (isStream) return await judgeStream(response, truth.say(text), question.leaves === true ? leaving : undefined);
    return judgeWhole((await response.json()) as Completion, text, truth);
  } catch (error) {
    return error instanceof SyntaxError ? "false" : "refused"; // nothing came, or a body without its end
  }
}

function judgeWhole({ model, choices, usage }: Completion, text: string, { say, totalTokens }: Truth): Outcome {
  const isTrue = model === MODEL && choices.length === 1 && choices[0]?.message.content === say(text);
  return isTrue && usage.total_tokens === totalTokens ? "true" : "false";
}

async function judgeStream(response: Response, expected: string, leaving?: AbortController): Promise<Outcome> {
  let [said, text, isDone, hasError] = ["", "", false, false];
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) take(block.replace(/^data: /, ""));
      if (said !== "") leaving?.abort(new Error("the app has gone away"));
    }
  } catch {
    hasError = true;
  }
  if (isDone && !hasError) return said === expected && text === "" ? "true" : "false";
  return hasError && expected.startsWith(said) ? "cut" : "false";

  function take(data: string): void {
    if (data === "[DONE]") {
      isDone = true;
      return;
    }
    const chunk = JSON.parse(data) as Chunk;
    if (isError(chunk)) hasError = true;
    else said += chunk.choices?.[0]?.delta?.content ?? "";
  }
}

function isError(value: unknown): boolean {
  const error = (value as { error?: { message?: unknown } }).error;
  return typeof error?.message === "string";
}
