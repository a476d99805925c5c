import { expect } from "chai";
import { zeroHash } from "viem";
import { REFUND_GRACE_SECONDS } from "../../../src/chain/escrow.ts";
import type { JobOpened } from "../../../src/chain/jobEvents.ts";
import { retrying, retryingSome } from "../../../src/node/retry.ts";
import type { NodeContext, NodeEvent } from "../../../src/node/task.ts";
import type { Head } from "../../../src/node/watch.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const openedUntil = (expiresAt: number) => ({ jobId: zeroHash, job: { expiresAt } }) as unknown as JobOpened;
const OPENED = openedUntil(1_000);

/** A head that grows by one block whenever somebody waits for it. */
function contextWithHead(): { context: NodeContext; blocks: () => bigint; told: string[] } {
  const told: string[] = [];
  let number = 0n;
  const head = {
    latest: () => ({ number, timestamp: Number(number) }),
    until: async (passes: (head: Head) => boolean) => {
      do number += 1n;
      while (!passes({ number, timestamp: Number(number) }));
      return { number, timestamp: Number(number) };
    },
  };
  const report = (event: NodeEvent) => told.push("reason" in event ? event.reason : event.step);
  return {
    context: { head, report, signal: new AbortController().signal } as unknown as NodeContext,
    blocks: () => number,
    told,
  };
}

describe("retrying a step", () => {
  it("tries again with the next block while the failure is one that time can mend", async () => {
    const { context, blocks, told } = contextWithHead();
    let attempts = 0;
    const result = await retrying(context, OPENED, async () => {
      attempts += 1;
      if (attempts < 4) throw new ProtocolError("chain/rpc-down", "the RPC is down", { isRetryable: true });
      return "done";
    });
    expect(result).to.equal("done");
    expect(blocks()).to.equal(3n);
    expect(told).to.deep.equal(["the RPC is down"]);
  });

  it("takes whatever else an RPC node says for a passing fault", async () => {
    const { context, blocks } = contextWithHead();
    let attempts = 0;
    await retrying(context, OPENED, async () => {
      attempts += 1;
      if (attempts === 1) throw new ProtocolError("chain/request-failed", "header not found");
    });
    expect(blocks()).to.equal(1n);
  });

  it("gives a refusal up at once", async () => {
    const { context, blocks } = contextWithHead();
    await expectProtocolError("contract/NotDrawn", () =>
      retrying(context, OPENED, () => Promise.reject(new ProtocolError("contract/NotDrawn", "not drawn"))),
    );
    expect(blocks()).to.equal(0n);
  });

  it("gives up when nobody can be paid for the job any more", async () => {
    const { context, blocks } = contextWithHead();
    const failure = new ProtocolError("chain/rpc-down", "the RPC is down", { isRetryable: true });
    await expectProtocolError("chain/rpc-down", () =>
      retrying(context, openedUntil(5 - REFUND_GRACE_SECONDS), () => Promise.reject(failure)),
    );
    expect(blocks()).to.equal(6n);
  });

  it("tries what others make it fetch a few times only, more and more seldom", async () => {
    const { context, blocks } = contextWithHead();
    const triedAt: bigint[] = [];
    await expectProtocolError("fetch/unreachable", () =>
      retryingSome(context, OPENED, 4, () => {
        triedAt.push(blocks());
        return Promise.reject(new ProtocolError("fetch/unreachable", "nobody answers", { isRetryable: true }));
      }),
    );
    expect(triedAt).to.deep.equal([0n, 1n, 3n, 7n]);
  });
});
