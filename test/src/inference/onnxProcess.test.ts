import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createOnnxProcess } from "../../../src/inference/onnxProcess.ts";
import type { Manifest } from "../../../src/protocol/manifest.ts";
import { constant, manifestFor, node, onnxFile, productFile, value } from "../../support/onnxFiles.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ROW = Uint8Array.of(51, 35, 14, 2);

/** A model whose loading and running take long for its size. */
function slowModel(count = 1_000): [Uint8Array, Manifest] {
  const width = 200_000;
  const divisions = Array.from({ length: count }, (_, i) => node("Div", [`v${i}`, "one"], [`v${i + 1}`]));
  const ones = Array(width).fill(1);
  const file = onnxFile({
    node: [
      node("MatMulInteger", ["x", "w"], ["p"]),
      node("Clip", ["p", "low", "high"], ["v0"]),
      ...divisions,
      node("Cast", [`v${count}`], ["b"], { to: 2 }),
      node("MatMulInteger", ["b", "u"], ["y"]),
    ],
    initializer: [
      constant("w", "int8", [1, width], ones),
      constant("u", "int8", [width, 1], ones),
      constant("one", "int32", [], [1]),
      constant("low", "int32", [], [0]),
      constant("high", "int32", [], [255]),
    ],
    input: [value("x", "uint8", [1, 1])],
    output: [value("y", "int32", [1, 1])],
  });
  const manifest = manifestFor(file, {
    inputs: [{ name: "x", dtype: "uint8", shape: [1, 1] }],
    outputs: [{ name: "y", dtype: "int32", shape: [1, 1] }],
  });
  return [file, manifest];
}

/** The longest time that nothing else could happen meanwhile, and how long it took in all. */
async function stallDuring(work: () => Promise<unknown>): Promise<{ stallMs: number; totalMs: number }> {
  const startedAt = performance.now();
  let [last, stallMs] = [startedAt, 0];
  const note = () => {
    stallMs = Math.max(stallMs, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(note, 2);
  await work();
  note();
  clearInterval(timer);
  return { stallMs, totalMs: performance.now() - startedAt };
}

describe("the backend in a process of its own", function () {
  this.timeout(60_000);
  const backend = createOnnxProcess();
  after(() => backend.stop?.());

  it("gives the same bytes", async () => {
    const { artefact, manifest } = await readShippedModel("iris");
    const [here, there] = [await createOnnxNative().load(artefact, manifest), await backend.load(artefact, manifest)];
    const results = await Promise.all([there.run(ROW), there.run(ROW.map((x) => x + 9))]);
    expect(results[0]).to.deep.equal(await here.run(ROW));
    expect(results[1]).to.deep.equal(await here.run(ROW.map((x) => x + 9)));
    const last = there.run(ROW);
    await Promise.all([here.close(), there.close(), there.close()]);
    expect(await last).to.deep.equal(results[0]);
    await expectProtocolError("model/closed", () => there.run(ROW));
  });

  it("refuses what the other refuses, with its codes, and goes on", async () => {
    const file = productFile([127, 0, 0, 0]);
    await expectProtocolError("model/not-integer-only", () => backend.load(file, manifestFor(file)));
    const model = await backend.load(productFile(), manifestFor(productFile()));
    await expectProtocolError("tensor/wrong-shape", () => model.run(Uint8Array.of(1)));
    expect((await model.run(Uint8Array.of(1, 0)))[0]).to.equal(1);
    await model.close();
  });

  it("lets everything else go on while a model loads and runs", async () => {
    const [file, manifest] = slowModel();
    const { stallMs, totalMs } = await stallDuring(async () => {
      const model = await backend.load(file, manifest);
      await model.run(Uint8Array.of(3));
      await model.close();
    });
    expect(stallMs).to.be.lessThan(totalMs / 3);
  });

  it("ends a run that takes too long, and is there for the next model", async () => {
    const impatient = createOnnxProcess({ runTimeoutMs: 75 });
    const [quick, slow] = [
      await impatient.load(productFile(), manifestFor(productFile())),
      await impatient.load(...slowModel(1_300)),
    ];
    await expectProtocolError("model/too-slow", () => slow.run(Uint8Array.of(3)));
    const lost = await expectProtocolError("model/process-ended", () => quick.run(Uint8Array.of(1, 0)));
    expect(lost.isRetryable).to.equal(true);
    const again = await impatient.load(productFile(), manifestFor(productFile()));
    expect((await again.run(Uint8Array.of(1, 0)))[0]).to.equal(1);
    impatient.stop?.();
  });

  it("stops at once, and for good", async () => {
    const stopped = createOnnxProcess();
    const slow = await stopped.load(...slowModel());
    const startedAt = performance.now();
    const runs = [slow.run(Uint8Array.of(3)), slow.run(Uint8Array.of(3))];
    setTimeout(() => stopped.stop?.(), 50);
    for (const run of runs) await expectProtocolError("model/process-ended", () => run);
    await expectProtocolError("model/process-ended", () => stopped.load(productFile(), manifestFor(productFile())));
    expect(performance.now() - startedAt).to.be.lessThan(1_000);
  });
});
