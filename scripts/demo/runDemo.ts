import { parseArgs } from "node:util";
import { createProgress, type Progress } from "./progress.ts";

export type DemoScript = {
  /** What its errors begin with. */
  name: string;
  help: string;
  /** @param signal aborted by Ctrl-C @returns what is printed, as a JSON object or as text; the fault that makes it a failure */
  play: (progress: Progress, signal: AbortSignal) => Promise<{ report: object; text: string; fault?: string }>;
};

type Options = { json: boolean; verbose: boolean; help: boolean };

/** Runs a demo as a script: reads its options, plays it until its end or Ctrl-C, prints, and ends the process. */
export async function runDemo(script: DemoScript): Promise<never> {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  }
  // The WebAssembly backend keeps worker threads that nothing else ends.
  process.exit(await main(script, stopping.signal));
}

async function main({ name, help, play }: DemoScript, signal: AbortSignal): Promise<number> {
  const options = readOptions(name);
  if (options === undefined) return 2;
  if (options.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  try {
    const progress = createProgress(process.stderr, options.verbose);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const { report, text, fault } = await Promise.race([play(progress, signal), aborted]);
    await new Promise((resolve) => process.stdout.write(`${options.json ? JSON.stringify(report) : text}\n`, resolve));
    if (fault !== undefined) throw new Error(fault);
    return 0;
  } catch (error) {
    const shown = error instanceof Error ? (options.verbose ? error.stack : error.message) : String(error);
    process.stderr.write(`${name}: ${shown}\n`);
    return 1;
  }
}

function readOptions(name: string): Options | undefined {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { json: flag, verbose: flag, help: { ...flag, short: "h" } } }).values;
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : error} (see --help)\n`);
    return undefined;
  }
}
