import type { Hex } from "viem";
import { createOnnxNative } from "../inference/onnxNative.ts";
import { createOnnxWasm } from "../inference/onnxWasm.ts";
import { findJob } from "../sdk/jobHistory.ts";
import { type Difference, type Verification, verifyResult } from "../sdk/verifyResult.ts";
import { findModelById } from "./catalogue.ts";
import { encodeInputFile, type InputOptions, publicInput } from "./inputOptions.ts";
import { describeMeaning, meaningOf } from "./jobAnswer.ts";
import { type Answer, lines } from "./output.ts";
import type { Session } from "./session.ts";

export type VerifyCommandOptions = InputOptions & { backend: BackendName };

export type BackendName = (typeof BACKENDS)[number];

export const BACKENDS = ["wasm", "native"] as const;

/** A model file may be large. */
const MODEL_TIMEOUT_MS = 600_000;

/** What each difference means for whoever asked. */
const MEANINGS: Record<Difference, string> = {
  job: "the job isn't what its id says",
  input: "the job was about another input",
  model: "the model isn't what its id says",
  manifest: "the manifest isn't the published one",
  artefact: "the model file isn't the published one",
  status: "no result stands",
  "settled-result": "the log and the contract disagree",
  "local-result": "the model gives another result here",
};

/** `opg job verify`: runs the model on this machine and compares everything the job says; true or false, and why. */
export async function verify(session: Session, jobId: Hex, options: VerifyCommandOptions): Promise<Answer> {
  const chain = await session.chain();
  const opened = await findJob(chain, jobId);
  const { published, manifest } = await findModelById(session, opened.job.modelId);
  const { bytes: input, notes } =
    options.input === undefined
      ? await publicInput(session, opened, manifest)
      : await encodeInputFile(session, options.input, manifest, options);
  for (const note of notes) session.progress.say(note);

  session.progress.begin("reading the model file");
  const artefact = await (await session.models(MODEL_TIMEOUT_MS)).artefactOf(published, manifest);
  session.progress.begin("running the model");
  const backend = options.backend === "native" ? createOnnxNative() : createOnnxWasm();
  const model = await backend.load(artefact, manifest);
  try {
    const runModel = (bytes: Uint8Array) => model.run(bytes);
    const verification = await verifyResult(chain, { job: opened.jobId, input, artefact, manifest, runModel });
    return describe(verification);
  } finally {
    await model.close();
  }

  function describe(verification: Verification): Answer {
    const json = { jobId: verification.jobId, verified: verification.ok, backend: backend.name, notes };
    if (!verification.ok) {
      const { differs, reason } = verification;
      const why = MEANINGS[differs];
      return { json: { ...json, differs, why, reason }, text: `false\n${why}: ${reason}`, failed: true };
    }
    const { resultHash, result, source } = verification;
    const meaning = meaningOf(manifest, result);
    const pairs: [string, string][] = [
      ["result hash", `${resultHash}, settled (by the ${source}) and computed here by ${backend.name}`],
      ["model", `${manifest.name} ${manifest.version} (${published.modelId})`],
    ];
    return {
      json: { ...json, resultHash, source, ...meaning },
      text: `true\n${lines([...describeMeaning(meaning), ...pairs])}`,
    };
  }
}
