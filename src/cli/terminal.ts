import type { Readable } from "node:stream";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command has around it; tests bring their own. */
export type Terminal = {
  env: Environment;
  stdin: Readable;
  /** Answers, and nothing else. */
  out(text: string): void;
  /** Progress, warnings and failures. */
  err(text: string): void;
  /** 0 done, 1 failed, 2 called wrongly. */
  exitCode: number;
  /** When somebody presses Ctrl-C now: what goes on without us and how to look at it, or how to end in order. */
  ifStopped: string | (() => void);
};

export function processTerminal(): Terminal {
  return {
    env: process.env,
    stdin: process.stdin,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    exitCode: 0,
    ifStopped: "nothing was sent",
  };
}
