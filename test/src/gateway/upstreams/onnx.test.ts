import { expect } from "chai";
import { readShippedModel } from "../../../../scripts/training/shipped.ts";
import { createOnnxUpstream } from "../../../../src/gateway/upstreams/onnx.ts";
import type { LoadedModel } from "../../../../src/inference/backend.ts";
import { createOnnxProcess } from "../../../../src/inference/onnxProcess.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";
import type { Manifest } from "../../../../src/protocol/manifest.ts";
import { expectApiError, invalid } from "../../../support/apiErrors.ts";
import { requestOf } from "../../../support/upstreamContract.ts";

const SETOSA = [51, 35, 14, 2];
const INPUT = Buffer.from(SETOSA).toString("base64");

describe("an upstream of the project's own models", function () {
  this.timeout(60_000);
  const backend = createOnnxProcess();
  let manifest: Manifest;
  let model: LoadedModel;

  before(async () => {
    const shipped = await readShippedModel("iris");
    manifest = shipped.manifest;
    model = await backend.load(shipped.artefact, manifest);
  });
  after(() => backend.stop?.());

  const upstream = (run?: LoadedModel["run"]) =>
    createOnnxUpstream({ load: async () => ({ manifest, model: run === undefined ? model : { run } }) });
  const infer = (fields: object, more: object = {}, run?: LoadedModel["run"]) =>
    upstream(run).answer["/v1/inference"]!(requestOf("iris", { model: "onnx/iris", ...fields }, more));

  it("runs a real model, given bytes or numbers, and says the same twice", async () => {
    const answers = [
      await infer({ input: INPUT }),
      await infer({ inputs: { millimetres: SETOSA } }),
      await infer({ input: INPUT }),
    ];
    const [{ body, served }] = answers as [(typeof answers)[0]];
    expect(new Set(answers.map((one) => JSON.stringify(one.body))).size).to.equal(1);
    expect(served).to.deep.equal({ model: "iris", inputUnits: 4n, outputUnits: 3n });
    const output = Buffer.from(body.output as string, "base64");
    const logits = [0, 4, 8].map((at) => output.readInt32LE(at));
    const usage = { input_elements: 4, output_elements: 3 };
    expect(body).to.deep.equal({
      object: "inference",
      model: "onnx/iris",
      output: body.output,
      outputs: { logits },
      label: "setosa",
      usage,
    });
    expect(Math.max(...logits)).to.equal(logits[0]);
  });

  const wrong: [string, object, string][] = [
    ["too few bytes", { input: "AAAA" }, "input"],
    ["too few numbers", { inputs: { millimetres: [1] } }, "input"],
    ["numbers out of range", { inputs: { millimetres: [256, 0, 0, 0] } }, "input"],
    ["a tensor it doesn't have", { inputs: { millimetres: SETOSA, inches: [1] } }, "inputs.inches"],
    ["a tensor less than it has", { inputs: {} }, "inputs.millimetres"],
  ];
  for (const [what, fields, param] of wrong) {
    it(`refuses ${what}`, async () => {
      await expectApiError(invalid(param), () => infer(fields));
    });
  }

  it("runs nothing that the cap leaves no room for", async () => {
    const never = () => Promise.reject(new Error("it ran"));
    await expectApiError({ status: 402, code: "cap_too_low" }, () =>
      infer({ input: INPUT }, { maxOutputUnits: 2 }, never),
    );
    expect((await infer({ input: INPUT }, { maxOutputUnits: 3 })).served.outputUnits).to.equal(3n);
  });

  it("drops the answer when the caller has given up", async () => {
    const signal = AbortSignal.abort();
    await expectApiError({ status: 499, code: "call_aborted" }, () => infer({ input: INPUT }, { signal }));
  });

  it("says when the model takes too long, and when it fails, but not how", async () => {
    const failing = (code: string) => () =>
      Promise.reject(new ProtocolError(code, "in the folder operators-own-folder"));
    const timeout = { status: 504, code: "upstream_timeout" };
    const slow = await expectApiError(timeout, () => infer({ input: INPUT }, {}, failing("model/too-slow")));
    const broken = { status: 502, code: "upstream_failed" };
    const failed = await expectApiError(broken, () => infer({ input: INPUT }, {}, failing("model/process-ended")));
    expect(slow.message + failed.message).not.to.include("operators-own");
  });
});
