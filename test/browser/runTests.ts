import { env } from "onnxruntime-web";
import type { Outcome } from "./run.ts";

/** Given to the page by whoever opened it. */
declare const report: (outcome: Outcome) => Promise<void>;
declare const finish: () => Promise<void>;

env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";

// The tests are imported before this file: the bundler's entry says so.
mocha
  .run()
  .on("pass", (test) => void report({ title: test.titlePath() }))
  .on("fail", (test, error: Error) => void report({ title: test.titlePath(), failure: error.stack ?? error.message }))
  .on("end", () => void finish());
