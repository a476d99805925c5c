import { expect } from "chai";
import { zeroHash } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { createModelFiles, type ModelFiles } from "../../../src/fetch/modelFiles.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createModelShelf, type ModelShelf, type ModelShelfOptions } from "../../../src/node/models.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";
import { startTestNetwork } from "../../support/testNetwork.ts";

const ROW = Uint8Array.of(51, 35, 14, 2);

describe("a node's models", () => {
  let chain: SigningChain;
  let iris: PublishedIris;
  let files: ModelFiles;
  let remove: () => Promise<void>;
  let shelf: ModelShelf | undefined;

  before(async () => {
    const cache = await temporaryFolder();
    ({ remove } = cache);
    files = createModelFiles({ cacheDir: cache.folder, fetchUri: createFetchUri({ allowPrivate: true }) });
    const testNetwork = await startTestNetwork();
    chain = await testNetwork.connectAs(2);
    iris = await publishIris(chain);
  });
  afterEach(() => shelf?.close());
  after(() => remove());

  function shelfWith(changes: Partial<ModelShelfOptions>): ModelShelf {
    shelf = createModelShelf({ chain, backend: createOnnxNative(), files, serve: "all", ...changes });
    return shelf;
  }

  it("serves what was published, from its publisher's files", async () => {
    const model = await shelfWith({}).open(iris.modelId);
    expect(await model?.run(ROW)).to.have.lengthOf(12);
    expect(model?.manifest).to.deep.equal(iris.manifest);
  });

  it("serves what it was told to, and nothing else", async () => {
    expect(await shelfWith({ serve: [iris.modelId] }).open(iris.modelId)).to.not.equal(undefined);
    expect(await shelfWith({ serve: [zeroHash] }).open(iris.modelId)).to.equal(undefined);
  });

  it("loads a model once, however many ask for it, and again after a failure", async () => {
    let loads = 0;
    const counting: ModelFiles = {
      ...files,
      manifestOf(published) {
        loads += 1;
        if (loads === 1) throw new ProtocolError("fetch/unreachable", "nobody answers", { isRetryable: true });
        return files.manifestOf(published);
      },
    };
    const models = shelfWith({ files: counting });
    await expectProtocolError("fetch/unreachable", () => models.open(iris.modelId));
    const [first, second] = await Promise.all([models.open(iris.modelId), models.open(iris.modelId)]);
    expect(second).to.equal(first);
    expect(loads).to.equal(2);
  });

  it("refuses a model that nobody published", async () => {
    await expectProtocolError("model/not-published", () => shelfWith({}).open(zeroHash));
  });

  it("fetches no file larger than its limit", async () => {
    const limited = shelfWith({
      maxArtefactBytes: 10,
      files: { ...files, artefactOf: () => Promise.reject(new Error("fetched all the same")) },
    });
    await expectProtocolError("model/artefact-too-large", () => limited.open(iris.modelId));
  });

  it("runs no file but the published one", async () => {
    const artefact = Uint8Array.from(iris.artefact);
    artefact[100] = (artefact[100] ?? 0) ^ 1;
    const lying = shelfWith({ files: { ...files, artefactOf: async () => artefact } });
    await expectProtocolError("model/hash-mismatch", () => lying.open(iris.modelId));
  });
});
