import { expect } from "chai";
import { createPublicClient, http } from "viem";
import { toProtocolError } from "../../../src/chain/contractErrors.ts";
import { createLoopback } from "../../support/loopback.ts";

describe("messages of an RPC that fails", () => {
  it("never show its URL, which may hold a provider's key", async () => {
    const loopback = createLoopback();
    const echoing = await loopback.serve((request, response) => response.writeHead(404).end(`no ${request.url}`));
    for (const rpcUrl of [`${echoing}/v2/KEY`, "http://127.0.0.1:9/v2/KEY"]) {
      const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
      const error = toProtocolError(await client.getChainId().catch((cause: unknown) => cause));
      expect(error.code).to.equal("chain/rpc-down");
      expect(error.message).not.to.include("KEY");
    }
    await loopback.close();
  });
});
