import { Readable } from "node:stream";
import { expect } from "chai";
import { irisAll } from "../../../../scripts/training/datasets.ts";
import { encodeFile } from "../../../../src/cli/input/encodeFile.ts";
import { inputFormOf } from "../../../../src/cli/input/inputForm.ts";
import { readInput } from "../../../../src/cli/input/readInput.ts";
import type { TensorSpec } from "../../../../src/protocol/tensor.ts";
import { expectProtocolError } from "../../../support/protocolErrors.ts";

const IRIS: TensorSpec[] = [{ name: "millimetres", dtype: "uint8", shape: [1, 4] }];
const PLAIN: TensorSpec[] = [{ name: "counts", dtype: "int32", shape: [1, 3] }];

const csv = (text: string, options = {}, specs = IRIS) => encodeFile(Buffer.from(text), "csv", specs, options);
const json = (text: string, options = {}, specs = IRIS) => encodeFile(Buffer.from(text), "json", specs, options);

describe("a row of numbers as a model's input", () => {
  it("is taken in centimetres when it has fractions, and says so", () => {
    const { bytes, notes } = csv("5.1,3.5,1.4,0.2");
    expect(bytes).to.deep.equal(Uint8Array.of(51, 35, 14, 2));
    expect(notes).to.deep.equal(["numbers with a fraction were taken as centimetres", "millimetres: 51, 35, 14, 2"]);
    expect(json("[5.1, 3.5, 1.4, 0.2]").bytes).to.deep.equal(bytes);
  });

  it("is taken as it is when it is whole, and says how to have it otherwise", () => {
    const { bytes, notes } = csv("51;35;14;2");
    expect(bytes).to.deep.equal(Uint8Array.of(51, 35, 14, 2));
    expect(notes[0]).to.include("--scale 10");
    expect(csv("6,3,5,2", { scale: 10 }).bytes).to.deep.equal(Uint8Array.of(60, 30, 50, 20));
  });

  it("encodes every row of the data set as training did", () => {
    for (const { inputBytes } of irisAll()) {
      const centimetres = Array.from(inputBytes, (value) => value / 10);
      const options = centimetres.every(Number.isInteger) ? { scale: 10 } : {};
      expect(csv(centimetres.join(","), options).bytes).to.deep.equal(inputBytes);
    }
  });

  it("passes over a line of names and a column of classes, and says so", () => {
    const table = "a,b,c,d,species\r\n5.1,3.5,1.4,0.2,setosa\r\n\r\n6.3,3.3,6.0,2.5,virginica\r\n";
    const { bytes, notes } = csv(table, { row: 2 });
    expect(bytes).to.deep.equal(Uint8Array.of(63, 33, 60, 25));
    expect(notes.slice(0, 2)).to.deep.equal([
      "the first line was taken for names and passed over",
      "the column of words was taken for the class and left out",
    ]);
    expect(csv("setosa\t5.1\t3.5\t1.4\t0.2").bytes).to.deep.equal(Uint8Array.of(51, 35, 14, 2));
  });

  it("asks which of several rows is meant", async () => {
    const error = await expectProtocolError("input/several-rows", () => csv("5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5"));
    expect(error.message).to.include("--row 1 to --row 2");
    await expectProtocolError("input/no-such-row", () => csv("5.1,3.5,1.4,0.2", { row: 2 }));
    expect(json("[[5.1,3.5,1.4,0.2],[6.3,3.3,6.0,2.5]]", { row: 1 }).bytes).to.deep.equal(Uint8Array.of(51, 35, 14, 2));
    expect(json("[[5.1,3.5,1.4,0.2]]").bytes).to.deep.equal(Uint8Array.of(51, 35, 14, 2));
  });

  it("is refused for what isn't such a row", async () => {
    await expectProtocolError("input/wrong-columns", () => csv("1,5.1,3.5,1.4,0.2"));
    await expectProtocolError("input/wrong-columns", () => csv("5.1,3.5,1.4"));
    await expectProtocolError("input/wrong-columns", () => json("[1,2,3]"));
    await expectProtocolError("input/not-a-number", () => csv("5.1,3.5,,0.2"));
    await expectProtocolError("input/not-a-number", () => csv("5.1,0x10,1.4,0.2"));
    await expectProtocolError("input/empty", () => csv(""));
    await expectProtocolError("input/empty", () => csv("a,b,c,d\n"));
    await expectProtocolError("input/malformed-json", () => json("{"));
    await expectProtocolError("input/malformed-json", () => json('{"a": 1}'));
    await expectProtocolError("input/wrong-format", () => encodeFile(Uint8Array.of(1), "png", IRIS));
    await expectProtocolError("tensor/not-integer", () => csv("5.13,3.5,1.4,0.2"));
    await expectProtocolError("tensor/out-of-range", () => csv("25.6,3.5,1.4,0.2"));
    await expectProtocolError("tensor/out-of-range", () => csv("-5.1,3.5,1.4,0.2"));
  });

  it("of a model without a known unit is taken as it is", async () => {
    expect(csv("1,-2,3", {}, PLAIN).bytes).to.deep.equal(Uint8Array.of(1, 0, 0, 0, 254, 255, 255, 255, 3, 0, 0, 0));
    await expectProtocolError("tensor/not-integer", () => csv("1.5,2,3", {}, PLAIN));
  });

  it("raw bytes are taken exactly", async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    expect(encodeFile(bytes, "raw", IRIS)).to.deep.equal({ bytes, notes: [] });
    await expectProtocolError("tensor/wrong-shape", () => encodeFile(bytes.slice(1), "raw", IRIS));
    await expectProtocolError("tensor/too-large", () => encodeFile(Uint8Array.of(1, 2, 3, 4, 5), "raw", IRIS));
  });
});

describe("what a person brings for a model", () => {
  const form = (shape: number[], dtype: TensorSpec["dtype"] = "uint8") => inputFormOf([{ name: "x", dtype, shape }]);

  it("is told by the tensors' shape", () => {
    expect(form([1, 784])).to.deep.equal({ kind: "picture", side: 28 });
    expect(form([1, 28, 28])).to.deep.equal({ kind: "picture", side: 28 });
    expect(form([1, 4])).to.include({ kind: "row", count: 4 }); // not 2×2
    expect(form([1, 784], "int32")).to.include({ kind: "row", count: 784 });
    expect(form([1, 14, 56])).to.deep.equal({ kind: "raw" });
    expect(inputFormOf([...IRIS, ...PLAIN])).to.deep.equal({ kind: "raw" });
  });
});

describe("reading an input", () => {
  const nothing = Readable.from([]);

  it("takes the format from the name, or as told, and standard input for -", async () => {
    const { content, format } = await readInput("models/iris/manifest.json", nothing);
    expect(format).to.equal("json");
    expect(Buffer.from(content).toString()).to.include('"name": "iris"');
    const piped = await readInput("-", Readable.from([Buffer.from("1,"), Buffer.from("2")]), "csv");
    expect(Buffer.from(piped.content).toString()).to.equal("1,2");
  });

  it("refuses what it can't read or name", async () => {
    await expectProtocolError("usage/unknown-format", () => readInput("-", nothing));
    await expectProtocolError("usage/unknown-format", () => readInput("models/iris/model.onnx", nothing));
    await expectProtocolError("input/unreadable", () => readInput("no/such.png", nothing));
    await expectProtocolError("input/unreadable", () => readInput("models", nothing, "raw"));
    const endless = Readable.from(
      (function* () {
        for (;;) yield new Uint8Array(2 ** 20);
      })(),
    );
    await expectProtocolError("input/too-large", () => readInput("-", endless, "raw"));
  });
});
