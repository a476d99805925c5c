import { z } from "zod";
import type { LoadedModel } from "../../src/inference/backend.ts";
import type { Question } from "./questions.ts";

/** What an app has got. */
export type Counts = { calls: number; answered: number; retried: number };

/** The network's models, run by the app itself: what their answers are compared with. */
export type OwnRuns = Record<"digits" | "iris", Pick<LoadedModel, "run">>;

const AT_A_TIME = 6;
/** An app asks again when a stream broke off: once for each operator that may be faulty, and once more. */
const MOST_TRIES = 4;

const CHAT = z.object({
  choices: z.tuple([z.object({ message: z.object({ content: z.string() }), finish_reason: z.literal("stop") })]),
});
const CHUNK = z.object({ choices: z.array(z.object({ delta: z.object({ content: z.string().optional() }) })) });
const OWN = z.object({ output: z.string() });

/**
 * Asks all of it through a local end, over HTTP, as any client of OpenAI's API would.
 * @throws for an answer that isn't true, and where there is none
 */
export async function askAll(
  baseUrl: string,
  questions: readonly Question[],
  runs: OwnRuns,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const left = [...questions];
  async function work(): Promise<void> {
    for (let question = left.shift(); question !== undefined; question = left.shift()) {
      counts.calls += 1;
      await askUntilAnswered(baseUrl, question, runs, counts, signal);
      counts.answered += 1;
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

async function askUntilAnswered(
  baseUrl: string,
  question: Question,
  runs: OwnRuns,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const response = await ask(baseUrl, question, signal);
    counts.retried += Number(response.headers.get("x-opg-attempts")) - (question.quorum ?? 1);
    const isWhole = await readTrue(response, question, runs);
    if (isWhole) return;
    if (tries === MOST_TRIES) throw new Error(`${MOST_TRIES} streams in a row broke off`);
    counts.retried += 1;
  }
}

async function ask(baseUrl: string, { route, body, quorum }: Question, signal: AbortSignal): Promise<Response> {
  const response = await fetch(`${baseUrl}${route.slice("/v1".length)}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(quorum !== undefined && { "x-opg-quorum": String(quorum) }) },
    body: JSON.stringify(body),
    signal,
  });
  if (response.status !== 200) throw new Error(`a call wasn't answered: ${response.status} ${await response.text()}`);
  return response;
}

/** @returns whether it came to its end. @throws when it isn't true, or wasn't checked */
async function readTrue(response: Response, question: Question, runs: OwnRuns): Promise<boolean> {
  const verified = response.headers.get("x-opg-verified");
  if (question.kind === "own") {
    const { output } = OWN.parse(await response.json());
    const truth = await runs[question.model].run(question.input);
    requireTrue(verified, `quorum=${question.quorum}`);
    requireTrue(output, Buffer.from(truth).toString("base64"));
    return true;
  }
  if (!question.isStream) {
    requireTrue(verified, "receipt");
    requireTrue(CHAT.parse(await response.json()).choices[0].message.content, question.truth);
    return true;
  }
  requireTrue(verified, "parts");
  const { text, isWhole } = readStream(await response.text());
  // What came of a stream that broke off must be true as well.
  requireTrue(text, isWhole ? question.truth : question.truth.slice(0, text.length));
  return isWhole;
}

function readStream(body: string): { text: string; isWhole: boolean } {
  const events = body.split("\n\n").filter((block) => block !== "");
  const isWhole = events.at(-1) === "data: [DONE]";
  const last: unknown = isWhole ? undefined : JSON.parse((events.at(-1) ?? "").replace(/^data: /, ""));
  if (!isWhole && !(typeof last === "object" && last !== null && "error" in last)) {
    throw new Error("a stream broke off and didn't say so");
  }
  const chunks = events.slice(0, -1).filter((event) => !event.startsWith('data: {"error"'));
  return {
    text: chunks.map((event) => contentOf(JSON.parse(event.replace(/^data: /, "")))).join(""),
    isWhole,
  };
}

function contentOf(chunk: unknown): string {
  return CHUNK.parse(chunk)
    .choices.map(({ delta }) => delta.content ?? "")
    .join("");
}

function requireTrue(got: string | null, wanted: string): void {
  if (got !== wanted) throw new Error(`the app saw what isn't true: got ${JSON.stringify(got)}, wanted was ${wanted}`);
}
