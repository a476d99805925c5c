import { expect } from "chai";
import { keccak256, stringToHex, toHex, zeroHash } from "viem";
import type { JobOpened } from "../../../src/chain/jobEvents.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { infer } from "../../../src/node/infer.ts";
import { createNodeTurns, type NodeContext } from "../../../src/node/task.ts";
import { packTerms } from "../../../src/protocol/commitRevealTerms.ts";
import { endsWithin, memoryGrowth, writeEndlessly } from "../../support/bounds.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const INPUT = Uint8Array.of(1, 2, 3);

const TIMEOUT_MS = 300;
const MIB = 1 << 20;

const manifest = { inputs: [{ name: "x", dtype: "uint8", shape: [1, INPUT.length] }] };

/** A node whose model takes three bytes and gives them back. */
const context = {
  models: { open: async () => ({ manifest, run: async (input: Uint8Array) => input }) },
  fetchUri: createFetchUri({ allowPrivate: true, timeoutMs: TIMEOUT_MS }),
  turns: createNodeTurns(),
  signal: new AbortController().signal,
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
  const loopback = createLoopback();
  after(() => loopback.close());

  it("runs what the event carries", async () => {
    expect(await infer(context, opened(INPUT))).to.deep.equal(INPUT);
  });

  it("fetches what a URI serves, also over a redirect", async () => {
    const uri = await loopback.serve((_, response) => response.end(INPUT));
    const redirects = await loopback.serve((_, response) => response.writeHead(302, { location: uri }).end());
    expect(await infer(context, opened(uri))).to.deep.equal(INPUT);
    expect(await infer(context, opened(redirects))).to.deep.equal(INPUT);
  });

  it("refuses an input that isn't the one the payer signed", async () => {
    for (const bytes of [Uint8Array.of(1, 2, 4), INPUT.subarray(1), new Uint8Array()]) {
      const uri = await loopback.serve((_, response) => response.end(bytes));
      await expectProtocolError("input/hash-mismatch", () => infer(context, opened(uri)));
    }
  });

  it("asks nobody on a private network unless told", async () => {
    let requests = 0;
    const uri = await loopback.serve((_, response) => {
      requests += 1;
      response.end(INPUT);
    });
    const asStarted = { ...context, fetchUri: createFetchUri() };
    await expectProtocolError("fetch/refused-address", () => infer(asStarted, opened(uri)));
    await expectProtocolError("fetch/unsupported-uri", () => infer(asStarted, opened("file:///etc/hostname")));
    expect(requests).to.equal(0);
  });

  it("may try again where nobody answers, or too late", async () => {
    const fails = await loopback.serve((_, response) => response.writeHead(500).end());
    const silent = await loopback.serve(() => {});
    for (const uri of ["http://127.0.0.1:9/input", fails, silent]) {
      const run = () => expectProtocolError("fetch/unreachable", () => infer(context, opened(uri)));
      expect((await endsWithin(TIMEOUT_MS, run)).isRetryable).to.equal(true);
    }
  });

  it("reads no more than the model takes", async () => {
    const oneMore = await loopback.serve((_, response) => response.end(Uint8Array.of(...INPUT, 0)));
    const endless = await loopback.serve((_, response) => writeEndlessly(response, new Uint8Array(64 * 1024)));
    for (const uri of [oneMore, endless]) {
      const run = () => expectProtocolError("fetch/too-large", () => infer(context, opened(uri)));
      const { arrayBuffers } = await memoryGrowth(() => endsWithin(TIMEOUT_MS, run));
      expect(arrayBuffers).to.be.below(16 * MIB);
    }
  });

  it("refuses a result larger than the job allows", async () => {
    await expectProtocolError("model/result-too-large", () => infer(context, opened(INPUT, { maxResultBytes: 2 })));
  });

  it("runs a few at a time, and what is inline doesn't wait for slow servers", async () => {
    let running = 0;
    let most = 0;
    const run = async (input: Uint8Array) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return input;
    };
    const silent = await loopback.serve(() => {});
    const busy = { ...context, models: { open: async () => ({ manifest, run }) } } as unknown as NodeContext;
    const slow = Array.from({ length: 8 }, () => infer(busy, opened(silent)).catch(() => "slow"));
    const inline = Array.from({ length: 30 }, () => infer(busy, opened(INPUT)).then(() => "inline"));
    expect(await Promise.race([Promise.all(inline), Promise.any(slow)])).to.deep.equal(inline.map(() => "inline"));
    expect(most).to.equal(4);
    await Promise.all(slow);
  });

  it("ends with the node", async () => {
    const stopping = new AbortController();
    const uri = await loopback.serve(() => stopping.abort(new Error("the node stops")));
    const failure = await infer({ ...context, signal: stopping.signal }, opened(uri)).catch((error: unknown) => error);
    expect(failure).to.equal(stopping.signal.reason);
  });
});
