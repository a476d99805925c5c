import { expect } from "chai";
import { numberToHex } from "viem";
import { encodeAnchor } from "../../../src/chain/receiptLog.ts";
import { batchesAnchored } from "../../../src/chain/receiptLogEvents.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import type { AnchorEvent } from "../../../src/gateway/anchor.ts";
import { batchOf } from "../../../src/protocol/batch.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import type { SignedReceipt } from "../../../src/protocol/receipt.ts";
import { verifyReceipt } from "../../../src/sdk/verifyReceipt.ts";
import { type CallsChain, type CallsNetwork, startCallsNetwork, TERMS } from "../../support/callsNetwork.ts";
import {
  eventually,
  type GatewayLife,
  INTERVAL_SECONDS,
  idOf,
  type LifeChanges,
  openTestChannel,
  receiptDomain,
  startLife,
  type TestChannel,
} from "../../support/gatewayLife.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

const KILLED = new Error("killed here");
const WAIT_SECONDS = TERMS.anchorSeconds / 4;

describe("anchoring", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let chain: CallsChain;
  let channel: TestChannel;
  let folder: string;
  let remove: () => Promise<void>;
  let life: GatewayLife;

  before(async () => {
    network = await startCallsNetwork();
    chain = network.connectAs(0);
    channel = await openTestChannel(network, 1);
    ({ folder, remove } = await temporaryFolder());
  });
  after(() => remove());
  beforeEach(() => network.elapse(INTERVAL_SECONDS));
  afterEach(() => life.kill());

  const begin = async (changes?: LifeChanges) => {
    life = await startLife(network, folder, changes);
  };
  const anew = async (changes?: LifeChanges) => {
    await life.kill();
    await begin(changes);
  };
  const anchored = () =>
    life.events.filter((event): event is AnchorEvent & { kind: "anchored" } => event.kind === "anchored");
  const onChain = () => batchesAnchored(chain, { fromBlock: 0n, toBlock: "latest", operatorId: network.operatorId });
  const rpc = (method: string, params: unknown[]) => chain.publicClient.request({ method, params } as never);

  async function isProven({ receipt, signature }: SignedReceipt): Promise<boolean> {
    const { inclusion } = (await life.batches.receipt(idOf(chain, receipt))) ?? {};
    if (inclusion === undefined) return false;
    const portable = { receipt, signature, domain: receiptDomain(chain), inclusion };
    const { ok, anchoredAt } = await verifyReceipt(chain, portable);
    return ok && anchoredAt !== undefined && anchoredAt <= receipt.issuedAt + TERMS.anchorSeconds;
  }

  const areProven = async (receipts: readonly SignedReceipt[]) =>
    (await Promise.all(receipts.map(isProven))).every((proven) => proven);

  it("anchors when the oldest receipt has waited long enough, not before, and each can be proven", async () => {
    await begin();
    const receipts = await life.issue(channel, 5);
    await network.elapse(WAIT_SECONDS - 60);
    await eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
    expect((await life.batches.planned()).length + anchored().length).to.equal(0);
    await network.elapse(60);
    await eventually(() => anchored().length === 1);
    expect(anchored()[0]).to.include({ count: 5, number: 0, isLate: false }); // the first of all
    expect(await areProven(receipts)).to.equal(true);
    expect(life.errors).to.deep.equal([]);
  });

  it("anchors at once when enough receipts wait, and the next ones no sooner than the interval", async () => {
    await begin({ limits: { enoughReceipts: 3 } });
    const first = await life.issue(channel, 3);
    await network.elapse(1);
    await eventually(() => anchored().length === 1);
    const second = await life.issue(channel, 4);
    await network.elapse(INTERVAL_SECONDS - 30);
    await eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
    expect(anchored()).to.have.lengthOf(1);
    await network.elapse(30);
    await eventually(() => anchored().length === 2);
    expect(await areProven([...first, ...second])).to.equal(true);
    const [one, two] = (await onChain()).slice(-2).map(({ anchoredAt }) => anchoredAt) as [number, number];
    expect(two - one).to.be.at.least(INTERVAL_SECONDS);
    expect(life.errors).to.deep.equal([]);
  });

  it("is in time whatever the limits say", async () => {
    await begin({ limits: { waitSeconds: 10 * TERMS.anchorSeconds, maxReceipts: 2 } });
    const receipts = await life.issue(channel, 5);
    for (let elapsed = 0; elapsed < TERMS.anchorSeconds; elapsed += 300) await network.elapse(300).then(settled);
    await eventually(() => areProven(receipts));
  });

  /** The gateway has seen the newest block, and has done what it wanted to. */
  async function settled(): Promise<void> {
    await eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
    await eventually(async () => (await life.batches.planned()).length === 0);
  }

  it("goes on with the same batch when it was killed before it sent", async () => {
    await begin({ relayer: (real) => ({ ...real, submit: () => Promise.reject(KILLED) }) });
    const receipts = await life.issue(channel, 3);
    await network.elapse(WAIT_SECONDS);
    await eventually(() => life.errors.includes(KILLED));
    const [planned] = await life.batches.planned();
    await anew();
    const later = await life.issue(channel, 2);
    await eventually(() => anchored().length === 1);
    expect(anchored()[0]).to.include({ batchId: planned?.id, root: planned?.root, count: 3 });
    expect(await areProven(receipts)).to.equal(true);
    await network.elapse(WAIT_SECONDS);
    await eventually(() => areProven(later));
  });

  it("sends nothing twice when it was killed before it was mined", async () => {
    await begin();
    const receipts = await life.issue(channel, 3);
    await rpc("evm_setAutomine", [false]);
    await network.elapse(WAIT_SECONDS);
    await eventually(async () => (await pendingCount()) === 1);
    await anew();
    await rpc("evm_setAutomine", [true]);
    await network.elapse(1);
    await eventually(() => anchored().length === 1);
    expect(await areProven(receipts)).to.equal(true);
    expect(await countOf(anchored()[0])).to.equal(1);
  });

  const countOf = async (event: AnchorEvent | undefined) =>
    (await onChain()).filter(({ root }) => root === event?.root).length;
  const pendingCount = async () => Number(await rpc("eth_getBlockTransactionCountByNumber", ["pending"]));

  it("finds its anchoring when it was killed before it had written it down", async () => {
    await begin({ batches: (real) => ({ ...real, anchored: () => Promise.reject(KILLED) }) });
    const receipts = await life.issue(channel, 3);
    await network.elapse(WAIT_SECONDS);
    await eventually(() => life.errors.includes(KILLED));
    await anew();
    await eventually(() => anchored().length === 1);
    expect(await areProven(receipts)).to.equal(true);
    expect(await countOf(anchored()[0])).to.equal(1);
  });

  it("keeps its batch while another of the signer's is in the way, and finds its own place after it", async () => {
    await begin();
    const receipts = await life.issue(channel, 2);
    const foreign = batchOf([numberToHex(1, { size: 32 })]);
    await network.elapse(WAIT_SECONDS - 60);
    await sendCall(chain, encodeAnchor(chain.addresses, network.operatorId, foreign));
    await network.elapse(60);
    await eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
    expect(anchored()).to.have.lengthOf(0);
    await network.elapse(INTERVAL_SECONDS);
    await eventually(() => anchored().length === 1);
    expect(anchored()[0]?.number).to.equal((await onChain()).length - 1);
    expect(await areProven(receipts)).to.equal(true);
  });

  it("tries again with the same batch when another of the signer's comes first", async () => {
    const foreign = batchOf([numberToHex(2, { size: 32 })]);
    let isFirst = true;
    await begin({
      relayer: (real) => ({
        ...real,
        async submit(purpose, call) {
          if (isFirst) await sendCall(chain, encodeAnchor(chain.addresses, network.operatorId, foreign));
          isFirst = false;
          return real.submit(purpose, call);
        },
      }),
    });
    const receipts = await life.issue(channel, 2);
    await network.elapse(WAIT_SECONDS);
    await eventually(() => life.events.some(({ kind }) => kind === "postponed"));
    const [planned] = await life.batches.planned();
    await network.elapse(INTERVAL_SECONDS);
    await eventually(() => anchored().length === 1);
    expect(anchored()[0]?.batchId).to.equal(planned?.id);
    expect(await areProven(receipts)).to.equal(true);
    expect(life.errors).to.deep.equal([]);
  });

  it("anchors on stop what waits, if the interval lets it, and says what is left", async () => {
    await begin();
    const receipts = await life.issue(channel, 3);
    await eventually(() => life.watch.latest().number > 0n);
    expect(await life.anchoring.flush()).to.equal(0);
    expect(await areProven(receipts)).to.equal(true);
    await life.issue(channel, 2);
    expect(await life.anchoring.flush()).to.equal(2);
  });

  it("publishes before it anchors, tries again, and rather serves the data itself than be late", async () => {
    // What is left of the test before would be due at once.
    await begin();
    await eventually(async () => (await life.anchoring.flush()) === 0);
    await life.kill();
    await network.elapse(INTERVAL_SECONDS);
    const failure = new ProtocolError("publish/unreachable", "the server can't be reached", { isRetryable: true });
    let tries = 0;
    const before = (await onChain()).length;
    await begin({
      publish: async () => {
        if (++tries < 3) throw failure;
        return "https://data.example/batch";
      },
    });
    const receipts = await life.issue(channel, 1);
    await network.elapse(WAIT_SECONDS);
    await eventually(() => tries === 1);
    expect(await onChain()).to.have.lengthOf(before);
    await network.elapse(1);
    await eventually(() => tries === 2);
    await network.elapse(1);
    await eventually(() => areProven(receipts));
    await anew({ publish: () => Promise.reject(failure) });
    const late = await life.issue(channel, 1);
    await network.elapse(TERMS.anchorSeconds / 2);
    await eventually(() => areProven(late));
  });

  it("anchors 5,000 receipts in one batch", async () => {
    await begin({ limits: { enoughReceipts: 5_000 } });
    await life.database.query("insert into channels (channel_id) values ('others')");
    await life.database.query(
      `insert into calls (channel_id, sequence, stage, cap, receipt, receipt_id, request_hash, issued_at)
       select 'others', n, 'issued', 0, '{}', '0x' || lpad(to_hex(n), 64, '0'), 'request ' || n, $1 from generate_series(1, 4998) n`,
      [Number((await chain.publicClient.getBlock()).timestamp)],
    );
    const receipts = await life.issue(channel, 2);
    await network.elapse(1);
    await eventually(() => anchored().length === 1);
    expect(anchored()[0]?.count).to.equal(5_000);
    expect(await areProven(receipts)).to.equal(true);
  });
});
