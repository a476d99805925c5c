import type { Command } from "commander";
import { type Answer, toJson } from "./output.ts";
import { type CommonOptions, createSession, type Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** A command's work, given its arguments and then its options. */
export type Run<Args extends unknown[]> = (session: Session, ...args: Args) => Promise<Answer>;

/** For `.action`: does the work in a session of its own and prints the answer, as JSON when that was asked for. */
export function answering<Args extends unknown[]>(terminal: Terminal, run: Run<Args>) {
  return async (...received: unknown[]): Promise<void> => {
    const command = received.at(-1) as Command;
    const common = command.optsWithGlobals<CommonOptions>();
    const session = createSession(terminal, common);
    try {
      const { json, text, failed = false } = await run(session, ...(received.slice(0, -1) as Args));
      terminal.out(`${common.json ? toJson(json) : text}\n`);
      if (failed) terminal.exitCode = 1;
    } finally {
      session.progress.end();
    }
  };
}
