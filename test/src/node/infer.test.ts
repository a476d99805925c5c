import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { keccak256, stringToHex, toHex, zeroHash } from "viem";
import type { JobOpened } from "../../../src/chain/jobEvents.ts";
import { infer } from "../../../src/node/infer.ts";
import type { NodeContext } from "../../../src/node/task.ts";
import { packTerms } from "../../../src/protocol/commitRevealTerms.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const INPUT = Uint8Array.of(1, 2, 3);

/** A node whose model gives the input back. */
const context = {
  models: { find: () => ({ run: async (input: Uint8Array) => input, close: async () => {} }) },
} as unknown as NodeContext;

function opened(
  input: Uint8Array | string,
  options: { inputHash?: `0x${string}`; maxResultBytes?: number } = {},
): JobOpened {
  const isInline = typeof input !== "string";
  const verifierData = packTerms({
    committeeSize: 1,
    maxWidening: 0,
    commitWindowSeconds: 8,
    revealWindowSeconds: 8,
    settleWindowSeconds: 8,
    maxResultBytes: options.maxResultBytes ?? 64,
    bondUnits: 1n,
  });
  const inputHash = options.inputHash ?? keccak256(INPUT);
  const inputUriHash = isInline ? zeroHash : keccak256(stringToHex(input));
  const job = { modelId: zeroHash, inputHash, inputUriHash, verifierData };
  return { input: isInline ? toHex(input) : stringToHex(input), job } as unknown as JobOpened;
}

describe("a node's input and inference", () => {
  const servers: Server[] = [];
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/input`;
  }
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  it("runs what the event carries", async () => {
    expect(await infer(context, opened(INPUT))).to.deep.equal(INPUT);
  });

  it("fetches what a URI serves", async () => {
    const uri = await serve((_, response) => response.end(INPUT));
    expect(await infer(context, opened(uri))).to.deep.equal(INPUT);
  });

  it("refuses an input that isn't the one the payer signed", async () => {
    const uri = await serve((_, response) => response.end(Uint8Array.of(9)));
    await expectProtocolError("input/hash-mismatch", () => infer(context, opened(uri)));
  });

  it("refuses a URI nobody answers at, one that redirects, and one that fails", async () => {
    const target = await serve((_, response) => response.end(INPUT));
    const redirects = await serve((_, response) => response.writeHead(302, { location: target }).end());
    const fails = await serve((_, response) => response.writeHead(500).end());
    for (const uri of ["http://127.0.0.1:9/input", redirects, fails]) {
      await expectProtocolError("input/unreachable", () => infer(context, opened(uri)));
    }
  });

  it("stops reading an input without an end", async () => {
    const uri = await serve((_, response) => {
      const chunk = new Uint8Array(1 << 20);
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    });
    await expectProtocolError("input/too-large", () => infer(context, opened(uri)));
  });

  it("refuses a result larger than the job allows", async () => {
    await expectProtocolError("model/result-too-large", () => infer(context, opened(INPUT, { maxResultBytes: 2 })));
  });
});
