import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import type { Hex } from "viem";
import { connectChain, type Provider, type SigningChain, signing } from "../../../src/chain/clients.ts";
import { createWatch, type Watch } from "../../../src/node/watch.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import type { Store } from "../../../src/store/store.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const INPUT = Uint8Array.of(51, 35, 14, 2);

type LogFilter = { fromBlock: Hex; toBlock: Hex };

describe("a node's watch", function () {
  this.timeout(60_000);
  let testNetwork: TestNetwork;
  let iris: PublishedIris;
  let store: Store;
  let stopping: AbortController;
  let running: Promise<void> | undefined;
  let jobIds: Hex[];
  let errors: unknown[];

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    await testNetwork.fund(1, PRICE * 10n);
  });
  beforeEach(async () => {
    store = await openTemporaryStore();
    stopping = new AbortController();
    running = undefined;
    jobIds = [];
    errors = [];
  });
  afterEach(async () => {
    stopping.abort(new Error("the test is over"));
    await running;
    await store.close();
  });

  /** The chain with an RPC that may refuse to look through its logs. */
  async function chainThatRefuses(refuses: (filter: LogFilter) => boolean): Promise<SigningChain> {
    const provider: Provider = {
      request: async (request) => {
        const [filter] = (request.params ?? []) as [LogFilter];
        if (request.method === "eth_getLogs" && refuses(filter)) {
          throw Object.assign(new Error("block range too large"), { code: -32600 });
        }
        return testNetwork.provider.request(request);
      },
    };
    const account = testNetwork.account(3);
    return signing(await connectChain({ provider, addresses: testNetwork.addresses, account }));
  }

  function watchOn(chain: SigningChain): Watch {
    const watch = createWatch({
      chain,
      jobs: store.jobs,
      pollingIntervalMs: 10,
      signal: stopping.signal,
      onJob: ({ jobId }) => jobIds.push(jobId),
      onError: (error) => errors.push(error),
    });
    running = watch.run();
    return watch;
  }

  async function openJob(): Promise<Hex> {
    const payer = await testNetwork.connectAs(1);
    return (await submitJob(payer, { modelId: iris.modelId, manifest: iris.manifest, input: INPUT })).jobId;
  }

  it("sees new blocks while the log can't be read, so that reveals go on", async () => {
    const watch = watchOn(await chainThatRefuses(() => true));
    const { number } = await watch.until(() => true);
    await testNetwork.mine(2);
    await watch.until((newer) => newer.number >= number + 2n);
    while (errors.length === 0) await setTimeout(10);
    expect(await store.jobs.nextBlock()).to.equal(undefined);
  });

  it("finds jobs where the RPC lets nobody look through many blocks at once", async () => {
    const jobId = await openJob();
    await testNetwork.mine(500);
    const limit = 7n;
    const chain = await chainThatRefuses(({ fromBlock, toBlock }) => BigInt(toBlock) - BigInt(fromBlock) >= limit);
    const watch = watchOn(chain);
    const { number } = await watch.until(({ number }) => number > 0n);
    while ((await store.jobs.nextBlock()) !== number + 1n) await setTimeout(10);
    expect(jobIds).to.deep.equal([jobId]);
    expect(errors).to.deep.equal([]);
  });
});
