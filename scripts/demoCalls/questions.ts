import type { Route } from "../../src/protocol/route.ts";
import { replyTo } from "../calls/providers/reply.ts";
import { digitsHeldOut, irisHeldOut, type Sample, spread } from "../training/datasets.ts";

/** The apps, each with a local end of its own, and what they ask. */
export const APPS = 4;
const PICTURES = 7;
const ROWS = 7;
const CHATS_PER_MODEL = 12;

export const CHAT_MODELS = ["openai/gpt-5", "anthropic/claude-opus-4", "google/gemini-3-pro"] as const;
export const OWN_MODELS = ["digits", "iris"] as const;
export const QUORUM = 3;

/** One call of an app. */
export type Question = {
  route: Route;
  body: Record<string, unknown>;
  /** So many operators are asked at once and compared. */
  quorum?: number;
} & ({ kind: "chat"; isStream: boolean; truth: string } | { kind: "own"; model: "digits" | "iris"; input: Uint8Array });

/** First what a quorum answers, as long as nobody was caught: an operator that was isn't asked any more. */
export function questionsOf(app: number): { own: Question[]; chats: Question[] } {
  const own = [
    ...share(spread(digitsHeldOut(), APPS * PICTURES), app).map((sample) => ownQuestion("digits", sample)),
    ...share(spread(irisHeldOut(), APPS * ROWS), app).map((sample) => ownQuestion("iris", sample)),
  ];
  const chats = Array.from({ length: CHATS_PER_MODEL }, (_, n) =>
    // Half of the apps begin with streams.
    CHAT_MODELS.map((model) =>
      chatQuestion(model, `app ${app + 1} asks ${model} for the ${n + 1}. time`, isOdd(n + app)),
    ),
  ).flat();
  return { own, chats };
}

function ownQuestion(model: "digits" | "iris", { inputBytes }: Sample): Question {
  const body = { model: `onnx/${model}`, input: Buffer.from(inputBytes).toString("base64") };
  return { kind: "own", route: "/v1/inference", body, quorum: QUORUM, model, input: inputBytes };
}

function chatQuestion(model: string, text: string, isStream: boolean): Question {
  const messages = [{ role: "user", content: text }];
  const said = replyTo({ text, pictures: 0, tool: undefined, toolResult: undefined, wantsJson: false });
  const body = { model, messages, ...(isStream && { stream: true }) };
  return { kind: "chat", route: "/v1/chat/completions", body, isStream, truth: said.pieces.join("") };
}

function share<T>(items: readonly T[], app: number): T[] {
  return items.filter((_, n) => n % APPS === app);
}

const isOdd = (n: number) => n % 2 === 1;
