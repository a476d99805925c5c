import { expect } from "chai";
import type { Chain } from "../../../src/chain/clients.ts";
import type { BlockRange } from "../../../src/chain/contractCall.ts";
import { readLogs } from "../../../src/chain/logRanges.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const LATEST = 9_999n;
const chain = { publicClient: { getBlockNumber: async () => LATEST } } as unknown as Chain;

/** An RPC that looks through so many blocks at a time; a log is its block's number. */
function limitedTo(blocks: bigint, message: string, code = "chain/request-failed") {
  const requests: [bigint, bigint][] = [];
  const read = async ({ fromBlock, toBlock }: BlockRange): Promise<bigint[]> => {
    const last = toBlock === "latest" ? LATEST : toBlock;
    if (last - fromBlock >= blocks) throw new ProtocolError(code, message, { isRetryable: code === "chain/rpc-down" });
    requests.push([fromBlock, last]);
    return Array.from({ length: Number(last - fromBlock) + 1 }, (_, i) => fromBlock + BigInt(i));
  };
  return { read, requests };
}

describe("reading logs", () => {
  it("takes one request where that is enough", async () => {
    const { read, requests } = limitedTo(20_000n, "");
    expect(await readLogs(chain, { fromBlock: 0n, toBlock: "latest" }, read)).to.have.lengthOf(10_000);
    expect(requests).to.deep.equal([[0n, LATEST]]);
  });

  it("takes as many as the RPC wants, and leaves nothing out and nothing twice", async () => {
    const { read, requests } = limitedTo(2_000n, "query exceeds max block range 2000");
    const logs = await readLogs(chain, { fromBlock: 3n, toBlock: "latest" }, read);
    expect(logs).to.deep.equal(Array.from({ length: 9_997 }, (_, i) => BigInt(i + 3)));
    expect(requests).to.have.lengthOf(8);
  });

  it("knows what providers say of too much", async () => {
    for (const message of [
      "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
      "query returned more than 10000 results",
      "eth_getLogs is limited to a 10,000 range",
      "block range is too wide",
      "exceed maximum block range: 50000",
      "ranges over 10000 blocks are not supported on freetier",
      "Block range limit exceeded",
      "block range too large",
    ]) {
      const { read } = limitedTo(6_000n, message);
      expect(await readLogs(chain, { fromBlock: 0n, toBlock: LATEST }, read), message).to.have.lengthOf(10_000);
    }
  });

  it("doesn't ask an RPC for more that is down or has had enough", async () => {
    for (const message of ["too many requests", "the RPC is down"]) {
      let asked = 0;
      const read = async (): Promise<bigint[]> => {
        asked += 1;
        throw new ProtocolError("chain/rpc-down", message, { isRetryable: true });
      };
      await expectProtocolError("chain/rpc-down", () => readLogs(chain, { fromBlock: 0n, toBlock: "latest" }, read));
      expect(asked).to.equal(1);
    }
    const { read } = limitedTo(6_000n, "limit exceeded: block range", "chain/rpc-down");
    expect(await readLogs(chain, { fromBlock: 0n, toBlock: "latest" }, read)).to.have.lengthOf(10_000);
  });

  it("gives up where even one block is refused", async () => {
    const { read } = limitedTo(0n, "header not found");
    await expectProtocolError("chain/request-failed", () =>
      readLogs(chain, { fromBlock: 0n, toBlock: "latest" }, read),
    );
  });
});
