import { expect } from "chai";
import { digitsHeldOut, irisAll, irisHeldOut, spread } from "../../../scripts/training/datasets.ts";
import { score } from "../../../scripts/training/model.ts";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import type { InferenceBackend } from "../../../src/inference/backend.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createOnnxWasm } from "../../../src/inference/onnxWasm.ts";
import type { Manifest } from "../../../src/protocol/manifest.ts";
import { constant, manifestFor, node, onnxFile, productFile, value } from "../../support/onnxFiles.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const INPUTS = {
  digits: () => spread(digitsHeldOut(), 500),
  iris: irisAll,
} as const;

async function runAll(backend: InferenceBackend, name: "digits" | "iris"): Promise<string[]> {
  const { artefact, manifest } = await readShippedModel(name);
  const model = await backend.load(artefact, manifest);
  const results = await Promise.all(INPUTS[name]().map(({ inputBytes }) => model.run(inputBytes)));
  await model.close();
  return results.map((bytes) => Buffer.from(bytes).toString("hex"));
}

describe("shipped models", () => {
  for (const name of ["digits", "iris"] as const) {
    it(`give the same bytes for ${name} with 1 and 2 threads, natively and in WebAssembly`, async function () {
      this.timeout(60_000);
      const results = await runAll(createOnnxNative({ threads: 1 }), name);
      expect(results.length).to.equal(name === "digits" ? 500 : 150);
      expect(new Set(results).size).to.be.greaterThan(results.length / 2);
      expect(await runAll(createOnnxNative({ threads: 2 }), name)).to.deep.equal(results);
      expect(await runAll(createOnnxWasm(), name)).to.deep.equal(results);
    });
  }

  it("name at least 96 of 100 held-out digits, as the manifest says", async function () {
    this.timeout(60_000);
    const model = await readShippedModel("digits");
    const { correct, cases } = await score(model, digitsHeldOut());
    expect(correct / cases).to.be.at.least(0.96);
    expect(model.manifest.accuracy.accuracyPpm).to.equal(Math.floor((correct * 1_000_000) / cases));
    expect(model.manifest.accuracy.cases).to.equal(cases);
  });

  it("name irises they have never seen", async () => {
    const { correct, cases } = await score(await readShippedModel("iris"), irisHeldOut());
    expect(cases).to.equal(30);
    expect(correct / cases).to.be.at.least(0.9);
  });
});

