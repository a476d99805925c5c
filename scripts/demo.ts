/** The main job, played for real: `npm run demo [-- --json] [--verbose]`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { OUT, playDemo } from "./demo/demo.ts";
import { createProgress } from "./demo/progress.ts";
import { describeReport } from "./demo/report.ts";

const HELP = `npm run demo [-- options]

Starts a local chain, deploys the network, publishes two models, runs three staked operators (one of which lies in
every fifth job), asks them about pictures of digits and iris flowers, and checks every result from outside.
Results and txReceipts are written under out/demo/.

  --json     one JSON object on standard output, progress on standard error
  --verbose  every step of every operator; stack traces of errors
  --help     this text`;

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
}

process.exitCode = await main();
// The WebAssembly backend keeps worker threads that nothing else ends.
process.exit();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  try {
    const progress = createProgress(process.stderr, options.verbose);
    const aborted = new Promise<never>((_, reject) => {
      stopping.signal.addEventListener("abort", () => reject(stopping.signal.reason), { once: true });
    });
    const { report, requests, txReceipts } = await Promise.race([playDemo(progress, stopping.signal), aborted]);
    await mkdir(OUT, { recursive: true });
    await writeFile(join(OUT, "results.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(OUT, "txReceipts.json"), `${JSON.stringify(txReceipts, bigintAsString, 2)}\n`);
    const text = options.json ? JSON.stringify(report) : describeReport(report, requests);
    await new Promise((resolve) => process.stdout.write(`${text}\n`, resolve));
    return 0;
  } catch (error) {
    const shown = error instanceof Error ? (options.verbose ? error.stack : error.message) : String(error);
    process.stderr.write(`demo: ${shown}\n`);
    return 1;
  }
}

function readOptions(): { json: boolean; verbose: boolean; help: boolean } | undefined {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { json: flag, verbose: flag, help: { ...flag, short: "h" } } }).values;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error} (see --help)\n`);
    return undefined;
  }
}

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
