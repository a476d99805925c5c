import { expect } from "chai";
import { retrying } from "../../../src/node/retry.ts";
import type { NodeContext } from "../../../src/node/task.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

/** A head that grows by one block whenever somebody waits for it. */
function contextWithHead(): { context: NodeContext; blocks: () => bigint } {
  let number = 0n;
  const head = {
    latest: () => ({ number, timestamp: Number(number) }),
    until: async () => {
      number += 1n;
      return { number, timestamp: Number(number) };
    },
  };
  return { context: { head } as unknown as NodeContext, blocks: () => number };
}

describe("retrying a step", () => {
  it("tries again with the next block while the failure is one that time can mend", async () => {
    const { context, blocks } = contextWithHead();
    let attempts = 0;
    const result = await retrying(context, async () => {
      attempts += 1;
      if (attempts < 4) throw new ProtocolError("chain/rpc-down", "the RPC is down", { isRetryable: true });
      return "done";
    });
    expect(result).to.equal("done");
    expect(blocks()).to.equal(3n);
  });

  it("takes whatever else an RPC node says for a passing fault", async () => {
    const { context, blocks } = contextWithHead();
    let attempts = 0;
    await retrying(context, async () => {
      attempts += 1;
      if (attempts === 1) throw new ProtocolError("chain/request-failed", "header not found");
    });
    expect(blocks()).to.equal(1n);
  });

  it("gives a refusal up at once", async () => {
    const { context, blocks } = contextWithHead();
    await expectProtocolError("contract/NotDrawn", () =>
      retrying(context, () => Promise.reject(new ProtocolError("contract/NotDrawn", "not drawn"))),
    );
    expect(blocks()).to.equal(0n);
  });
});