for (const [name, create] of [
  ["native", createOnnxNative],
  ["WebAssembly", createOnnxWasm],
] as const) {
  describe(`the ${name} backend`, () => {
    const backend = create();
    const load = (artefact: Uint8Array, manifest: Manifest) => backend.load(artefact, manifest);

    it("multiplies", async () => {
      const model = await load(productFile(), manifestFor(productFile()));
      expect([...(await model.run(Uint8Array.of(10, 255)))]).to.deep.equal([7, 3, 0, 0, 16, 4, 0, 0]);
      await model.close();
    });

    it("adds, clips, divides towards zero and casts as integers do", async () => {
      const file = onnxFile({
        node: [
          node("MatMulInteger", ["x", "w"], ["product"]),
          node("Add", ["product", "bias"], ["sum"]),
          node("Clip", ["sum", "floor", "ceiling"], ["clipped"]),
          node("Div", ["clipped", "divisor"], ["quotient"]),
          node("Cast", ["quotient"], ["byte"], { to: 2 }),
          node("MatMulInteger", ["byte", "v"], ["y"]),
        ],
        initializer: [
          constant("w", "int8", [2, 2], [1, -63, 2, 63]),
          constant("bias", "int32", [2], [1, -5]),
          constant("floor", "int32", [], [0]),
          constant("ceiling", "int32", [], [767]),
          constant("divisor", "int32", [], [3]),
          constant("v", "int8", [2, 2], [1, 0, 0, -1]),
        ],
        input: [value("x", "uint8", [1, 2])],
        output: [value("y", "int32", [1, 2])],
      });
      const model = await load(file, manifestFor(file));
      const run = async (...x: number[]) => new Int32Array((await model.run(Uint8Array.from(x))).buffer);
      // (3 + 14 + 1) / 3 and (−189 + 441 − 5) / 3; then a sum below 0, one cut at 767, and bytes of 255
      expect([...(await run(3, 7))]).to.deep.equal([6, -82]);
      expect([...(await run(255, 0))]).to.deep.equal([85, 0]);
      expect([...(await run(0, 255))]).to.deep.equal([170, -255]);
      expect([...(await run(255, 255))]).to.deep.equal([255, 0]);
      await model.close();
    });

    it("refuses a file that isn't the manifest's", async () => {
      await expectProtocolError("model/hash-mismatch", () =>
        load(productFile([1, 1, 1, 1]), manifestFor(productFile())),
      );
      await expectProtocolError("model/hash-mismatch", () => load(new Uint8Array(9), manifestFor(productFile())));
    });

    it("refuses a file that isn't ONNX, though its hash is right", async () => {
      const junk = new TextEncoder().encode("not a model");
      await expectProtocolError("model/malformed", () => load(junk, manifestFor(junk)));
    });

    it("refuses a model that isn't integer-only", async () => {
      const file = productFile([127, 1, 1, 1]);
      await expectProtocolError("model/not-integer-only", () => load(file, manifestFor(file)));
    });

    it("says why in few words, however many its author would have it say", async () => {
      const nodes = Array.from({ length: 50 }, (_, n) => node(`Op${n}${"x".repeat(10_000)}`, ["x"], [`y${n}`]));
      const file = onnxFile({
        node: nodes,
        input: [value("x", "uint8", [1, 2])],
        output: [value("y0", "int32", [1, 2])],
      });
      const error = await expectProtocolError("model/not-integer-only", () => load(file, manifestFor(file)));
      expect(error.message).to.include("and 47 more");
      expect(error.message.length).to.be.lessThan(1_000);
    });

    it("refuses a manifest whose tensors aren't the graph's", async () => {
      const file = productFile();
      for (const x of [{ name: "z" }, { dtype: "int8" }, { shape: [1, 3] }]) {
        const inputs = [{ name: "x", dtype: "uint8", shape: [1, 2], ...x }];
        await expectProtocolError("model/tensor-mismatch", () => load(file, manifestFor(file, { inputs })));
      }
    });

    it("refuses a model made for another version of onnxruntime", async () => {
      const manifest = manifestFor(productFile());
      const other = { ...manifest, determinism: { ...manifest.determinism, backendVersion: "1.29.0" } };
      await expectProtocolError("model/backend-mismatch", () => load(productFile(), other));
    });

    it("says so when onnxruntime itself refuses a file that passed our checks", async () => {
      const graph = {
        node: [node("MatMulInteger", ["x", "w"], ["y"])],
        initializer: [constant("w", "int8", [2, 2], [1, 2, 3, 4])],
        input: [value("x", "uint8", [1, 2])],
        output: [value("y", "int32", [1, 2])],
      };
      const file = onnxFile(graph, { irVersion: 9999 });
      await expectProtocolError("model/malformed", () => load(file, manifestFor(file)));
    });

    it("refuses inputs of another length", async () => {
      const model = await load(productFile(), manifestFor(productFile()));
      await expectProtocolError("tensor/wrong-shape", () => model.run(new Uint8Array(1)));
      await expectProtocolError("tensor/too-large", () => model.run(new Uint8Array(3)));
      await model.close();
    });

    it("finishes what runs before it closes, and runs nothing after", async () => {
      const model = await load(productFile(), manifestFor(productFile()));
      const running = model.run(Uint8Array.of(1, 1));
      await Promise.all([model.close(), model.close()]);
      expect((await running).length).to.equal(8);
      await expectProtocolError("model/closed", () => model.run(Uint8Array.of(1, 1)));
    });

    it("loads what it checked, though the caller changes the bytes meanwhile", async () => {
      const file = productFile();
      const loading = load(file, manifestFor(productFile()));
      file.fill(0);
      const model = await loading;
      expect((await model.run(Uint8Array.of(0, 1)))[0]).to.equal(3);
      await model.close();
    });
  });
}

describe("the WebAssembly backend's threads", () => {
  it("are fixed once it has started", async () => {
    await expectProtocolError("backend/threads-fixed", () => createOnnxWasm({ threads: 3 }));
  });
});
