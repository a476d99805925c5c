import { expect } from "chai";
import { BlockNotFoundError, keccak256, stringToHex } from "viem";
import { chainTime, type SigningChain } from "../../../src/chain/clients.ts";
import type { JobOpened } from "../../../src/chain/jobEvents.ts";
import { jobsOpened } from "../../../src/chain/jobEvents.ts";
import { scheduleOf } from "../../../src/chain/verifier.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { createOnnxNative } from "../../../src/inference/onnxNative.ts";
import { accept } from "../../../src/node/accept.ts";
import { commit } from "../../../src/node/commit.ts";
import { createModelShelf, type ModelShelf } from "../../../src/node/models.ts";
import { reveal } from "../../../src/node/reveal.ts";
import { settle } from "../../../src/node/settle.ts";
import { createNodeTurns, type NodeContext } from "../../../src/node/task.ts";
import type { Head } from "../../../src/node/watch.ts";
import { createRelayer } from "../../../src/relayer/relayer.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import type { Store } from "../../../src/store/store.ts";
import { registerThreeOperators, type TestOperator } from "../../support/committee.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const INPUT = Uint8Array.of(51, 35, 14, 2);
const RESULT = Uint8Array.of(1, 2, 3);

describe("a node's steps on a chain", function () {
  this.timeout(120_000);
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let iris: PublishedIris;
  let operators: TestOperator[];
  let shelf: ModelShelf;
  let opened: JobOpened;
  let stores: Store[];

  before(async () => {
    stores = await Promise.all([0, 1, 2].map(openTemporaryStore));
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    operators = await registerThreeOperators(testNetwork);
    await testNetwork.fund(1, PRICE * 20n);
    payer = await testNetwork.connectAs(1);
    const files = { manifestOf: async () => iris.manifest, artefactOf: async () => iris.artefact };
    shelf = createModelShelf({ chain: payer, backend: createOnnxNative(), files, serve: "all" });
  });
  after(async () => {
    await shelf.close();
    await Promise.all(stores.map((store) => store.close()));
  });

  beforeEach(async () => {
    const { jobId } = await submitJob(payer, {
      modelId: iris.modelId,
      manifest: iris.manifest,
      input: INPUT,
      terms: { revealWindowSeconds: 600, settleWindowSeconds: 600 },
    });
    await testNetwork.mine(3);
    const [found] = await jobsOpened(payer, { jobId, fromBlock: 0n, toBlock: "latest" });
    if (!found) throw new Error("no job");
    opened = found;
  });

  async function contextOf(index: number): Promise<NodeContext> {
    const { operatorId, node: chain } = operators[index] as TestOperator;
    let head: Head = { number: 0n, timestamp: 0 };
    const refresh = async () => {
      const { number, timestamp } = await chain.publicClient.getBlock();
      head = { number, timestamp: Number(timestamp) };
      return head;
    };
    await refresh();
    return {
      chain,
      relayer: createRelayer({
        chain,
        outbox: (stores[index] as Store).outbox,
        nextBlock: () => testNetwork.mine(1),
        onError: (error) => {
          throw error;
        },
      }),
      head: {
        latest: () => head,
        async until(passes) {
          while (!passes(await refresh())) await testNetwork.mine(1);
          return head;
        },
      },
      models: shelf,
      fetchUri: createFetchUri(),
      turns: createNodeTurns(),
      signal: new AbortController().signal,
      operatorId,
      policy: { minFee: 0n, maxConsumerGas: 0 },
      secret: keccak256(stringToHex(`secret of ${operatorId}`)),
      report: () => {},
    };
  }

  async function seedHashOf(): Promise<`0x${string}`> {
    const { seedBlock } = await scheduleOf(payer, opened.job);
    return (await payer.publicClient.getBlock({ blockNumber: seedBlock })).hash;
  }

  async function closeCommits(): Promise<void> {
    const { commitsCloseAt } = await scheduleOf(payer, opened.job);
    await testNetwork.elapse(Math.max(1, commitsCloseAt - (await chainTime(payer))));
  }

  it("accept: takes a job it is drawn for, under the seed block's hash", async () => {
    expect(await accept(await contextOf(0), opened)).to.deep.equal({
      accepted: true,
      seedHash: await seedHashOf(),
      wideningStep: 0,
    });
  });

  it("accept: declines a job that pays less than is wanted", async () => {
    const policy = { minFee: PRICE + 1n, maxConsumerGas: 0 };
    const acceptance = await accept({ ...(await contextOf(0)), policy }, opened);
    expect(acceptance).to.deep.include({ accepted: false }).and.to.have.property("reason").that.contains(`${PRICE}`);
  });

  it("accept: declines a job whose callback would cost it too much gas", async () => {
    const { modelId } = iris;
    const consumer = payer.addresses.opg;
    const { jobId } = await submitJob(payer, { modelId, input: INPUT, consumer, consumerGasLimit: 600_000 });
    const [greedy] = await jobsOpened(payer, { jobId, fromBlock: 0n, toBlock: "latest" });
    if (!greedy) throw new Error("no job");
    const policy = { minFee: 0n, maxConsumerGas: 500_000 };
    const acceptance = await accept({ ...(await contextOf(0)), policy }, greedy);
    expect(acceptance).to.deep.include({ accepted: false }).and.to.have.property("reason").that.contains("600000");
  });

  it("accept: declines a model it doesn't serve", async () => {
    const models = { open: async () => undefined, close: async () => {} };
    const acceptance = await accept({ ...(await contextOf(0)), models }, opened);
    expect(acceptance).to.deep.equal({ accepted: false, reason: `model ${iris.modelId} isn't served here` });
  });

  it("accept: takes an RPC that can't show the seed block for a passing fault", async () => {
    const context = await contextOf(0);
    const getBlock = { value: () => Promise.reject(new BlockNotFoundError({ blockNumber: 1n })) };
    const chain = { ...context.chain, publicClient: Object.create(context.chain.publicClient, { getBlock }) };
    await expectProtocolError("chain/request-failed", () => accept({ ...context, chain }, opened));
  });

  it("commit: is sent once, whatever the node's lives, and reveals after the last", async () => {
    const first = await commit(await contextOf(0), opened, await seedHashOf(), RESULT);
    const again = await commit(await contextOf(0), opened, await seedHashOf(), RESULT);
    expect(first).to.have.keys(["transactionHash", "blockNumber"]);
    expect(again).to.deep.equal(first);
    await closeCommits();
    const outcome = await reveal(await contextOf(0), opened, RESULT);
    expect(outcome).to.deep.include({ outcome: "revealed" }).and.not.deep.include({ transaction: null });
    expect(await reveal(await contextOf(0), opened, RESULT)).to.deep.equal({ outcome: "revealed", transaction: null });
  });

  it("accept, commit and reveal: a node that has lost its store finds its seat and keeps its bond", async () => {
    await commit(await contextOf(0), opened, await seedHashOf(), RESULT);
    const emptied = await openTemporaryStore();
    const kept = stores[0] as Store;
    stores[0] = emptied;
    await closeCommits();
    expect(await accept(await contextOf(0), opened)).to.deep.include({ accepted: true });
    expect(await commit(await contextOf(0), opened, await seedHashOf(), RESULT)).to.equal(null);
    expect((await reveal(await contextOf(0), opened, RESULT)).outcome).to.equal("revealed");
    stores[0] = kept;
    await emptied.close();
  });

  it("commit: knows its seat from the contract's refusal, where the newest block seen is older than the seat", async () => {
    const before = await contextOf(0);
    const { number, timestamp } = before.head.latest();
    await commit(before, opened, await seedHashOf(), RESULT);
    const kept = stores[0] as Store;
    const emptied = await openTemporaryStore();
    stores[0] = emptied;
    const lagging = await contextOf(0);
    const head = { ...lagging.head, latest: () => ({ number, timestamp }) };
    expect(await commit({ ...lagging, head }, opened, await seedHashOf(), RESULT)).to.equal(null);
    stores[0] = kept;
    await emptied.close();
  });

  it("accept: declines a job whose commits have closed, and one that is over", async () => {
    await closeCommits();
    expect(await accept(await contextOf(1), opened)).to.deep.equal({
      accepted: false,
      reason: "its commits have closed",
    });
    const unknown = { ...opened, job: { ...opened.job, fee: opened.job.fee + 1n } };
    expect(await accept(await contextOf(1), unknown)).to.deep.equal({ accepted: false, reason: "the job is over" });
  });

  it("settle: the majority's bytes are paid for, and whoever disagrees leaves it", async () => {
    const results = [RESULT, RESULT, Uint8Array.of(9, 9, 9)] as const;
    for (const [index, result] of results.entries()) {
      await commit(await contextOf(index), opened, await seedHashOf(), result);
    }
    await closeCommits();
    for (const [index, result] of results.entries()) await reveal(await contextOf(index), opened, result);
    await testNetwork.mine(10);
    expect(await settle(await contextOf(2), opened, results[2])).to.equal("the committee agreed on another result");
    expect(await settle(await contextOf(0), opened, RESULT)).to.have.keys(["transactionHash", "blockNumber"]);
    expect(await settle(await contextOf(1), opened, RESULT)).to.equal("another settled it");
  });
});
