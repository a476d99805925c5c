import { expect } from "chai";
import { createChainWatch, type Head } from "../../../src/gateway/chainWatch.ts";
import { createLogFollower } from "../../../src/gateway/followLogs.ts";
import type { LogCursors } from "../../../src/store/logCursors.ts";
import { type CallsNetwork, startCallsNetwork } from "../../support/callsNetwork.ts";
import { eventually } from "../../support/gatewayLife.ts";

describe("the watch of the chain", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let stopping: AbortController;
  let running: Promise<void>;
  let errors: unknown[];

  before(async () => {
    network = await startCallsNetwork();
  });
  beforeEach(() => {
    [stopping, errors] = [new AbortController(), []];
  });
  afterEach(async () => {
    stopping.abort(new Error("stopped"));
    await running;
  });

  /** Over the chain, or over an RPC that answers a block like this. */
  function watchOf(getBlock?: () => Promise<{ number: bigint; timestamp: bigint }>) {
    const chain = network.connectAs(0);
    const publicClient = Object.create(chain.publicClient, getBlock ? { getBlock: { value: getBlock } } : {});
    const onError = (error: unknown) => void errors.push(error);
    const watch = createChainWatch({ chain: { publicClient }, pollingIntervalMs: 5, signal: stopping.signal, onError });
    running = watch.run();
    return watch;
  }

  it("tells of each new block with the chain's time, until it is told no more", async () => {
    const watch = watchOf();
    expect([watch.latest().number, watch.secondsSinceAnswer()]).to.deep.equal([-1n, Number.POSITIVE_INFINITY]);
    const first = await watch.nextBlock();
    const heads: Head[] = [];
    const takeAway = watch.onBlock((head) => heads.push(head));
    await network.elapse(1_000);
    await eventually(() => heads.length === 1);
    takeAway();
    await network.elapse(1);
    await eventually(() => watch.latest().number > (heads[0]?.number ?? 0n));
    expect(heads).to.have.lengthOf(1);
    expect((heads[0]?.timestamp ?? 0) - first.timestamp).to.be.at.least(1_000);
    expect(watch.secondsSinceAnswer()).to.be.below(5);
  });

  it("ends whoever waits with the reason for stopping", async () => {
    const watch = watchOf();
    await eventually(() => watch.latest().number > 0n);
    const waiting = watch.nextBlock().catch((error: unknown) => error);
    const reason = new Error("the gateway stops");
    stopping.abort(reason);
    expect(await waiting).to.equal(reason);
    expect(await watch.nextBlock().catch((error: unknown) => error)).to.equal(reason);
  });

  it("goes on when a listener throws, or the RPC fails, lags or goes back", async () => {
    let answer: () => Promise<{ number: bigint; timestamp: bigint }> = async () => ({ number: 100n, timestamp: 5n });
    const watch = watchOf(() => answer());
    const heard: bigint[] = [];
    watch.onBlock(() => {
      throw new Error("a listener's own");
    });
    watch.onBlock(({ number }) => heard.push(number));
    await eventually(() => heard.length === 1);
    expect(errors).to.have.lengthOf(1);
    answer = async () => ({ number: 99n, timestamp: 4n });
    await watchSome();
    expect([watch.latest(), errors.length]).to.deep.equal([{ number: 100n, timestamp: 5 }, 1]);
    answer = async () => ({ number: 1n, timestamp: 1n });
    await eventually(() => errors.length > 1);
    expect(errors.at(-1)).to.include({ code: "gateway/chain-went-back" });
    answer = async () => ({ number: 101n, timestamp: 6n });
    await eventually(() => heard.includes(101n));
    expect(heard).to.deep.equal([100n, 101n]);
  });

  const watchSome = () => new Promise((resolve) => setTimeout(resolve, 30));
});

describe("following the log", () => {
  const head = (number: bigint): Head => ({ number, timestamp: 0 });

  /** A named fake of the table: remembers one cursor. */
  function createFakeCursor(stored?: bigint): LogCursors & { stored: () => bigint | undefined } {
    let next = stored;
    return {
      stored: () => next,
      nextBlock: async () => next,
      async move(_, block) {
        next = block;
      },
    };
  }

  it("reads every block, in pieces, the newest ones again, and goes on where it was", async () => {
    const cursors = createFakeCursor();
    const ranges: [bigint, bigint][] = [];
    const options = {
      ...{ cursors, reader: "test", firstBlock: () => 10n },
      read: async ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint }) =>
        void ranges.push([fromBlock, toBlock]),
    };
    const first = createLogFollower(options);
    await first.readUntil(head(3_000n));
    await first.readUntil(head(3_000n));
    await createLogFollower(options).readUntil(head(3_005n));
    expect(ranges).to.deep.equal([
      [2n, 2_001n],
      [2_002n, 3_000n],
      [2_993n, 3_005n],
    ]);
  });

  it("skips nothing that couldn't be read, and keeps for the next life what isn't done", async () => {
    const cursors = createFakeCursor(20n);
    let isDown = true;
    let open: bigint | undefined = 22n;
    const follower = createLogFollower({
      ...{ cursors, reader: "test", firstBlock: () => 0n, keepFrom: () => open },
      read: () => (isDown ? Promise.reject(new Error("down")) : Promise.resolve()),
    });
    await follower.readUntil(head(30n)).catch(() => {});
    expect([follower.readAt(), cursors.stored()]).to.deep.equal([-1n, 20n]);
    isDown = false;
    await follower.readUntil(head(30n));
    expect([follower.readAt(), cursors.stored()]).to.deep.equal([30n, 22n]);
    open = undefined;
    await follower.readUntil(head(31n));
    expect(cursors.stored()).to.equal(32n);
  });
});
