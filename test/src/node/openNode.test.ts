import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { SigningChain } from "../../../src/chain/clients.ts";
import type { InferenceBackend } from "../../../src/inference/backend.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { openNode } from "../../../src/node/openNode.ts";
import { openSecret } from "../../../src/node/secret.ts";
import { publishModel } from "../../../src/sdk/publishModel.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import { registerThreeOperators } from "../../support/committee.ts";
import { putEmptyDatabase } from "../../support/emptyDatabase.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

describe("a node's folder", function () {
  this.timeout(60_000);
  const loopback = createLoopback();
  let folder: string;
  let remove: () => Promise<void>;
  let testNetwork: TestNetwork;
  let chain: SigningChain;
  let iris: PublishedIris;

  before(async () => {
    ({ folder, remove } = await temporaryFolder());
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    const [operator] = await registerThreeOperators(testNetwork);
    if (!operator) throw new Error("no operator");
    chain = operator.node;
  });
  after(async () => {
    await loopback.close();
    await remove();
  });

  /** A folder that was a node's before, in which there is nothing yet. */
  async function usedFolder(name: string): Promise<string> {
    await putEmptyDatabase(join(folder, name));
    return join(folder, name);
  }

  const open = (changes: Partial<Parameters<typeof openNode>[0]> = {}) =>
    openNode({
      chain,
      dataDir: join(folder, "node"),
      backend: createOnnxNative(),
      serve: [iris.modelId],
      policy: { minFee: 0n, maxConsumerGas: 0 },
      allowPrivateUris: true,
      pollingIntervalMs: 20,
      ...changes,
    });

  it("is made when a node is opened for the first time, keeps its secret to its owner, and opens again", async () => {
    const first = await open();
    await first.stop();
    const file = join(folder, "node", "secret");
    const secret = await readFile(file, "utf8");
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    const second = await open();
    await second.stop();
    expect(await readFile(file, "utf8")).to.equal(secret);
    expect(second.operatorId).to.equal(first.operatorId);
  });

  it("is one node's at a time", async () => {
    const node = await open();
    await expectProtocolError("store/in-use", () => open());
    await node.stop();
  });

  it("is left at once while a publisher's server keeps the node waiting, and the job goes on at the next start", async () => {
    const asked = Promise.withResolvers<void>();
    const manifestUri = await loopback.serve(() => asked.resolve()); // and never answers
    const manifest = { ...iris.manifest, version: "9.0.0" };
    const publisher = await testNetwork.connectAs(3);
    const { modelId } = await publishModel(publisher, { manifest, manifestUri, price: PRICE });
    const dataDir = await usedFolder("waiting");
    const first = await open({ serve: "all", dataDir });
    await testNetwork.fund(1, PRICE);
    await submitJob(await testNetwork.connectAs(1), { modelId, manifest, input: Uint8Array.of(1, 2, 3, 4) });
    await asked.promise;
    const startedAt = performance.now();
    await first.stop();
    expect(performance.now() - startedAt).to.be.lessThan(3_000);
    const steps: string[] = [];
    const second = await open({ serve: "all", dataDir, onEvent: ({ step }) => steps.push(step) });
    await second.stop();
    expect(steps).to.include("resumed");
  });

  it("is left at once while a model runs", async () => {
    const asked = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<never>();
    const run = () => {
      asked.resolve();
      return stopped.promise;
    };
    const backend: InferenceBackend = {
      name: "slow",
      load: async () => ({ run, close: async () => {} }),
      stop: () => stopped.reject(new Error("stopped")),
    };
    const dataDir = await usedFolder("running");
    const node = await open({ backend, dataDir });
    await testNetwork.fund(1, PRICE);
    const { modelId, manifest } = iris;
    await submitJob(await testNetwork.connectAs(1), { modelId, manifest, input: Uint8Array.of(1, 2, 3, 4) });
    await testNetwork.mine(3);
    await asked.promise;
    await node.stop();
  });

  it("refuses a signer that nobody registered", async () => {
    const stranger = await testNetwork.connectAs(9);
    await expectProtocolError("node/not-an-operator", () => open({ chain: stranger }));
  });

  it("refuses a model that it was told to serve and can't", async () => {
    const dataDir = await usedFolder("strict");
    await expectProtocolError("model/not-published", () => open({ serve: [`0x${"11".repeat(32)}`] }));
    await expectProtocolError("fetch/unsupported-uri", () => open({ dataDir, allowPrivateUris: false }));
    await (await open()).stop();
  });

  it("doesn't go on under another secret, nor with half of one", async () => {
    const file = join(folder, "node", "secret");
    await chmod(file, 0o600);
    await writeFile(file, `0x${"22".repeat(32)}\n`);
    await expectProtocolError("store/other-identity", () => open());
    await writeFile(file, "0x22");
    await expectProtocolError("node/invalid-secret", () => open());
  });

  it("has one secret, however many ask for it at first", async () => {
    const file = join(folder, "raced", "secret");
    const secrets = await Promise.all(Array.from({ length: 8 }, () => openSecret(file)));
    expect(new Set(secrets).size).to.equal(1);
    expect(secrets[0]).to.equal(await openSecret(file));
    expect(await readdir(join(folder, "raced"))).to.deep.equal(["secret"]);
  });

  it("makes one secret, whole, for every folder", async () => {
    const [one, other] = [await openSecret(join(folder, "a", "secret")), await openSecret(join(folder, "b", "secret"))];
    expect(one).to.match(/^0x[0-9a-f]{64}$/);
    expect(other).to.not.equal(one);
    expect(await openSecret(join(folder, "a", "secret"))).to.equal(one);
  });
});
