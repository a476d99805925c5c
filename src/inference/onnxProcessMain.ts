import { ProtocolError } from "../protocol/errors.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { LoadedModel } from "./backend.ts";
import { createOnnxNative } from "./onnxNative.ts";

/** What the process of `onnxProcess.ts` is asked to do, one at a time. */
export type ProcessCall =
  | { call: "load"; artefact: Uint8Array; manifest: Manifest }
  | { call: "run"; model: number; input: Uint8Array }
  | { call: "close"; model: number };

/** `model` answers `load`, `result` answers `run`. */
export type ProcessAnswer =
  | { ok: true; model: number; result: Uint8Array }
  | { ok: false; code: string; message: string; isRetryable: boolean };

const NOTHING = new Uint8Array();
const backend = createOnnxNative();
const models = new Map<number, LoadedModel>();
let loads = 0;

process.on("message", (call: ProcessCall) => void answer(call).then((done) => process.send?.(done)));
// A terminal's Ctrl-C reaches this process too; the one that started it says when it ends.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

async function answer(call: ProcessCall): Promise<ProcessAnswer> {
  try {
    return { ok: true, ...(await work(call)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { code, isRetryable } =
      error instanceof ProtocolError ? error : { code: "model/run-failed", isRetryable: false };
    return { ok: false, code, message, isRetryable };
  }
}

async function work(call: ProcessCall): Promise<{ model: number; result: Uint8Array }> {
  if (call.call === "load") {
    const model = loads++;
    models.set(model, await backend.load(call.artefact, call.manifest));
    return { model, result: NOTHING };
  }
  const { model } = call;
  const loaded = models.get(model);
  if (call.call === "run" && loaded !== undefined) return { model, result: await loaded.run(call.input) };
  models.delete(model);
  await loaded?.close();
  return { model, result: NOTHING };
}
