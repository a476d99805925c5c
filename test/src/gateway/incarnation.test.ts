import { expect } from "chai";
import { startIncarnation } from "../../../src/gateway/incarnation.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const taken = () => new ProtocolError("contract/WrongIncarnation", "expected another");

describe("starting an incarnation", () => {
  it("takes the next number", async () => {
    const started: number[] = [];
    const chain = { current: async () => 4, start: async (next: number) => void started.push(next) };
    expect(await startIncarnation(chain)).to.equal(5);
    expect(started).to.deep.equal([5]);
  });

  it("takes another one when somebody was faster", async () => {
    let current = 4;
    const start = async (next: number) => {
      if (next > 6) return;
      current = next; // somebody else's
      throw taken();
    };
    expect(await startIncarnation({ current: async () => current, start })).to.equal(7);
  });

  it("says so when others are always faster", async () => {
    const chain = { current: async () => 4, start: () => Promise.reject(taken()) };
    const error = await expectProtocolError("gateway/incarnation-taken", () => startIncarnation(chain));
    expect(error.isRetryable).to.equal(true);
  });

  it("passes on whatever else fails, so that nothing is issued", async () => {
    const chain = {
      current: async () => 4,
      start: () => Promise.reject(new ProtocolError("chain/rpc-down", "no RPC")),
    };
    await expectProtocolError("chain/rpc-down", () => startIncarnation(chain));
  });
});
