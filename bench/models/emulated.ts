import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import { digitsHeldOut, irisAll, type Sample, spread } from "../../scripts/training/datasets.ts";
import type { Controls } from "./controls.ts";
import type { Report, Task } from "./worker.ts";

export type Emulated = {
  /** As `qemu-x86_64 -cpu help` names it. */
  cpu: string;
  /** Of both models together. */
  inputs: number;
  /** Whether every result has the bytes it has on the real processor. */
  same: boolean;
};

/**
 * One with AVX2 and FMA, without VNNI and AVX-512; one with SSE4.2 and nothing newer. What the controls must show on
 * each proves that onnxruntime takes it for what it is, and that models which depend on the processor would be found out.
 */
const CPUS: Readonly<Record<string, Controls>> = {
  Haswell: { fusesFloats: true, saturatesBytes: true },
  Nehalem: { fusesFloats: false, saturatesBytes: false },
};
const EMULATOR = "qemu-x86_64";
const INPUTS = 100; // of each model
const TIMEOUT_MS = 80_000;
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Runs both shipped models on emulated processors and compares every result with the real one's.
 * @throws Error where that can't be done, or where an emulated processor isn't what its name says
 */
export async function measureEmulated(): Promise<Emulated[]> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `emulated x86-64 processors need Linux on x64, this is ${process.platform} on ${process.arch}: measure there`,
    );
  }
  const task: Task = { digits: inputsOf(digitsHeldOut()), iris: inputsOf(irisAll()) };
  const real = await runWorker([], task);
  return Promise.all(Object.entries(CPUS).map(([cpu, controls]) => measure(cpu, controls, task, real)));
}

function inputsOf(samples: Sample[]): string[] {
  return spread(samples, INPUTS).map(({ inputBytes }) => Buffer.from(inputBytes).toString("hex"));
}

async function measure(cpu: string, wanted: Controls, task: Task, real: Report): Promise<Emulated> {
  const { controls, results } = await runWorker([EMULATOR, "-cpu", cpu], task);
  if (!isDeepStrictEqual(controls, wanted)) {
    const [got, allowed] = [JSON.stringify(controls), JSON.stringify(wanted)];
    throw new Error(`emulated ${cpu} shows ${got}, allowed is ${allowed}: comparing with it would prove nothing`);
  }
  return { cpu, inputs: results.digits.length + results.iris.length, same: isDeepStrictEqual(results, real.results) };
}

async function runWorker(emulator: string[], task: Task): Promise<Report> {
  const [command = "", ...args] = [...emulator, process.execPath, WORKER];
  const running = promisify(execFile)(command, args, { timeout: TIMEOUT_MS });
  running.child.stdin?.on("error", () => {}); // a process that didn't start says why by itself
  running.child.stdin?.end(JSON.stringify(task));
  try {
    return JSON.parse((await running).stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(`${command} isn't installed, it emulates the processors: on Debian, apt-get install qemu-user`);
  }
}
