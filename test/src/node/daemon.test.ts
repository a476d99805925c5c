import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { type Hex, keccak256, stringToHex } from "viem";
import { connectChain, type Provider, type SigningChain, signing } from "../../../src/chain/clients.ts";
import { type JobOpened, jobsOpened } from "../../../src/chain/jobEvents.ts";
import { committeeOf } from "../../../src/chain/verifier.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { type NodeOptions, type OperatorNode, startNode } from "../../../src/node/daemon.ts";
import { createModelShelf, type ModelShelf } from "../../../src/node/models.ts";
import type { NodeEvent } from "../../../src/node/task.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { jobIdOf } from "../../../src/protocol/job.ts";
import { type SubmittedJob, submitJob } from "../../../src/sdk/submitJob.ts";
import type { Store } from "../../../src/store/store.ts";
import { registerThreeOperators, type TestOperator } from "../../support/committee.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const INPUT = Uint8Array.of(51, 35, 14, 2);
const SECRET = keccak256(stringToHex("a node's secret"));

describe("an operator's node", function () {
  this.timeout(60_000);
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let iris: PublishedIris;
  let operator: TestOperator;
  let shelf: ModelShelf;
  let store: Store;
  let node: OperatorNode | undefined;
  let events: NodeEvent[];
  let errors: unknown[];

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    [operator] = (await registerThreeOperators(testNetwork)) as [TestOperator];
    await testNetwork.fund(1, PRICE * 100n);
    payer = await testNetwork.connectAs(1);
    const files = { manifestOf: async () => iris.manifest, artefactOf: async () => iris.artefact };
    shelf = createModelShelf({ chain: payer, backend: createOnnxNative(), files, serve: "all" });
  });
  after(() => shelf.close());
  beforeEach(async () => {
    store = await openTemporaryStore();
    events = [];
    errors = [];
  });
  afterEach(async () => {
    await node?.stop();
    await store.close();
  });

  async function start(changes: Partial<NodeOptions> = {}): Promise<void> {
    node = await startNode({
      chain: operator.node,
      operatorId: operator.operatorId,
      models: shelf,
      fetchUri: createFetchUri(),
      store,
      policy: { minFee: 0n, maxConsumerGas: 0 },
      secret: SECRET,
      pollingIntervalMs: 10,
      onEvent: (event) => events.push(event),
      onError: (error) => errors.push(error),
      ...changes,
    });
  }

  const openJob = () =>
    submitJob(payer, {
      modelId: iris.modelId,
      manifest: iris.manifest,
      input: INPUT,
      terms: { revealWindowSeconds: 600, settleWindowSeconds: 600 },
    });

  /** Mines, a second a block, until the node has said so of the job. */
  async function mineUntil(step: NodeEvent["step"], jobId: Hex): Promise<void> {
    while (!events.some((event) => event.step === step && event.jobId === jobId)) {
      await testNetwork.mine(1);
      await setTimeout(20);
    }
  }

  const hasRevealed = async ({ job }: SubmittedJob) => (await committeeOf(payer, job)).some(({ revealed }) => revealed);

  it("reveals what it has committed to, though its store fails meanwhile", async () => {
    const { jobs } = store;
    const failing: typeof jobs = {
      ...jobs,
      advance: (jobId, progress) =>
        progress.stage === "committed" ? Promise.reject(new Error("the disk is full")) : jobs.advance(jobId, progress),
    };
    await start({ store: { ...store, jobs: failing } });
    const submitted = await openJob();
    await mineUntil("revealed", submitted.jobId);
    expect(await hasRevealed(submitted)).to.equal(true);
    expect(errors.map(String)).to.contain("Error: the disk is full");
  });

  it("reveals from a lost store what it wouldn't take any more", async () => {
    await start();
    const submitted = await openJob();
    await mineUntil("committed", submitted.jobId);
    await node?.stop();
    await store.close();
    store = await openTemporaryStore();
    await start({ policy: { minFee: PRICE * 2n, maxConsumerGas: 0 } });
    await mineUntil("revealed", submitted.jobId);
    expect(await hasRevealed(submitted)).to.equal(true);
  });

  it("keeps strangers' words to one short line, in its log and in its store", async () => {
    const words = `weights \u001b[2J\u009b2J\r\n12:00:00  job 0x00  revealed\u2028\u202e${"x".repeat(1_000_000)}`;
    const refuse = () => Promise.reject(new ProtocolError("model/malformed", words));
    const { jobs } = store;
    const outcomes: string[] = [];
    const noting: typeof jobs = {
      ...jobs,
      advance(jobId, progress) {
        if (progress.stage === "ended") outcomes.push(progress.outcome);
        return jobs.advance(jobId, progress);
      },
    };
    let opens = 0;
    const openTwice: ModelShelf["open"] = async (id) => (++opens > 1 ? refuse() : shelf.open(id));
    for (const [step, open] of [
      ["declined", refuse],
      ["failed", openTwice],
    ] as const) {
      await start({ store: { ...store, jobs: noting }, models: { ...shelf, open } });
      await mineUntil(step, (await openJob()).jobId);
      await node?.stop();
    }
    const reasons = events.flatMap((event) => ("reason" in event ? [event.reason] : []));
    for (const texts of [reasons, outcomes]) expect(texts.filter((text) => text.includes("weights"))).to.not.be.empty;
    for (const line of [...reasons, ...outcomes]) expect(line).to.match(/^[\x20-\x7e]{1,500}$/);
  });

  it("asks for few draws at a time, however many jobs are opened", async () => {
    const [real] = await jobsOpened(payer, { fromBlock: (await openJob()).txReceipt.blockNumber, toBlock: "latest" });
    if (real === undefined) throw new Error("no job");
    const { chainId, addresses } = payer;
    const opened = Array.from({ length: 200 }, (_, n): JobOpened => {
      const job = { ...real.job, nonce: real.job.nonce + (BigInt(n + 1) << 32n) };
      return { ...real, job, jobId: jobIdOf(job, { chainId, escrow: addresses.escrow }) };
    });
    await store.jobs.add(opened, real.place.blockNumber + 1n);
    let [underWay, most] = [0, 0];
    const provider: Provider = {
      async request(request) {
        most = Math.max(most, ++underWay);
        await setTimeout(1);
        return testNetwork.provider.request(request).finally(() => underWay--);
      },
    };
    const { account } = operator.node;
    await start({ chain: signing(await connectChain({ provider, addresses, account })) });
    while (events.filter(({ step }) => step === "declined").length < opened.length) await setTimeout(20);
    expect(most).to.be.lessThan(30);
  });
});
