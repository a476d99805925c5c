import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../demo/chainProcess.ts";

/** A daemon of the command line's in a process of its own. */
export type OpgProcess<Started> = {
  pid: number;
  /** What it said when it had begun. */
  started: Started;
  /** Resolves when it has ended, however. */
  exited: Promise<unknown>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
};

export type OpgProcessOptions = {
  /** The program, with its arguments; `opg` and a command unless it is a file. */
  args: readonly string[];
  /** A script to run instead of `opg`. */
  script?: string;
  env?: Record<string, string>;
  onLine?: (line: Record<string, unknown>) => void;
};

const OPG = join(ROOT, "src/cli/main.ts");
const STOP_MS = 40_000;

/** Starts a daemon that logs JSON lines, and waits until it says that it has started. @throws with what it said last */
export async function startOpgProcess<Started>(options: OpgProcessOptions): Promise<OpgProcess<Started>> {
  const child = spawn(process.execPath, [options.script ?? OPG, ...options.args], {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    // The channel closes with this process, however it ends, and the daemon with it.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").finally(() => process.off("exit", kill));
  const started = await begun<Started>(child, exited, options);
  return {
    pid: child.pid ?? -1,
    started,
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

async function begun<Started>(
  child: ChildProcess,
  exited: Promise<unknown>,
  { args, onLine = () => {} }: OpgProcessOptions,
): Promise<Started> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said = (said + chunk).slice(-2_000);
  });
  const running = new Promise<Started>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => {
      const line = parseLine(text);
      if (line === undefined) return;
      if (line.event === "started") resolve(line as Started);
      onLine(line);
    });
  });
  const failed = exited.then(() => {
    throw new Error(`opg ${args.slice(0, 2).join(" ")} ended before it had begun: ${said.trim() || "no words"}`);
  });
  return await Promise.race([running, failed]);
}

function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "event" in value ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
