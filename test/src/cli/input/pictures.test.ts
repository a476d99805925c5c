import { crc32, deflateSync } from "node:zlib";
import { expect } from "chai";
import { encode, type ImageData } from "fast-png";
import { digitsHeldOut, type Sample, spread } from "../../../../scripts/training/datasets.ts";
import { readShippedModel } from "../../../../scripts/training/shipped.ts";
import { encodeFile } from "../../../../src/cli/input/encodeFile.ts";
import { readPng } from "../../../../src/cli/input/greyPicture.ts";
import type { LoadedModel } from "../../../../src/inference/backend.ts";
import { createOnnxNative } from "../../../../src/inference/onnxNative.ts";
import { decodeTensors, type TensorSpec } from "../../../../src/protocol/tensor.ts";
import { darkOnWhite, enlarged, framed, type Grey, toPng } from "../../../support/pictures.ts";
import { expectProtocolError } from "../../../support/protocolErrors.ts";

const DIGITS: TensorSpec[] = [{ name: "pixels", dtype: "uint8", shape: [1, 784] }];

/** A bright stroke of 2×10 pixels on black. */
function stroke(): Grey {
  const data = new Uint8Array(32 * 32);
  for (let y = 10; y < 20; y++) data.fill(255, y * 32 + 5, y * 32 + 7);
  return { width: 32, height: 32, data };
}

