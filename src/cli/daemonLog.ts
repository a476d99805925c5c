import { ApiError } from "../protocol/apiError.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";

/** What went wrong and is tried again. */
export type Trouble = { code: string; reason: string };

const REPEAT_MS = 30_000;
/** So many reasons are remembered: several that take turns are each said once in a while. */
const REMEMBERED = 32;

/** Passes on what is new, and what was said before only once in a while. */
export function seldom(say: (trouble: Trouble) => void): (error: unknown) => void {
  /** Said last comes last. */
  const saidAt = new Map<string, number>();
  return (error) => {
    const trouble = describeTrouble(error);
    const now = performance.now();
    if (now - (saidAt.get(trouble.reason) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    saidAt.delete(trouble.reason);
    saidAt.set(trouble.reason, now);
    const [oldest] = saidAt.keys();
    if (saidAt.size > REMEMBERED && oldest !== undefined) saidAt.delete(oldest);
    say(trouble);
  };
}

/** A line of a log for programs: bigints as decimal strings. */
export function asJsonLine(line: object): string {
  return JSON.stringify({ time: new Date().toISOString(), ...line }, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

/** A line of a log for people. */
export function atTime(sentence: string): string {
  return `${new Date().toISOString().slice(11, 19)}  ${sentence}`;
}

/** Until the signal, or until whoever started this process over a channel has ended or closed it. */
export async function ended(signal: AbortSignal): Promise<void> {
  await Promise.race([aborted(signal), parentEnded()]);
}

function describeTrouble(error: unknown): Trouble {
  const reason = oneLine(error instanceof Error ? error.message : String(error));
  const hasCode = error instanceof ProtocolError || error instanceof ApiError;
  return { code: hasCode ? error.code : "unexpected", reason };
}

function parentEnded(): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.once("disconnect", resolve);
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
