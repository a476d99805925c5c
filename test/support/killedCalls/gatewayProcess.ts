import { asJsonLine, ended, seldom } from "../../../src/cli/daemonLog.ts";
import { parseGatewayConfig } from "../../../src/gateway/config.ts";
import { openGateway } from "../../../src/gateway/openGateway.ts";
import { publishByGateway } from "../../../src/gateway/publish.ts";
import { serveModels } from "../../../src/gateway/serveModels.ts";
import { createEnding } from "./ending.ts";
import { connectEnding, type EndingChainOptions, recordStatements } from "./endingChain.ts";

/** What a gateway that can be told where to end is started with. */
export type GatewayProcessOptions = EndingChainOptions & {
  dataDir: string;
  /** As its file would say. */
  config: unknown;
  endingFile: string;
  statementsFile: string;
};

// node gatewayProcess.ts <options as JSON>: what `opg gateway` does, until it is stopped or ends itself.
const options = JSON.parse(process.argv[2] ?? "") as GatewayProcessOptions;
const say = (line: object) => process.stdout.write(`${asJsonLine(line)}\n`);
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());

const step = createEnding(options.endingFile);
const chain = await connectEnding(options, step);
const config = parseGatewayConfig(JSON.stringify(options.config), "config");
const gateway = await openGateway({
  ...{ chain, config, dataDir: options.dataDir, publish: publishByGateway, pollingIntervalMs: 250 },
  models: serveModels({ config, secret: () => undefined, onnx: { answer: {}, stream: {} } }),
  sign: recordStatements(options.account, options.statementsFile),
  onStep: step,
  onEvent: ({ kind, ...event }) => {
    say({ event: kind, ...event });
    step(kind);
  },
  onError: seldom((trouble) => say({ event: "trouble", ...trouble })),
});
say({ event: "started", url: gateway.url, incarnation: gateway.incarnation });
await ended(stopping.signal);
const { unanchored } = await gateway.stop(AbortSignal.timeout(20_000));
say({ event: "stopped", unanchored });
if (process.connected) process.disconnect();