describe("a picture as a model's input", () => {
  describe("opens PNG files", () => {
    const two = { width: 2, height: 1 };
    const cases: [string, ImageData, number[]][] = [
      ["grey", { ...two, data: Uint8Array.of(0, 200), channels: 1 }, [0, 200]],
      ["16 bits", { ...two, data: Uint16Array.of(0, 65_535), channels: 1, depth: 16 }, [0, 255]],
      ["colour", { ...two, data: Uint8Array.of(255, 0, 0, 0, 0, 255), channels: 3 }, [76, 29]],
      ["1 bit", { ...two, data: Uint8Array.of(0b0100_0000), channels: 1, depth: 1 }, [0, 255]],
      ["4 bits", { ...two, data: Uint8Array.of(0x0f), channels: 1, depth: 4 }, [0, 255]],
      ["dark strokes on nothing: white behind", { ...two, data: Uint8Array.of(0, 255, 0, 0), channels: 2 }, [0, 255]],
      [
        "bright strokes on nothing: black behind",
        { ...two, data: Uint8Array.of(255, 255, 0, 0), channels: 2 },
        [255, 0],
      ],
      [
        "colour, half transparent over white",
        { ...two, data: Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 127), channels: 4 },
        [0, 128],
      ],
    ];
    for (const [name, image, wanted] of cases) {
      it(name, () => {
        const { picture } = readPng(encode(image));
        expect([picture.width, picture.height]).to.deep.equal([2, 1]);
        expect(Array.from(picture.values, Math.round)).to.deep.equal(wanted);
      });
    }

    it("a palette, and one with a transparent colour", () => {
      // 2 pixels of 1 bit: palette entries 0 (black) and 1 (white); then the second is transparent.
      const opaque = pngOf(3, 1, [["PLTE", [0, 0, 0, 255, 255, 255]]], [0, 0b0100_0000]);
      expect(Array.from(readPng(opaque).picture.values)).to.deep.equal([0, 255]);
      const holed = pngOf(
        3,
        1,
        [
          ["PLTE", [0, 0, 0, 10, 10, 10]],
          ["tRNS", [255, 0]],
        ],
        [0, 0b0100_0000],
      );
      const { picture, notes } = readPng(holed);
      expect(Array.from(picture.values)).to.deep.equal([0, 255]);
      expect(notes).to.deep.equal(["what is transparent was taken as white"]);
    });

    it("a grey that stands for nothing", () => {
      const keyed = pngOf(0, 8, [["tRNS", [0, 99]]], [0, 0, 99]);
      expect(Array.from(readPng(keyed).picture.values)).to.deep.equal([0, 255]);
    });

    it("refuses what is none, is damaged, or is too large to unpack", async () => {
      const png = toPng(stroke());
      await expectProtocolError("input/malformed-picture", () => readPng(Uint8Array.of(1, 2, 3)));
      await expectProtocolError("input/malformed-picture", () => readPng(png.slice(0, 60)));
      await expectProtocolError("input/malformed-picture", () => readPng(png.with(45, (png[45] ?? 0) ^ 255)));
      const huge = png.slice();
      new DataView(huge.buffer).setUint32(16, 1_000_000);
      await expectProtocolError("input/too-large", () => readPng(huge));
    });
  });

  describe("becomes a digit as MNIST has them", () => {
    it("as it is when it has 28×28 pixels already, inverted when its border is bright", () => {
      const data = new Uint8Array(784).map((_, i) => (i % 28 > 10 && i % 28 < 14 ? 200 : 0));
      const picture = { width: 28, height: 28, data };
      expect(encodeFile(toPng(picture), "png", DIGITS)).to.deep.equal({ bytes: data, notes: [] });
      const { bytes, notes } = encodeFile(toPng(darkOnWhite(picture)), "png", DIGITS);
      expect(bytes).to.deep.equal(data);
      expect(notes).to.deep.equal(["inverted: digits are bright on black, the border is bright"]);
    });

    it("inverted or not as one says", () => {
      const data = new Uint8Array(784).fill(10);
      const png = toPng({ width: 28, height: 28, data });
      expect(encodeFile(png, "png", DIGITS, { invert: true }).bytes).to.deep.equal(data.map(() => 245));
      expect(
        encodeFile(toPng(darkOnWhite({ width: 28, height: 28, data })), "png", DIGITS, { invert: false }).bytes,
      ).to.deep.equal(data.map(() => 245));
    });

    it("cropped, fitted to 20 pixels and centred by its mass", () => {
      const { bytes, notes } = encodeFile(toPng(stroke()), "png", DIGITS);
      const bright = Array.from(bytes.entries()).filter(([, value]) => value > 0);
      const columns = new Set(bright.map(([i]) => i % 28));
      const rows = new Set(bright.map(([i]) => Math.floor(i / 28)));
      expect([...columns]).to.deep.equal([12, 13, 14, 15]);
      expect([Math.min(...rows), Math.max(...rows)]).to.deep.equal([4, 23]);
      expect(bright.every(([, value]) => value === 255)).to.equal(true);
      expect(notes).to.deep.equal(["cropped to 2×10 of 32×32 pixels, fitted and centred"]);
    });

    it("refuses a blank page, and says what to try", async () => {
      const blank = { width: 50, height: 50, data: new Uint8Array(2500).fill(240) };
      await expectProtocolError("input/blank-picture", () => encodeFile(toPng(blank), "png", DIGITS));
    });
  });

  describe("of another size than digits have", () => {
    const specs: TensorSpec[] = [{ name: "picture", dtype: "uint8", shape: [1, 8, 8] }];

    it("is only scaled by averaging areas", () => {
      const data = new Uint8Array(256).map((_, i) => (i % 2) * 200);
      const { bytes } = encodeFile(toPng({ width: 16, height: 16, data }), "png", specs);
      expect(bytes).to.deep.equal(new Uint8Array(64).fill(100));
    });

    it("must be square", async () => {
      const wide = { width: 16, height: 8, data: new Uint8Array(128) };
      await expectProtocolError("input/not-square", () => encodeFile(toPng(wide), "png", specs));
    });
  });

  /** Of 100 held-out digits, 97 are read as the data set has them; nobody should lose many by drawing on paper instead. */
  describe("is still read by the digits model", () => {
    const samples = spread(digitsHeldOut(), 100);
    let model: LoadedModel;

    before(async () => {
      const { artefact, manifest } = await readShippedModel("digits");
      model = await createOnnxNative().load(artefact, manifest);
    });

    after(() => model.close());

    const original = ({ inputBytes }: Sample): Grey => ({ width: 28, height: 28, data: inputBytes });
    const paper = (sample: Sample) =>
      darkOnWhite(framed(enlarged(original(sample), 200), { width: 320, height: 240, left: 100, top: 20 }));
    /** Off-white paper, pale pencil, and a grain of ±12 grey values from a fixed generator. */
    const photo = (sample: Sample) => {
      let state = 1;
      const grain = () => {
        state = (state * 16_807) % 2_147_483_647;
        return (state / 2_147_483_647 - 0.5) * 24;
      };
      const picture = framed(enlarged(original(sample), 150), { width: 240, height: 180, left: 60, top: 15 });
      return { ...picture, data: picture.data.map((value) => 225 - value * 0.7 + grain()) };
    };
    const cases: [string, (sample: Sample) => Grey, number][] = [
      ["as it is", original, 97],
      ["dark on white", (sample) => darkOnWhite(original(sample)), 97],
      ["at 200×200, soft edges", (sample) => enlarged(original(sample), 200), 96],
      ["dark on white with margins, 320×240", paper, 96],
      ["pale on grainy paper, 240×180", photo, 95],
      [
        "at 14×14 somewhere in 40×40",
        (sample) => framed(enlarged(original(sample), 14), { width: 40, height: 40, left: 3, top: 20 }),
        93,
      ],
    ];
    for (const [name, draw, least] of cases) {
      it(`${name}: at least ${least} of 100`, async () => {
        let right = 0;
        for (const sample of samples) {
          const { bytes } = encodeFile(toPng(draw(sample)), "png", DIGITS);
          if ((await labelOf(bytes)) === sample.label) right += 1;
        }
        expect(right).to.be.at.least(least);
      }).timeout(30_000);
    }

    async function labelOf(bytes: Uint8Array): Promise<number> {
      const outputs: TensorSpec[] = [{ name: "logits", dtype: "int32", shape: [1, 10] }];
      const logits = Array.from(decodeTensors(outputs, await model.run(bytes))[0] ?? []);
      return logits.indexOf(Math.max(...logits));
    }
  });
});

/** A PNG of 2×1 pixels written by hand, since the encoder writes no palettes. */
function pngOf(colourType: number, depth: number, chunks: [string, number[]][], row: number[]): Uint8Array {
  const header = [0, 0, 0, 2, 0, 0, 0, 1, depth, colourType, 0, 0, 0];
  const body = [["IHDR", header], ...chunks, ["IDAT", [...deflateSync(Uint8Array.from(row))]], ["IEND", []]] as [
    string,
    number[],
  ][];
  return Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, ...body.flatMap(([name, data]) => chunk(name, data))]);
}

function chunk(name: string, data: number[]): number[] {
  const named = [...Buffer.from(name), ...data];
  return [...bigEndian(data.length), ...named, ...bigEndian(crc32(Uint8Array.from(named)))];
}

function bigEndian(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
}
