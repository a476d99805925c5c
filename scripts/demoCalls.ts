/** Calls, played for real: `npm run demo:calls [-- --json] [--verbose]`. */
import { parseArgs } from "node:util";
import { findCallsFault } from "./checks/demoCallsOutput.ts";
import { createProgress } from "./demo/progress.ts";
import { playDemoCalls } from "./demoCalls/play.ts";
import { describeCallsReport } from "./demoCalls/report.ts";

const HELP = `npm run demo:calls [-- options]

Starts a local chain, deploys the network, and runs the gateways of three staked operators: an honest one; one whose answers
are altered on their way out, and whose own models answer wrongly and sign that; one that cuts streams. Four apps ask 200 times,
each through an opg connect of its own, about four families of models. What they see is compared with what is true; at the end
every receipt is proven, every voucher claimed, and the channels are added up.

  --json     one JSON object on standard output, progress on standard error
  --verbose  stack traces of errors
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
    const outcome = await Promise.race([playDemoCalls(progress, stopping.signal), aborted]);
    const json = JSON.stringify(outcome.report);
    await new Promise((resolve) =>
      process.stdout.write(`${options.json ? json : describeCallsReport(outcome)}\n`, resolve),
    );
    const fault = findCallsFault(json);
    if (fault !== undefined) throw new Error(fault);
    return 0;
  } catch (error) {
    const shown = error instanceof Error ? (options.verbose ? error.stack : error.message) : String(error);
    process.stderr.write(`demo of calls: ${shown}\n`);
    return 1;
  }
}

function readOptions(): { json: boolean; verbose: boolean; help: boolean } | undefined {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { json: flag, verbose: flag, help: { ...flag, short: "h" } } }).values;
  } catch (error) {
    process.stderr.write(`demo of calls: ${error instanceof Error ? error.message : error} (see --help)\n`);
    return undefined;
  }
}
