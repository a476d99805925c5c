import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import type { ModelPublished } from "../../../src/chain/models.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createModelShelf } from "../../../src/node/models.ts";
import { type Manifest, manifestHash } from "../../../src/protocol/manifest.ts";
import { modelIdOf } from "../../../src/protocol/model.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ZERO = `0x${"00".repeat(32)}` as const;
const PUBLISHER = "0x00000000000000000000000000000000000000aa";

function publicationOf(manifest: Manifest): ModelPublished {
  const listing = {
    manifestHash: manifestHash(manifest),
    graphRoot: ZERO,
    weightRoot: ZERO,
    bitExact: manifest.bitExact,
    maxResultBytes: manifest.maxResultBytes,
    price: 1n,
    royaltyPpm: 0,
    royaltyRecipient: PUBLISHER,
  } as const;
  return {
    modelId: modelIdOf({ publisher: PUBLISHER, ...listing }),
    publisher: PUBLISHER,
    manifestHash: listing.manifestHash,
    manifestUri: "models/iris/manifest.json",
    listing,
    place: { blockNumber: 1n, blockHash: ZERO, transactionHash: ZERO, logIndex: 0 },
  };
}

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
