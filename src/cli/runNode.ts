import { stakeOf } from "../chain/staking.ts";
import { type OpenNodeOptions, openNode } from "../node/openNode.ts";
import type { NodeEvent } from "../node/task.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { formatOpg } from "../protocol/units.ts";

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

type Trouble = { code: string; reason: string };

const REPEAT_MS = 30_000;

/** Runs a node until the signal, and logs each step of each job as a line on standard output. */
export async function runNode({ isJson, signal, ...options }: RunNodeOptions): Promise<void> {
  const { chain, dataDir } = options;
  // Whoever reads the log may go away: seats are revealed without it.
  process.stdout.on("error", () => {});
  const say = (line: NodeLine) => process.stdout.write(`${isJson ? asJson(line) : describeLine(line)}\n`);
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
  await Promise.race([aborted(signal), parentEnded()]);
  say({ event: "stopping" });
  await node.stop();
  say({ event: "stopped" });
  if (process.connected) process.disconnect();
}

/** Whoever started this process over a channel has ended, or closed it; never where nobody did. */
function parentEnded(): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.once("disconnect", resolve);
  });
}

/** Passes on what is new, and what was said before only once in a while. */
function seldom(say: (trouble: Trouble) => void): (error: unknown) => void {
  let [last, saidAt] = ["", 0];
  return (error) => {
    const trouble = describe(error);
    if (trouble.reason === last && performance.now() - saidAt < REPEAT_MS) return;
    [last, saidAt] = [trouble.reason, performance.now()];
    say(trouble);
  };
}

function describe(error: unknown): Trouble {
  const reason = oneLine(error instanceof Error ? error.message : String(error));
  return { code: error instanceof ProtocolError ? error.code : "unexpected", reason };
}

function asJson(line: NodeLine): string {
  return JSON.stringify({ time: new Date().toISOString(), ...line });
}

/** The line as a person reads it. */
export function describeLine(line: NodeLine): string {
  return `${new Date().toISOString().slice(11, 19)}  ${sentenceOf(line)}`;
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
