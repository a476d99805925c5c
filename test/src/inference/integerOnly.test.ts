import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import { checkIntegerOnly } from "../../../src/inference/integerOnly.ts";
import { constant, type Graph, node, onnxFile, productFile, type Type, value } from "../../support/onnxFiles.ts";

const bytesIn = value("x", "uint8", [1, 2]);
const weights = constant("w", "int8", [2, 2], [1, -2, 3, 4]);
const product = node("MatMulInteger", ["x", "w"], ["p"]);

/** A product, then one more node over it. */
function afterProduct(more: object, constants: object[], type: Type = "int32"): Uint8Array {
  return onnxFile({
    node: [product, more],
    initializer: [weights, ...constants],
    input: [bytesIn],
    output: [value("y", type, [1, 2])],
  });
}

const scalar = (name: string, of: number) => constant(name, "int32", [], [of]);

describe("the integer-only check", () => {
  it("accepts the shipped models", async () => {
    for (const name of ["digits", "iris"] as const) {
      const { artefact } = await readShippedModel(name);
      expect(checkIntegerOnly(artefact)).to.deep.equal({ ok: true, reasons: [] });
    }
  });

  it("accepts weights of 7 bits and no wider", () => {
    expect(checkIntegerOnly(productFile([63, -63, 0, 1])).ok).to.equal(true);
    for (const weight of [64, -64, 127, -128]) refuses(productFile([weight, 0, 0, 0]), /7 bits/);
  });

  it("refuses a floating-point model, naming every reason", () => {
    const file = onnxFile({
      node: [node("MatMul", ["x", "w"], ["h"]), node("Softmax", ["h"], ["y"], { axis: 1 })],
      initializer: [constant("w", "float32", [2, 2], [1, 2, 3, 4])],
      input: [value("x", "float32", [1, 2])],
      output: [value("y", "float32", [1, 2])],
    });
    refuses(file, /input "x"/, /constant "w"/, /MatMul /, /Softmax /);
  });

  it("refuses a float hidden between integers", () => {
    refuses(afterProduct(node("Cast", ["p"], ["y"], { to: 1 }), [], "float32"), /casts int32/);
  });

  it("refuses a division by zero, and of what may be negative", () => {
    refuses(afterProduct(node("Div", ["p", "d"], ["y"]), [scalar("d", 0)]), /divides by 0/);
    refuses(afterProduct(node("Div", ["p", "d"], ["y"]), [scalar("d", 2)]), /clip them first/);
  });

  it("refuses a cast that could lose bits", () => {
    refuses(afterProduct(node("Cast", ["p"], ["y"], { to: 2 }), [], "uint8"), /clip or divide first/);
  });

  it("refuses sums that could overflow", () => {
    refuses(afterProduct(node("Add", ["p", "b"], ["y"]), [constant("b", "int32", [2], [2 ** 31 - 1, 0])]), /overflows/);
  });

  it("refuses a sum that grows by broadcasting", () => {
    const bias = constant("b", "int32", [1000, 1], Array(1000).fill(1));
    refuses(afterProduct(node("Add", ["p", "b"], ["y"]), [bias]), /broadcasts/);
  });

  it("refuses small files that compute without end: many operations, or many rows times the same weights", () => {
    const [width, count] = [100_000, 9_000];
    const clips = Array.from({ length: count }, (_, n) => node("Clip", [`v${n}`, "a", "b"], [`v${n + 1}`]));
    const wide = onnxFile({
      node: [node("MatMulInteger", ["x", "w"], ["v0"]), ...clips],
      initializer: [constant("w", "int8", [1, width], Array(width).fill(1)), scalar("a", 0), scalar("b", 9)],
      input: [value("x", "uint8", [1, 1])],
      output: [value(`v${count}`, "int32", [1, width])],
    });
    refuses(wide, /computes 900100000 elements/);
    const [rows, side] = [2 ** 14, 2 ** 8];
    const tall = onnxFile({
      node: [node("MatMulInteger", ["x", "w"], ["y"])],
      initializer: [constant("w", "int8", [side, side], Array(side * side).fill(1))],
      input: [value("x", "uint8", [rows, side])],
      output: [value("y", "int32", [rows, side])],
    });
    refuses(tall, /adds up 1073741824 products/);
  });

  it("takes hardly longer for weights that are used often than for those used once", () => {
    const side = 1_000;
    const lasts = (times: number) => {
      const file = onnxFile({
        node: Array.from({ length: times }, (_, n) => node("MatMulInteger", ["x", "w"], [`y${n}`])),
        initializer: [constant("w", "int8", [side, side], Array(side * side).fill(-1))],
        input: [value("x", "uint8", [1, side])],
        output: [value("y0", "int32", [1, side])],
      });
      const startedAt = performance.now();
      expect(checkIntegerOnly(file).reasons).to.deep.equal([]);
      return performance.now() - startedAt;
    };
    lasts(1);
    expect(lasts(500)).to.be.lessThan(10 * lasts(1));
  });

  it("refuses clips upside down", () => {
    refuses(afterProduct(node("Clip", ["p", "a", "b"], ["y"]), [scalar("a", 2), scalar("b", 1)]), /low before high/);
  });

  it("refuses operations of other domains, zero points, and values used before they exist", () => {
    refuses(afterProduct({ ...node("Add", ["p", "p"], ["y"]), domain: "com.evil" }, []), /com.evil.Add/);
    refuses(afterProduct(node("MatMulInteger", ["x", "w", "z"], ["y"]), [constant("z", "uint8", [], [3])]), /3 inputs/);
    refuses(afterProduct(node("Add", ["later", "p"], ["y"]), []), /not all defined/);
  });

  const valid: Graph = {
    node: [node("MatMulInteger", ["x", "w"], ["y"])],
    initializer: [weights],
    input: [bytesIn],
    output: [value("y", "int32", [1, 2])],
  };
  const odd: [string, Uint8Array][] = [
    ["two values of one name", onnxFile({ ...valid, initializer: [weights, weights] })],
    ["an output of another shape", onnxFile({ ...valid, output: [value("y", "int32", [2, 1])] })],
    ["an output nobody computes", onnxFile({ ...valid, output: [value("q", "int32", [1, 2])] })],
    ["an open dimension", onnxFile({ ...valid, input: [value("x", "uint8", [0, 2])] })],
    ["dimensions below zero", onnxFile({ ...valid, initializer: [{ ...weights, dims: [-2, -2] }] })],
    ["constants shorter than their shape", onnxFile({ ...valid, initializer: [{ ...weights, dims: [200, 2] }] })],
    ["constants stored in another way", onnxFile({ ...valid, initializer: [{ ...weights, int32Data: [1, 2, 3, 4] }] })],
    [
      "constants in another file",
      onnxFile({
        ...valid,
        initializer: [{ ...weights, dataLocation: 1, externalData: [{ key: "location", value: "../secret" }] }],
      }),
    ],
    ["no opset", onnxFile(valid, { opsetImport: [] })],
    ["an opset it doesn't know", onnxFile(valid, { opsetImport: [{ domain: "", version: 99 }] })],
    ["functions", onnxFile(valid, { functions: [{ name: "MatMulInteger" }] })],
    ["training info", onnxFile(valid, { trainingInfo: [{}] })],
    ["two graphs", Uint8Array.from([...onnxFile(valid), ...onnxFile(valid)])],
    ["an empty file", new Uint8Array()],
    ["a file cut short", onnxFile(valid).subarray(0, -3)],
    ["a text file", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n")],
  ];
  for (const [what, file] of odd) {
    it(`refuses ${what}`, () => {
      refuses(file, /./);
    });
  }

  it("answers for every damaged byte of a model instead of throwing", async () => {
    const { artefact } = await readShippedModel("iris");
    for (let at = 0; at < artefact.length; at++) {
      const damaged = artefact.slice();
      damaged[at] = (damaged[at] as number) ^ 0xff;
      expect(checkIntegerOnly(damaged).ok).to.be.a("boolean");
      expect(checkIntegerOnly(artefact.subarray(0, at)).ok).to.equal(false);
    }
  });
});

function refuses(file: Uint8Array, ...reasons: RegExp[]): void {
  const result = checkIntegerOnly(file);
  expect(result.ok).to.equal(false);
  for (const reason of reasons) expect(result.reasons.join("\n")).to.match(reason);
}
