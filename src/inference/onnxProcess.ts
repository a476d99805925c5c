import { type ChildProcess, fork } from "node:child_process";
import { ProtocolError } from "../protocol/errors.ts";
import type { InferenceBackend } from "./backend.ts";
import type { ProcessAnswer, ProcessCall } from "./onnxProcessMain.ts";

export type OnnxProcessOptions = {
  /** Checking and loading one file, 600,000 unless told. */
  loadTimeoutMs?: number;
  /** One run, 60,000 unless told. */
  runTimeoutMs?: number;
};

type Done = Extract<ProcessAnswer, { ok: true }>;

const MAIN = new URL("./onnxProcessMain.ts", import.meta.url);

/**
 * onnxruntime's native library in a process of its own, one piece of work at a time. Loading and running a model stop
 * everything else where they happen, and native code ends for nobody but the system: only a process can be stopped.
 * What it throws besides is `model/too-slow`, and `model/process-ended` (retryable) for all that was loaded in a process
 * that was stopped or broke down: load the model again.
 */
export function createOnnxProcess({
  loadTimeoutMs = 600_000,
  runTimeoutMs = 60_000,
}: OnnxProcessOptions = {}): InferenceBackend {
  let current: ChildProcess | undefined;
  let isStopped = false;
  let lastTurn: Promise<unknown> = Promise.resolve();

  /** Waits for its turn first: a time limit is for the work alone. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastTurn.then(work, work);
    lastTurn = turn;
    return turn;
  }

  function running(): ChildProcess {
    if (isStopped) throw ended();
    if (current === undefined || hasEnded(current)) current = start();
    return current;
  }

  return {
    name: "onnx-native",
    async load(source, manifest) {
      const artefact = source.slice(); // what was given is what is loaded, whatever the caller does meanwhile
      const [child, { model }] = await inTurn(async () => {
        const own = running();
        return [own, await ask(own, { call: "load", artefact, manifest }, loadTimeoutMs)] as const;
      });
      let closing: Promise<unknown> | undefined;
      return {
        async run(input) {
          if (closing !== undefined) {
            throw new ProtocolError("model/closed", `model ${manifest.name} is closed: load it again`);
          }
          const given = input.slice();
          const { result } = await inTurn(() => ask(child, { call: "run", model, input: given }, runTimeoutMs));
          return new Uint8Array(result);
        },
        async close() {
          closing ??= inTurn(() => ask(child, { call: "close", model }, runTimeoutMs)).catch(() => {});
          await closing;
        },
      };
    },
    stop() {
      isStopped = true;
      current?.kill("SIGKILL");
    },
  };
}

/** It inherits no environment: keys are there, and what it runs was written by strangers. */
function start(): ChildProcess {
  const child = fork(MAIN, {
    env: {},
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("error", () => {}); // said to whoever waits for an answer
  child.unref();
  child.channel?.unref();
  return child;
}

function hasEnded({ exitCode, signalCode, killed }: ChildProcess): boolean {
  return killed || exitCode !== null || signalCode !== null;
}

function ask(child: ChildProcess, call: ProcessCall, timeoutMs: number): Promise<Done> {
  return new Promise((resolve, reject) => {
    if (hasEnded(child)) {
      reject(ended());
      return;
    }
    const answered = (answer: ProcessAnswer) => {
      leave();
      if (answer.ok) resolve(answer);
      else reject(new ProtocolError(answer.code, answer.message, { isRetryable: answer.isRetryable }));
    };
    const broken = () => {
      leave();
      reject(ended());
    };
    const timer = setTimeout(() => {
      leave();
      child.kill("SIGKILL");
      reject(
        new ProtocolError(
          "model/too-slow",
          `to ${call.call} the model took over ${timeoutMs} ms, as long as is allowed: use a smaller one`,
        ),
      );
    }, timeoutMs);
    const leave = () => {
      clearTimeout(timer);
      child.off("message", answered).off("exit", broken).off("error", broken);
      child.channel?.unref();
    };
    child.on("message", answered).on("exit", broken).on("error", broken);
    child.channel?.ref(); // whoever waits for an answer lives until it is there
    child.send(call, (error) => error && broken());
  });
}

function ended(): ProtocolError {
  return new ProtocolError("model/process-ended", "the process that ran the model has ended: load the model again", {
    isRetryable: true,
  });
}
