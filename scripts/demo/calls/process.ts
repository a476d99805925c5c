import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import type { CallsLine } from "./main.ts";
import type { CallsReport } from "./story.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

export type CallsProcess = {
  /** Rejects with what the process said last, if it ends without a report. */
  report: Promise<CallsReport>;
  stop(): Promise<void>;
};

/** Starts the process that plays the calls. */
export function startCalls(
  options: { rpcUrl: string; addressesFile: string; folder: string },
  onSay: (line: string) => void,
): CallsProcess {
  const { rpcUrl, addressesFile, folder } = options;
  const child = spawn(process.execPath, [MAIN, rpcUrl, addressesFile, folder], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const exited = once(child, "exit");
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + String(chunk)).slice(-2_000);
  });
  const report = (async () => {
    let found: CallsReport | undefined;
    for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const line = JSON.parse(text) as CallsLine;
      if ("say" in line) onSay(line.say);
      else found = line.report;
    }
    await exited;
    if (found !== undefined) return found;
    throw new ProtocolError(
      "demo/calls-failed",
      `the calls ended without a report: ${errors.trim() || "it said nothing"}`,
    );
  })();
  // Waited for later; should something else fail before, that is what is told of.
  report.catch(() => {});
  return {
    report,
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
