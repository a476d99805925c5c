import { expect } from "chai";
import { connectChain, type Provider, type SigningChain } from "../../../src/chain/clients.ts";
import { ledgerBalanceOf } from "../../../src/chain/escrow.ts";
import { refundJob } from "../../../src/sdk/claims.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import { type WaitProgress, waitForResult } from "../../../src/sdk/waitForResult.ts";
import { registerThreeOperators, settleAs, type TestOperator } from "../../support/committee.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const FLOWER = Uint8Array.of(51, 35, 14, 2);
/** Blocks carry this machine's time here, so a busy machine must not outlast a window. */
const ROOMY = { commitWindowSeconds: 60, revealWindowSeconds: 300 };
const LOGITS = Uint8Array.of(1, 0, 0, 0, 254, 255, 255, 255, 3, 0, 0, 0);
const QUICK = { timeoutMs: 10_000, pollingIntervalMs: 20 };

describe("waiting for a result", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let operators: TestOperator[];
  let iris: PublishedIris;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    operators = await registerThreeOperators(testNetwork);
    await testNetwork.fund(1, 100n * PRICE);
    payer = await testNetwork.connectAs(1);
  });

  const submit = () => submitJob(payer, { ...iris, input: FLOWER, terms: ROOMY });

  it("gives the settled bytes, as tensors too, and tells what happened on the way", async () => {
    const submitted = await submit();
    const news: WaitProgress[] = [];
    const options = {
      ...QUICK,
      resultSpecs: iris.manifest.outputs,
      onProgress: (item: WaitProgress) => news.push(item),
    };
    const [ended] = await Promise.all([
      waitForResult(payer, submitted, options),
      settleAs(testNetwork, operators, submitted.job, LOGITS),
    ]);
    expect(ended).to.include({ status: "settled", jobId: submitted.jobId });
    if (ended.status !== "settled") return;
    expect(ended.result).to.deep.equal(LOGITS);
    expect(ended.tensors).to.deep.equal([Int32Array.of(1, -2, 3)]);
    const kinds = news.map(({ kind }) => kind).sort();
    expect(kinds).to.deep.equal(["committed", "committed", "committed", "revealed", "revealed", "revealed"]);
  });

  it("finds the end of a job given by its id or its terms alone", async () => {
    const { job, jobId } = await submit();
    await settleAs(testNetwork, operators, job, LOGITS);
    const [byId, byTerms] = await Promise.all([waitForResult(payer, jobId, QUICK), waitForResult(payer, job, QUICK)]);
    expect(byId).to.deep.equal(byTerms);
    expect(byId.status).to.equal("settled");
  });

  it("tells a refund from a result", async () => {
    const { job, jobId } = await submit();
    await testNetwork.elapse(3600);
    const before = await ledgerBalanceOf(payer, payer.account.address);
    await refundJob(payer, job);
    const ended = await waitForResult(payer, jobId, QUICK);
    expect(ended).to.include({ status: "refunded", isExpired: true });
    expect((await ledgerBalanceOf(payer, payer.account.address)) - before).to.equal(PRICE);
  });

  it("goes on through a passing failure of the RPC", async () => {
    const { job, jobId } = await submit();
    await settleAs(testNetwork, operators, job, LOGITS);
    const { chain, fail } = await connectFlaky();
    fail(3);
    const news: WaitProgress[] = [];
    const ended = await waitForResult(chain, jobId, { ...QUICK, onProgress: (item) => news.push(item) });
    expect(ended.status).to.equal("settled");
    expect(news.filter(({ kind }) => kind === "rpc-down").length).to.be.greaterThan(0);
  });

  it("gives up in time, saying that waiting again may help", async () => {
    const { jobId } = await submit();
    const error = await expectProtocolError("sdk/timeout", () =>
      waitForResult(payer, jobId, { timeoutMs: 100, pollingIntervalMs: 20 }),
    );
    expect(error.isRetryable).to.equal(true);
  });

  it("stops at once when aborted", async () => {
    const { jobId } = await submit();
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const startedAt = performance.now();
    await expectProtocolError("sdk/aborted", () =>
      waitForResult(payer, jobId, { timeoutMs: 60_000, pollingIntervalMs: 30_000, signal: abort.signal }),
    );
    expect(performance.now() - startedAt).to.be.lessThan(10_000);
  });

  /** A connection whose provider can be made to fail. */
  async function connectFlaky() {
    let failures = 0;
    const provider: Provider = {
      async request(parameters) {
        if (failures > 0 && failures-- > 0) throw Object.assign(new Error("limit exceeded"), { code: -32005 });
        return testNetwork.provider.request(parameters);
      },
    };
    const { addresses } = testNetwork;
    const chain = await connectChain({ provider, addresses });
    return {
      chain,
      /** Fails the next so many requests. */
      fail: (requests: number) => {
        failures = requests;
      },
    };
  }
});
