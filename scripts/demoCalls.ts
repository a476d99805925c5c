/** Calls, played for real: `npm run demo:calls [-- --json] [--verbose]`. */
import { findCallsFault } from "./checks/demoCallsOutput.ts";
import { runDemo } from "./demo/runDemo.ts";
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

await runDemo({
  name: "demo of calls",
  help: HELP,
  async play(progress, signal) {
    const outcome = await playDemoCalls(progress, signal);
    const { report } = outcome;
    const fault = findCallsFault(JSON.stringify(report));
    return { report, text: describeCallsReport(outcome), ...(fault !== undefined && { fault }) };
  },
});
