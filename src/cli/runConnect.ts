import type { RefusedAnswer } from "../connect/exchange.ts";
import { type OpenConnectOptions, openConnect } from "../connect/openConnect.ts";
import { type ConnectServer, type ServeOptions, serveConnect } from "../connect/server.ts";
import { asJsonLine, atTime, ended, seldom, type Trouble } from "./daemonLog.ts";

/** One line of the local end's log. With `--json` it is printed as it is, with the time. */
export type ConnectLine =
  | {
      event: "started";
      url: string;
      chainId: number;
      payer: string;
      voucherKey: string;
      dataDir: string;
      models: string[];
    }
  | { event: "stopping" | "stopped" }
  | ({ event: "refused" } & RefusedAnswer)
  | ({ event: "trouble" } & Trouble);

export type RunConnectOptions = Omit<OpenConnectOptions, "onError" | "onRefused"> & {
  listen: ServeOptions;
  isJson: boolean;
  /** Ends it. */
  signal: AbortSignal;
};

/** Runs the local end until the signal. */
export async function runConnect({ isJson, signal, listen, ...options }: RunConnectOptions): Promise<void> {
  process.stdout.on("error", () => {});
  const say = (line: ConnectLine) => process.stdout.write(`${isJson ? asJsonLine(line) : atTime(sentenceOf(line))}\n`);
  const connect = await openConnect({
    ...options,
    onRefused: (refused) => say({ event: "refused", ...refused }),
    onError: seldom((trouble) => say({ event: "trouble", ...trouble })),
  });
  let server: ConnectServer | undefined;
  try {
    server = await serveConnect(connect, listen);
    const { chain, dataDir } = options;
    say({
      ...{ event: "started", url: `${server.url}/v1`, chainId: chain.chainId, dataDir },
      ...{ payer: chain.account.address, voucherKey: connect.voucherKey },
      models: connect.models().map(({ id }) => id),
    });
    await ended(signal);
    say({ event: "stopping" });
  } finally {
    // Beside each other: calls under way are told that it stops, and what they are told must leave.
    await Promise.all([server?.close(), connect.close()]);
  }
  say({ event: "stopped" });
  if (process.connected) process.disconnect();
}

function sentenceOf(line: ConnectLine): string {
  switch (line.event) {
    case "started": {
      const models = line.models.length === 0 ? "no operator's models yet" : line.models.join(", ");
      return `base URL ${line.url}: ${models}; paid by ${line.payer}, state in ${line.dataDir}`;
    }
    case "stopping":
      return "stopping: each operator gets a voucher to the unit";
    case "stopped":
      return "stopped";
    case "refused":
      return `operator ${line.operatorId} lied, and isn't asked any more: ${line.reason}`;
    case "trouble":
      return `trying again: ${line.reason}`;
  }
}
