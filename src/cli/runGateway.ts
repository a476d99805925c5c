import { type GatewayEvent, type OpenGatewayOptions, openGateway } from "../gateway/openGateway.ts";
import { asJsonLine, atTime, ended, seldom, type Trouble } from "./daemonLog.ts";

/** One line of a gateway's log. With `--json` it is printed as it is, with the time. */
export type GatewayLine =
  | {
      event: "started";
      operatorId: number;
      incarnation: number;
      url: string;
      chainId: number;
      dataDir: string;
      models: string[];
    }
  | { event: "stopping" }
  | { event: "stopped"; unanchored: number | null }
  | ({ event: "trouble" } & Trouble)
  | ({ event: GatewayEvent["kind"] } & Record<string, unknown>);

export type RunGatewayOptions = Omit<OpenGatewayOptions, "onEvent" | "onError"> & {
  isJson: boolean;
  /** Ends the gateway. */
  signal: AbortSignal;
};

/** A stop waits so long for calls under way and for the last anchoring. */
const STOP_MS = 30_000;

/** Runs a gateway until the signal, and logs what it does on chain as lines on standard output. */
export async function runGateway({ isJson, signal, ...options }: RunGatewayOptions): Promise<void> {
  // Whoever reads the log may go away: calls are answered without it.
  process.stdout.on("error", () => {});
  const say = (line: GatewayLine) => process.stdout.write(`${isJson ? asJsonLine(line) : atTime(sentenceOf(line))}\n`);
  const gateway = await openGateway({
    ...options,
    onEvent: ({ kind, ...event }) => say({ event: kind, ...event }),
    onError: seldom((trouble) => say({ event: "trouble", ...trouble })),
  });
  const { operatorId, incarnation, url } = gateway;
  const { chain, dataDir, models } = options;
  say({ event: "started", operatorId, incarnation, url, chainId: chain.chainId, dataDir, models: [...models.keys()] });
  await ended(signal);
  say({ event: "stopping" });
  const { unanchored } = await gateway.stop(AbortSignal.timeout(STOP_MS));
  say({ event: "stopped", unanchored: unanchored ?? null });
  if (process.connected) process.disconnect();
}

function sentenceOf(line: GatewayLine): string {
  switch (line.event) {
    case "started":
      return `operator ${line.operatorId} answers at ${line.url}: ${(line.models as string[]).join(", ")}; state in ${line.dataDir}`;
    case "stopping":
      return "stopping: waiting for calls under way and the last anchoring; again Ctrl-C to end at once";
    case "stopped":
      return line.unanchored === 0
        ? "stopped: every receipt is anchored"
        : `stopped: ${line.unanchored ?? "some"} receipts wait to be anchored: start it again in time`;
    case "trouble":
      return `trying again: ${line.reason}`;
    default: {
      const { event, ...details } = line;
      const told = Object.entries(details).map(([name, value]) => `${name} ${String(value)}`);
      return `${event}: ${told.join(", ")}`;
    }
  }
}
