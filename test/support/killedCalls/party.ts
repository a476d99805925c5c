import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type OpgProcess, startOpgProcess } from "../../../scripts/calls/opgProcess.ts";
import { type Ending, sayEnding, takeBackEnding } from "./ending.ts";

/** A daemon over one folder through all of its lives. */
export type Party<Started> = {
  /** What its present life said when it began; undefined while it has none. */
  started(): Started | undefined;
  /** Begins a life, after those that were told to end before they had begun. @returns how many of these there were */
  start(): Promise<number>;
  /** Says where this life, or the next, is to end itself. */
  arm(ending: Ending): void;
  disarm(): void;
  /** Waits for the end that was asked for. @returns false when it didn't come in time */
  ends(timeoutMs: number): Promise<boolean>;
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** What its lives logged of what went wrong. */
  troubles: string[];
};

export type PartyOptions<Started> = {
  script: URL;
  /** For its program, as JSON. */
  options: object;
  endingFile: string;
  /** Told of every life's beginning and end. */
  onLife?: (started: Started | undefined) => Promise<void>;
};

export function createParty<Started>({ script, options, endingFile, onLife }: PartyOptions<Started>): Party<Started> {
  const troubles: string[] = [];
  let life: OpgProcess<Started> | undefined;
  let over: Promise<void> = Promise.resolve();

  function note(line: Record<string, unknown>): void {
    if (line.event === "trouble") troubles.push(`${String(line.code)}: ${String(line.reason)}`);
  }

  async function begin(): Promise<OpgProcess<Started>> {
    const args = [JSON.stringify({ ...options, endingFile })];
    return await startOpgProcess<Started>({ script: fileURLToPath(script), args, onLine: note });
  }

  async function start(): Promise<number> {
    for (let early = 0; ; early++) {
      const isArmed = existsSync(endingFile);
      try {
        const begun = await begin();
        life = begun;
        over = begun.exited.then(async () => {
          life = undefined;
          await onLife?.(undefined);
        });
        await onLife?.(begun.started);
        return early;
      } catch (error) {
        // Its ending is taken back when it ends there; what else ends it is a fault.
        if (!isArmed || existsSync(endingFile)) throw error;
      }
    }
  }

  return {
    troubles,
    started: () => life?.started,
    start,
    arm: (ending) => sayEnding(endingFile, ending),
    disarm: () => takeBackEnding(endingFile),
    async ends(timeoutMs) {
      const waiting = new AbortController();
      const late = sleep(timeoutMs, false, { signal: waiting.signal }).catch(() => false);
      const hasEnded = await Promise.race([over.then(() => true), late]);
      waiting.abort();
      return hasEnded;
    },
    async kill() {
      await life?.kill();
      await over;
    },
    async stop() {
      await life?.stop();
      await over;
    },
  };
}
