import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createModelShelf } from "../../../src/node/models.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { publicationOf } from "../../support/shippedModels.ts";

const ZERO = `0x${"00".repeat(32)}` as const;

describe("a node's models", () => {
  it("serves what was published", async () => {
    const { artefact, manifest } = await readShippedModel("iris");
    const shelf = createModelShelf(createOnnxNative());
    const published = publicationOf(manifest);
    await shelf.add(published, manifest, artefact);
    const result = await shelf.find(published.modelId)?.run(Uint8Array.of(51, 35, 14, 2));
    expect(result).to.have.lengthOf(12);
    expect(shelf.find(ZERO)).to.equal(undefined);
    await shelf.close();
  });

  it("refuses an id that its listing doesn't hash to", async () => {
    const { artefact, manifest } = await readShippedModel("iris");
    const shelf = createModelShelf(createOnnxNative());
    const published = { ...publicationOf(manifest), modelId: ZERO };
    await expectProtocolError("model/id-mismatch", () => shelf.add(published, manifest, artefact));
  });

  it("refuses another manifest than the published one", async () => {
    const { artefact, manifest } = await readShippedModel("iris");
    const shelf = createModelShelf(createOnnxNative());
    const other = { ...manifest, version: "9.9.9" };
    await expectProtocolError("model/manifest-mismatch", () => shelf.add(publicationOf(manifest), other, artefact));
  });

  it("refuses an artefact with one byte changed", async () => {
    const { artefact, manifest } = await readShippedModel("iris");
    const shelf = createModelShelf(createOnnxNative());
    artefact[100] = (artefact[100] ?? 0) ^ 1;
    await expectProtocolError("model/hash-mismatch", () => shelf.add(publicationOf(manifest), manifest, artefact));
  });
});
