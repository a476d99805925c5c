import { Readable } from "node:stream";
import type { Environment, Terminal } from "../../src/cli/terminal.ts";

export type TestTerminal = Terminal & { stdout: string; stderr: string };

/** A terminal that keeps what it is told. */
export function createTestTerminal(env: Environment = {}): TestTerminal {
  const terminal: TestTerminal = {
    env,
    stdin: new Readable({ read() {} }),
    stdout: "",
    stderr: "",
    exitCode: 0,
    ifStopped: "",
    out: (text) => {
      terminal.stdout += text;
    },
    err: (text) => {
      terminal.stderr += text;
    },
  };
  return terminal;
}
