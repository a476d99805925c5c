import { expect } from "chai";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { createOnnxWasm } from "../../../src/inference/onnxWasm.ts";
import { refundJob } from "../../../src/sdk/claims.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import { type Verification, type VerifyOptions, verifyResult } from "../../../src/sdk/verifyResult.ts";
import { registerThreeOperators, settleAs, type TestOperator } from "../../support/committee.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const FLOWER = Uint8Array.of(51, 35, 14, 2);
/** Blocks carry this machine's time here, so a busy machine must not outlast a window. */
const ROOMY = { commitWindowSeconds: 60, revealWindowSeconds: 300 };
const LOGITS = Uint8Array.of(1, 0, 0, 0, 254, 255, 255, 255, 3, 0, 0, 0);

describe("verifying a result", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let operators: TestOperator[];
  let iris: PublishedIris;
  let options: VerifyOptions;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    operators = await registerThreeOperators(testNetwork);
    await testNetwork.fund(1, 100n * PRICE);
    payer = await testNetwork.connectAs(1);
    const { job } = await submit();
    await settleAs(testNetwork, operators, job, LOGITS);
    // Only one test runs the model; in the others it says what it is told.
    options = { ...iris, job, input: FLOWER, runModel: async () => LOGITS };
  });

  const submit = () => submitJob(payer, { ...iris, input: FLOWER, terms: ROOMY });

  async function expectDifference(differs: string, changed: Partial<VerifyOptions>): Promise<void> {
    const verification: Verification = await verifyResult(payer, { ...options, ...changed });
    expect(verification).to.include({ ok: false, differs });
    if (!verification.ok) expect(verification.reason).not.to.include("\n");
  }

  it("says yes when everything agrees, and where the hash was read", async () => {
    const verification = await verifyResult(payer, options);
    expect(verification).to.include({ ok: true, source: "contract" });
    if (verification.ok) expect(verification.result).to.deep.equal(LOGITS);
  });

  it("runs the model itself where it is asked to", async () => {
    const model = await createOnnxWasm().load(iris.artefact, iris.manifest);
    const runModel = model.run;
    await expectDifference("local-result", { runModel });
    const { job } = await submit();
    await settleAs(testNetwork, operators, job, await runModel(FLOWER));
    expect(await verifyResult(payer, { ...options, job, runModel })).to.include({ ok: true });
    await model.close();
  });

  it("says what differs", async () => {
    const { manifest } = iris;
    await expectDifference("job", { job: `0x${"ab".repeat(32)}` });
    await expectDifference("input", { input: Uint8Array.of(51, 35, 14, 3) });
    await expectDifference("manifest", { manifest: { ...manifest, labels: ["a", "b", "c"] } });
    await expectDifference("artefact", { artefact: Uint8Array.of(1) });
    await expectDifference("local-result", { runModel: async () => LOGITS.toReversed() });
    await expectDifference("local-result", { runModel: async () => new Uint8Array() });
  });

  it("says when there is no result", async () => {
    const { job, jobId } = await submit();
    await expectDifference("status", { job });
    await testNetwork.elapse(3600);
    await refundJob(payer, job);
    await expectDifference("status", { job: jobId });
  });

  it("reads the log once the job's key is used again, and says so", async () => {
    const first = await submitJob(payer, { ...iris, input: FLOWER, terms: ROOMY, key: 9n });
    await settleAs(testNetwork, operators, first.job, LOGITS);
    await submitJob(payer, { ...iris, input: FLOWER, terms: ROOMY, key: 9n });
    expect(await verifyResult(payer, { ...options, job: first.jobId })).to.include({ ok: true, source: "log" });
  });
});
