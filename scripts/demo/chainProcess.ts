import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ProtocolError } from "../../src/protocol/errors.ts";

export type ChainProcess = { rpcUrl: string; stop(): Promise<void> };

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const HARDHAT = join(dirname(createRequire(import.meta.url).resolve("hardhat/package.json")), "dist/src/cli.js");
const START_TIMEOUT_MS = 60_000;

/** Starts a local chain (31337, a block every second) in a process of its own, on a free port of the loopback. */
export async function startChainProcess(): Promise<ChainProcess> {
  const child = spawn(process.execPath, [HARDHAT, "node", "--hostname", "127.0.0.1", "--port", "0"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // However this process ends, the chain's ends with it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").catch(() => undefined);
  try {
    const rpcUrl = await Promise.race([addressOf(child.stdout), failure(exited, child.stderr)]);
    child.stdout.resume();
    child.stderr.resume();
    return {
      rpcUrl,
      async stop() {
        process.off("exit", kill);
        child.kill("SIGKILL");
        await exited;
      },
    };
  } catch (error) {
    kill();
    throw error;
  }
}

/** The address the process says it listens on; its later lines are dropped. */
async function addressOf(stdout: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: stdout });
  return new Promise((resolve) => {
    lines.on("line", (line) => {
      const match = /JSON-RPC server at (http:\/\/[^/\s]+)/.exec(line);
      if (match?.[1]) resolve(match[1]);
    });
  });
}

async function failure(exited: Promise<unknown>, stderr: NodeJS.ReadableStream): Promise<never> {
  let said = "";
  stderr.on("data", (chunk) => {
    said += chunk;
  });
  const timeout = new Promise((resolve) => setTimeout(resolve, START_TIMEOUT_MS, "timeout").unref());
  const why = (await Promise.race([exited, timeout])) === "timeout" ? "it said no address in time" : "it ended";
  throw new ProtocolError(
    "demo/chain-not-started",
    `the local chain didn't start (${why}): ${said.trim().split("\n").at(-1) || "it said nothing"}`,
  );
}
