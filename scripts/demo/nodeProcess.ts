import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Hex } from "viem";
import type { NodeLine } from "../../src/cli/runNode.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { ROOT } from "./chainProcess.ts";

/** An operator's node in a process of its own. */
export type NodeProcess = {
  operatorId: number;
  pid: number;
  /** Resolves when it has ended, however. */
  exited: Promise<unknown>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
};

export type NodeProcessOptions = {
  rpcUrl: string;
  addressesFile: string;
  dataDir: string;
  signerKey: Hex;
  /** Every n-th answer is wrong; none unless told. */
  liesEvery?: number;
  onLine: (line: NodeLine) => void;
};

const OPG = join(ROOT, "src/cli/main.ts");
const LYING_NODE = join(ROOT, "scripts/demo/lyingNode.ts");
const STOP_MS = 10_000;

/**
 * Starts a node and waits until it has begun its work.
 * @throws ProtocolError `demo/node-not-started` with what it said last
 */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const child = spawn(process.execPath, commandOf(options), {
    cwd: ROOT,
    env: { ...process.env, OPG_SIGNER_PRIVATE_KEY: options.signerKey },
    // The channel closes with this process, however it ends, and its nodes with it.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").finally(() => process.off("exit", kill));
  const operatorId = await started(child, exited, options.onLine);
  return {
    operatorId,
    pid: child.pid ?? -1,
    exited,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(kill, STOP_MS);
      await exited;
      clearTimeout(timer);
    },
    async kill() {
      kill();
      await exited;
    },
  };
}

function commandOf({ rpcUrl, addressesFile, dataDir, liesEvery }: NodeProcessOptions): string[] {
  if (liesEvery !== undefined) return [LYING_NODE, rpcUrl, addressesFile, dataDir, String(liesEvery)];
  const network = ["--rpc", rpcUrl, "--addresses", addressesFile];
  return [OPG, "node", ...network, "--data", dataDir, "--serve", "all", "--allow-private-uris", "--json"];
}

async function started(
  child: ChildProcess,
  exited: Promise<unknown>,
  onLine: (line: NodeLine) => void,
): Promise<number> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said = (said + chunk).slice(-2_000);
  });
  const running = new Promise<number>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => {
      const line = parseLine(text);
      if (line?.event === "started") resolve(line.operatorId);
      if (line !== undefined) onLine(line);
    });
  });
  const failed = exited.then(() => {
    throw new ProtocolError("demo/node-not-started", `a node ended before it had begun: ${said.trim() || "no words"}`);
  });
  return Promise.race([running, failed]);
}

/** A line of the log; undefined for what a failure prints, which is on standard error too. */
function parseLine(text: string): NodeLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "event" in value ? (value as NodeLine) : undefined;
  } catch {
    return undefined;
  }
}
