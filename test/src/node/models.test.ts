import { expect } from "chai";
import { numberToHex, zeroHash } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { createModelFiles, type ModelFiles } from "../../../src/fetch/modelFiles.ts";
import type { InferenceBackend, LoadedModel } from "../../../src/inference/backend.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { createModelShelf, type ModelShelf, type ModelShelfOptions } from "../../../src/node/models.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { type PublishedIris, publicationOf, publishIris } from "../../support/shippedModels.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";
import { startTestNetwork } from "../../support/testNetwork.ts";

const IDS = Array.from({ length: 40 }, (_, n) => numberToHex(n + 1, { size: 32 }));
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

  /** A shelf on a chain where every id stands for a publication of the same files; a fake, as no two have one id. */
  function shelfOfMany(load: InferenceBackend["load"], changes: Partial<ModelShelfOptions> = {}): ModelShelf {
    const publicClient = { getContractEvents: async () => [{ args: publicationOf(iris.manifest) }] };
    return shelfWith({
      chain: { addresses: chain.addresses, publicClient } as unknown as SigningChain,
      files: { manifestOf: async () => iris.manifest, artefactOf: async () => iris.artefact },
      backend: { name: "fake", load },
      ...changes,
    });
  }

  const echo: LoadedModel = { run: async (input) => input, close: async () => {} };

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

  it("looks once at a model that its backend refuses for good, and again where that may pass", async () => {
    for (const isRetryable of [false, true]) {
      let loads = 0;
      const models = shelfOfMany(async () => {
        loads += 1;
        throw new ProtocolError("model/not-loaded", "refused", { isRetryable });
      });
      for (let times = 0; times < 3; times++)
        await expectProtocolError("model/not-loaded", () => models.open(iris.modelId));
      expect(loads).to.equal(isRetryable ? 3 : 1);
    }
  });

  it("keeps so many of strangers' models loaded, those used last, and loads the others again when they run", async () => {
    let loaded = 0;
    const models = shelfOfMany(
      async () => {
        loaded += 1;
        return { ...echo, close: async () => void loaded-- };
      },
      { maxLoaded: 2 },
    );
    const opened = await Promise.all(IDS.slice(0, 5).map((id) => models.open(id)));
    expect(loaded).to.equal(2);
    for (const model of opened) expect(await model?.run(ROW)).to.deep.equal(ROW);
    expect(loaded).to.equal(2);
    await models.close();
    expect(loaded).to.equal(0);
  });

  it("loads a few models at a time", async () => {
    let [loading, most] = [0, 0];
    const models = shelfOfMany(async () => {
      most = Math.max(most, ++loading);
      await new Promise((resolve) => setTimeout(resolve, 2));
      loading -= 1;
      return echo;
    });
    await Promise.all(IDS.map((id) => models.open(id)));
    expect(most).to.be.at.most(4);
  });

  it("loads a model again that is gone", async () => {
    let loads = 0;
    const gone = new ProtocolError("model/process-ended", "gone", { isRetryable: true });
    const models = shelfOfMany(async () => (++loads === 1 ? { ...echo, run: () => Promise.reject(gone) } : echo));
    const model = await models.open(iris.modelId);
    await expectProtocolError("model/process-ended", async () => model?.run(ROW));
    expect(await model?.run(ROW)).to.deep.equal(ROW);
  });

  it("takes smaller files from strangers than from whom its operator has named", async () => {
    const artefact = { ...iris.manifest.artefact, sizeBytes: 5 * 2 ** 20 };
    const files = { manifestOf: async () => ({ ...iris.manifest, artefact }), artefactOf: async () => iris.artefact };
    await expectProtocolError("model/artefact-too-large", () =>
      shelfOfMany(async () => echo, { files }).open(iris.modelId),
    );
    const named = shelfOfMany(async () => echo, { files, serve: [iris.modelId] });
    expect(await named.open(iris.modelId)).to.not.equal(undefined);
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
