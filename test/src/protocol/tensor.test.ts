import { expect } from "chai";
import {
  byteLengthOf,
  decodeTensors,
  encodeTensors,
  MAX_TENSOR_BYTES,
  type TensorSpec,
} from "../../../src/protocol/tensor.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const bytes: TensorSpec = { name: "bytes", dtype: "uint8", shape: [1, 3] };
const signed: TensorSpec = { name: "signed", dtype: "int8", shape: [1, 2] };
const words: TensorSpec = { name: "words", dtype: "int32", shape: [1, 2] };
const reals: TensorSpec = { name: "reals", dtype: "float32", shape: [1, 1] };

describe("tensors as bytes", () => {
  it("lie one after another, little-endian, without a header", () => {
    const encoded = encodeTensors([bytes, signed, words, reals], [[0, 1, 255], [-128, 127], [-2, 0x01020304], [1]]);
    expect([...encoded]).to.deep.equal([0, 1, 255, 0x80, 0x7f, 0xfe, 255, 255, 255, 4, 3, 2, 1, 0, 0, 0x80, 0x3f]);
    expect(byteLengthOf([bytes, signed, words, reals])).to.equal(encoded.length);
  });

  it("come back as they were, from any place in memory", () => {
    const values = [
      Uint8Array.of(7, 8, 9),
      Int8Array.of(-1, 1),
      Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
      Float32Array.of(-0.5),
    ];
    const specs = [bytes, signed, words, reals];
    const shifted = new Uint8Array([99, ...encodeTensors(specs, values)]).subarray(1);
    expect(decodeTensors(specs, shifted)).to.deep.equal(values);
  });

  it("don't share memory with what they were decoded from", () => {
    const source = Uint8Array.of(1, 2, 3);
    const [decoded] = decodeTensors([bytes], source);
    source.fill(0);
    expect(decoded).to.deep.equal(Uint8Array.of(1, 2, 3));
  });

  const refused: [string, string, TensorSpec[], number[][]][] = [
    ["too few values", "tensor/wrong-shape", [bytes], [[1, 2]]],
    ["too many values", "tensor/wrong-shape", [bytes], [[1, 2, 3, 4]]],
    ["a missing tensor", "tensor/wrong-shape", [bytes, words], [[1, 2, 3]]],
    ["NaN", "tensor/not-finite", [bytes], [[1, Number.NaN, 3]]],
    ["NaN among reals", "tensor/not-finite", [reals], [[Number.NaN]]],
    ["infinity", "tensor/not-finite", [words], [[1, Number.POSITIVE_INFINITY]]],
    ["a fraction", "tensor/not-integer", [bytes], [[1, 2.5, 3]]],
    ["256 in a byte", "tensor/out-of-range", [bytes], [[1, 256, 3]]],
    ["−1 in a byte", "tensor/out-of-range", [bytes], [[1, -1, 3]]],
    ["2^31 in a word", "tensor/out-of-range", [words], [[1, 2 ** 31]]],
    ["a real that would become infinite", "tensor/out-of-range", [reals], [[1e39]]],
  ];
  for (const [what, code, specs, values] of refused) {
    it(`refuse ${what}`, async () => {
      await expectProtocolError(code, () => encodeTensors(specs, values));
    });
  }

  it("refuse bytes of another length", async () => {
    await expectProtocolError("tensor/wrong-shape", () => decodeTensors([words], new Uint8Array(7)));
    await expectProtocolError("tensor/too-large", () => decodeTensors([words], new Uint8Array(9)));
  });

  it("refuse NaN in bytes that come from elsewhere", async () => {
    await expectProtocolError("tensor/not-finite", () => decodeTensors([reals], Uint8Array.of(0, 0, 0xc0, 0x7f)));
  });

  it("refuse shapes that no job may carry", async () => {
    const huge: TensorSpec = { name: "huge", dtype: "int32", shape: [1, MAX_TENSOR_BYTES] };
    await expectProtocolError("tensor/too-large", () => byteLengthOf([huge]));
  });
});
