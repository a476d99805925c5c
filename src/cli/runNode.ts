import { stakeOf } from "../chain/staking.ts";
import { type OpenNodeOptions, openNode } from "../node/openNode.ts";
import type { NodeEvent } from "../node/task.ts";
import { formatOpg } from "../protocol/units.ts";
import { asJsonLine, atTime, ended, seldom } from "./daemonLog.ts";

/** One line of a node's log: what happened, and its details. With `--json` it is printed as it is, with the time. */
export type NodeLine =
  | {
      event: "started";
      operatorId: number;
      signer: string;
      chainId: number;
      dataDir: string /** OPG base units. */;
      stake: string;
    }
  | { event: "stopping" | "stopped" }
  | { event: "chain-trouble"; code: string; reason: string }
  | ({ event: NodeEvent["step"] } & NodeEvent);

export type RunNodeOptions = Omit<OpenNodeOptions, "onEvent" | "onError"> & {
  isJson: boolean;
  /** Ends the node, which goes on where it was when it is started again. */
  signal: AbortSignal;
};

/** Runs a node until the signal, and logs each step of each job as a line on standard output. */
export async function runNode({ isJson, signal, ...options }: RunNodeOptions): Promise<void> {
  const { chain, dataDir } = options;
  // Whoever reads the log may go away: seats are revealed without it.
  process.stdout.on("error", () => {});
  const say = (line: NodeLine) => process.stdout.write(`${isJson ? asJsonLine(line) : describeLine(line)}\n`);
  const node = await openNode({
    ...options,
    onEvent: (event) => say({ event: event.step, ...event }),
    onError: seldom((trouble) => say({ event: "chain-trouble", ...trouble })),
  });
  const { active } = await stakeOf(chain, node.operatorId);
  const signer = chain.account.address;
  say({
    event: "started",
    operatorId: node.operatorId,
    signer,
    chainId: chain.chainId,
    dataDir,
    stake: String(active),
  });
  await ended(signal);
  say({ event: "stopping" });
  await node.stop();
  say({ event: "stopped" });
  if (process.connected) process.disconnect();
}

/** The line as a person reads it. */
export function describeLine(line: NodeLine): string {
  return atTime(sentenceOf(line));
}

function sentenceOf(line: NodeLine): string {
  switch (line.event) {
    case "started":
      return `operator ${line.operatorId} on chain ${line.chainId}, ${formatOpg(BigInt(line.stake))} OPG at stake, signer ${line.signer}, state in ${line.dataDir}`;
    case "stopping":
      return "stopping: jobs under way go on when the node is started again";
    case "stopped":
      return "stopped";
    case "chain-trouble":
      return `trying again: ${line.reason}`;
    default:
      return `job ${line.jobId}  ${line.step}${detailOf(line)}`;
  }
}

function detailOf(event: NodeEvent): string {
  switch (event.step) {
    case "resumed":
      return ` from ${event.stage}`;
    case "accepted":
      return event.wideningStep === 0 ? "" : ` at widening step ${event.wideningStep}`;
    case "inferred":
      return ` in ${event.durationMs} ms, result hash ${event.resultHash}`;
    case "ended":
      return `: ${event.how}`;
    case "declined":
    case "retrying":
    case "failed":
      return `: ${event.reason}`;
    default:
      return event.transactionHash === null ? "" : ` in transaction ${event.transactionHash}`;
  }
}
