/** The main job, played for real: `npm run demo [-- --json] [--verbose]`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OUT, playDemo } from "./demo/demo.ts";
import { describeReport } from "./demo/report.ts";
import { runDemo } from "./demo/runDemo.ts";

const HELP = `npm run demo [-- options]

Starts a local chain, deploys the network, publishes two models, runs three staked operators (one of which lies in
every fifth job), asks them about pictures of digits and iris flowers, and checks every result from outside.
Results and txReceipts are written under out/demo/.

  --json     one JSON object on standard output, progress on standard error
  --verbose  every step of every operator; stack traces of errors
  --help     this text`;

await runDemo({
  name: "demo",
  help: HELP,
  async play(progress, signal) {
    const { report, requests, txReceipts } = await playDemo(progress, signal);
    await mkdir(OUT, { recursive: true });
    await writeFile(join(OUT, "results.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(OUT, "txReceipts.json"), `${JSON.stringify(txReceipts, bigintAsString, 2)}\n`);
    return { report, text: describeReport(report, requests) };
  },
});

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
