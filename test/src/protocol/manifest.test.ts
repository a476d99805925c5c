import { expect } from "chai";
import { keccak256, toHex } from "viem";
import {
  canonicalJson,
  type Manifest,
  manifestHash,
  parseManifest,
  resolveArtefactUris,
} from "../../../src/protocol/manifest.ts";
import { manifestFor, productFile } from "../../support/onnxFiles.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

describe("canonical JSON", () => {
  it("sorts keys by UTF-16 code units, at every depth, and leaves lists in order", () => {
    const value = { b: [3, 1, { z: 1, a: 2 }], a: null, "€": 1, "\r": 2, "😀": 3, "\ufb33": 4, "1": 5, ö: 6 };
    expect(canonicalJson(value)).to.equal(
      '{"\\r":2,"1":5,"a":null,"b":[3,1,{"a":2,"z":1}],"ö":6,"€":1,"😀":3,"\ufb33":4}',
    );
  });

  it("writes text as ECMAScript does", () => {
    expect(canonicalJson('\u0007 " \\ / € \n')).to.equal('"\\u0007 \\" \\\\ / € \\n"');
  });

  it("writes minus zero as 0 and takes the greatest safe number", () => {
    expect(canonicalJson([-0, 2 ** 53 - 1, true, false])).to.equal("[0,9007199254740991,true,false]");
  });

  for (const value of [
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1n,
    undefined,
    "\ud800",
    { a: undefined },
    new Map(),
    Uint8Array.of(1),
    new Array(1),
  ]) {
    it(`refuses ${typeof value} ${String(value)}`, async () => {
      await expectProtocolError("manifest/invalid", () => canonicalJson({ value }));
    });
  }
});

describe("manifest", () => {
  const valid = (): Record<string, unknown> => JSON.parse(JSON.stringify(manifestFor(productFile())));

  it("hashes to the keccak256 of its canonical JSON, however it is written", () => {
    const manifest = parseManifest(valid());
    const reordered = Object.fromEntries(Object.entries(valid()).reverse());
    expect(manifestHash(manifest)).to.equal(keccak256(toHex(canonicalJson(manifest))));
    expect(manifestHash(parseManifest(JSON.stringify(reordered, null, 4)))).to.equal(manifestHash(manifest));
  });

  it("hashes to something else when any field changes", () => {
    const hashes = [{}, { name: "other" }, { labels: ["a"] }, { maxResultBytes: 9 }].map((changes) =>
      manifestHash(parseManifest({ ...valid(), ...changes })),
    );
    expect(new Set(hashes).size).to.equal(hashes.length);
  });

  it("reads what it writes", () => {
    expect(parseManifest(canonicalJson(parseManifest(valid())))).to.deep.equal(valid());
  });

  const refused: [string, Record<string, unknown>][] = [
    ["an unknown field", { extra: 1 }],
    ["a name with a slash", { name: "a/b" }],
    ["a version of two numbers", { version: "1.0" }],
    ["another format", { format: "gguf" }],
    ["a model that isn't bit-exact", { bitExact: false }],
    ["a hash in capitals", { artefact: { hash: `0x${"A".repeat(64)}`, sizeBytes: 1, uris: ["m"] } }],
    ["an artefact without a place", { artefact: { hash: `0x${"a".repeat(64)}`, sizeBytes: 1, uris: [] } }],
    [
      "a file of the reader's machine",
      { artefact: { hash: `0x${"a".repeat(64)}`, sizeBytes: 1, uris: ["file:///etc/passwd"] } },
    ],
    ["a path that climbs", { artefact: { hash: `0x${"a".repeat(64)}`, sizeBytes: 1, uris: ["../m.onnx"] } }],
    ["an absolute path", { artefact: { hash: `0x${"a".repeat(64)}`, sizeBytes: 1, uris: ["/m.onnx"] } }],
    ["no inputs", { inputs: [] }],
    ["a batch of two", { inputs: [{ name: "x", dtype: "uint8", shape: [2, 2] }] }],
    ["an open dimension", { inputs: [{ name: "x", dtype: "uint8", shape: [1, 0] }] }],
    ["floating-point tensors", { inputs: [{ name: "x", dtype: "float32", shape: [1, 2] }] }],
    ["a dtype named like an object's own", { inputs: [{ name: "x", dtype: "constructor", shape: [1, 2] }] }],
    ["two inputs of one name", { inputs: [1, 2].map(() => ({ name: "x", dtype: "uint8", shape: [1, 2] })) }],
    ["fewer result bytes than the outputs take", { maxResultBytes: 7 }],
    ["an accuracy with a fraction", { accuracy: { metric: "top-1", accuracyPpm: 0.97, cases: 1, split: "all" } }],
    ["a label of two lines", { labels: ["a\nb"] }],
    ["null for an object", { licence: null }],
  ];
  for (const [what, changes] of refused) {
    it(`refuses ${what}`, async () => {
      await expectProtocolError("manifest/invalid", () => parseManifest({ ...valid(), ...changes }));
    });
  }

  it("refuses every missing field by name", async () => {
    for (const field of Object.keys(valid())) {
      const { [field]: _, ...rest } = valid();
      expect((await expectProtocolError("manifest/invalid", () => parseManifest(rest))).message).to.include(field);
    }
  });

  it("refuses tensors too large for a job", async () => {
    const inputs = [{ name: "x", dtype: "int32", shape: [1, 5_000_000] }];
    await expectProtocolError("tensor/too-large", () => parseManifest({ ...valid(), inputs }));
  });

  it("refuses text that isn't JSON, or is too long", async () => {
    await expectProtocolError("manifest/invalid", () => parseManifest("{"));
    await expectProtocolError("manifest/invalid", () => parseManifest("[".repeat(50_000)));
    await expectProtocolError("manifest/invalid", () => parseManifest(" ".repeat(70_000)));
  });

  it("resolves the artefact's places against its own", () => {
    const at = (uris: string[]): Manifest =>
      parseManifest({ ...valid(), artefact: { hash: `0x${"a".repeat(64)}`, sizeBytes: 1, uris } });
    expect(resolveArtefactUris(at(["model.onnx", "https://b.org/m"]), "https://a.org/x/manifest.json")).to.deep.equal([
      "https://a.org/x/model.onnx",
      "https://b.org/m",
    ]);
    expect(resolveArtefactUris(at(["v1/model.onnx"]), "file:///models/x/manifest.json")).to.deep.equal([
      "file:///models/x/v1/model.onnx",
    ]);
    expect(resolveArtefactUris(at(["model.onnx"]), "ipfs://bafy/manifest.json")).to.deep.equal([
      "ipfs://bafy/model.onnx",
    ]);
  });
});
