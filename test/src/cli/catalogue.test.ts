import { expect } from "chai";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { encodeRetire } from "../../../src/chain/models.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { findModel, listModels } from "../../../src/cli/catalogue.ts";
import { createSession, type Session } from "../../../src/cli/session.ts";
import type { ModelFiles } from "../../../src/fetch/modelFiles.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { type Manifest, manifestHash } from "../../../src/protocol/manifest.ts";
import { publishModel } from "../../../src/sdk/publishModel.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";
import { createTestTerminal } from "../../support/testTerminal.ts";

describe("finding a model", () => {
  let testNetwork: TestNetwork;
  let publisher: SigningChain;
  let stranger: SigningChain;
  let session: Session;
  let iris: Manifest;
  const served = new Map<string, Manifest>();
  const asked: string[] = [];

  before(async () => {
    testNetwork = await startTestNetwork();
    publisher = await testNetwork.connectAs(2);
    stranger = await testNetwork.connectAs(3);
    ({ manifest: iris } = await publishIris(publisher));
    served.set(manifestHash(iris), iris);
    /** Stands for the fetching of manifests, which has its own tests. */
    const files: Pick<ModelFiles, "manifestOf"> = {
      async manifestOf({ manifestHash: hash, publisher: whose }) {
        asked.push(whose);
        const manifest = served.get(hash);
        if (manifest) return manifest;
        throw new ProtocolError("fetch/unreachable", "nobody serves it", { isRetryable: true });
      },
    };
    session = {
      ...createSession(createTestTerminal(), {}),
      chain: async () => publisher,
      models: async () => files as ModelFiles,
    };
  });

  async function publish(chain: SigningChain, changes: Partial<Manifest>, isServed = true): Promise<string> {
    const manifest = { ...iris, ...changes };
    if (isServed) served.set(manifestHash(manifest), manifest);
    return (await publishModel(chain, { manifest, manifestUri: "https://example/m.json", price: 1n })).modelId;
  }

  it("goes by id, by name, and by publisher and name", async () => {
    const { published } = await findModel(session, "iris");
    for (const wanted of [
      published.modelId,
      published.modelId.toUpperCase().replace("0X", "0x"),
      `${published.publisher}/iris`,
    ]) {
      expect((await findModel(session, wanted)).published.modelId).to.equal(published.modelId);
    }
  });

  it("takes the newest version, by its numbers, and none that was retired", async () => {
    const tenth = await publish(publisher, { version: "1.10.0" });
    await publish(publisher, { version: "1.9.0" });
    expect((await findModel(session, "iris")).published.modelId).to.equal(tenth);
    const retired = await publish(publisher, { version: "2.0.0" });
    await sendCall(publisher, encodeRetire(publisher.addresses, retired as `0x${string}`));
    expect((await findModel(session, "iris")).published.modelId).to.equal(tenth);
    expect((await findModel(session, retired)).manifest.version).to.equal("2.0.0");
  });

  it("asks when two publishers use a name, or one publisher a version twice", async () => {
    const other = await publish(stranger, {});
    const error = await expectProtocolError("model/ambiguous", () => findModel(session, "iris"));
    expect(error.message).to.include(other).and.include(publisher.account.address);
    expect((await findModel(session, `${stranger.account.address.toLowerCase()}/iris`)).published.modelId).to.equal(
      other,
    );
    await publish(stranger, { labels: ["a", "b", "c"] });
    await expectProtocolError("model/ambiguous", () => findModel(session, `${stranger.account.address}/iris`));
  });

  it("asks for no other publisher's manifests when one is named", async () => {
    asked.length = 0;
    await findModel(session, `${publisher.account.address.toLowerCase()}/iris`);
    expect(new Set(asked)).to.deep.equal(new Set([publisher.account.address]));
  });

  it("says when there is none, and which manifests couldn't be read", async () => {
    await publish(publisher, { name: "lost" }, false);
    const error = await expectProtocolError("model/unknown", () => findModel(session, "lost"));
    expect(error.message).to.include("the manifests of 1 couldn't be read");
    await expectProtocolError("model/unknown", () => findModel(session, `0x${"ab".repeat(32)}`));
    const [unread] = (await listModels(session)).filter(({ problem }) => problem !== undefined);
    expect(unread?.problem).to.equal("nobody serves it");
  });
});
