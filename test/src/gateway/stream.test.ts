import { expect } from "chai";
import { type Hex, numberToHex, stringToHex } from "viem";
import type { AdmittedCall } from "../../../src/gateway/admit.ts";
import type { ServedModel } from "../../../src/gateway/models.ts";
import { answerStream, type StreamOptions } from "../../../src/gateway/stream.ts";
import type { Upstream, UpstreamChunk } from "../../../src/gateway/upstream.ts";
import { ApiError } from "../../../src/protocol/apiError.ts";
import { readComment } from "../../../src/protocol/callWire.ts";
import { afterPart, startOfStream } from "../../../src/protocol/checkPart.ts";
import type { PortableReceipt } from "../../../src/protocol/receiptJson.ts";
import type { Store } from "../../../src/store/store.ts";
import { expectApiError } from "../../support/apiErrors.ts";
import { CAP, CHANNEL, DEPOSITED, issuerOf, RECEIPT_DOMAIN, signVoucher } from "../../support/calls.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";

const ROUTE = "/v1/chat/completions";
const SALT: Hex = numberToHex(7, { size: 32 });
const QUOTE = { request: 10n, input: 1n, output: 20n };

type Played = { text: string; parts: number; receipt: PortableReceipt | undefined };

const chunk = (content: string, model = "m"): UpstreamChunk => ({
  chunk: { model, choices: [{ index: 0, delta: { content } }] },
});
const served = (outputUnits: bigint, model = "m"): UpstreamChunk => ({
  served: { model, inputUnits: 3n, outputUnits },
});

describe("a streamed answer", function () {
  this.timeout(30_000);
  let store: Store;
  let calls = 0n;

  before(async () => {
    store = await openTemporaryStore();
  });
  after(() => store.close());

  /** A call of its own channel to an upstream that says this. */
  async function begin(
    play: (signal: AbortSignal) => AsyncIterable<UpstreamChunk>,
    options: Partial<StreamOptions> = {},
  ) {
    calls += 1n;
    const upstream: Upstream = { answer: {}, stream: { [ROUTE]: ({ signal }) => play(signal) } };
    const model: ServedModel = {
      ...{ name: "local/m", provider: "local", upstreamName: "m", upstream, quote: QUOTE },
      ...{ serves: [], maxOutput: 100, isBitExact: false },
    };
    const requestHash = numberToHex(calls, { size: 32 });
    const channelId = numberToHex(2n ** 200n + calls, { size: 32 });
    const terms = {
      ...{
        channelId,
        payer: CHANNEL.payer,
        voucherKey: CHANNEL.voucherKey,
        requestHash,
        model: model.name,
        salt: SALT,
      },
      ...{ voucher: await signVoucher(CAP), cap: CAP, deposited: DEPOSITED, claimed: 0n },
    };
    const call: AdmittedCall = {
      ...{ route: ROUTE, model, body: {}, isStream: true, maxOutputUnits: 100, inputUnitsAtMost: 40n, terms },
    };
    const stop = new AbortController();
    const issued = await (await issuerOf(store.calls, 1)).begin(terms);
    const answer = () =>
      answerStream(call, issued, {
        ...{ domain: RECEIPT_DOMAIN, stop, slowClientMs: 5_000, onStep: () => {}, onEnd: () => {} },
        ...options,
      });
    return { answer, requestHash, stop, stored: () => store.calls.find(requestHash) };
  }

  /** Reads a stream to its end, and checks that its parts are signed over exactly their bytes. */
  async function readAll(body: ReadableStream<Uint8Array>, requestHash: Hex): Promise<Played> {
    let place = startOfStream(requestHash);
    const played: Played = { text: "", parts: 0, receipt: undefined };
    let waiting = "";
    for (const block of (await new Response(body).text()).split(/(?<=\n\n)/)) {
      const comment = readComment(block);
      if (comment === undefined) waiting += block;
      else if ("receipt" in comment) played.receipt = comment.receipt;
      else {
        place = afterPart(place, SALT, stringToHex(waiting));
        expect(comment.part.part).to.include({ index: played.parts, runningHash: place.runningHash });
        played.parts += 1;
        played.text += waiting;
        waiting = "";
      }
    }
    expect(waiting, "nothing is unsigned").to.equal("");
    expect(played.receipt?.receipt).to.include({ responseRoot: place.runningHash, partCount: played.parts });
    return played;
  }

  it("is its events, the last of them [DONE], and a receipt for what the upstream has counted", async () => {
    const { answer, requestHash } = await begin(async function* () {
      yield chunk("Hel");
      yield chunk("lo");
      yield served(2n);
    });
    const { text, receipt } = await readAll(await answer(), requestHash);
    expect(text.split("\n\n").slice(0, -1)).to.have.lengthOf(3);
    expect(text.endsWith("data: [DONE]\n\n")).to.equal(true);
    expect(text).to.include('"model":"local/m"');
    expect(receipt?.receipt).to.include({
      price: 10n + 3n + 40n,
      inputUnits: 3n,
      outputUnits: 2n,
      servedModel: "local/m",
    });
  });

  it("is refused whole where the upstream fails before it begins, and costs nothing", async () => {
    const failure = new ApiError("slow down", { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" });
    const { answer, stored } = await begin(async function* () {
      if (failure.status === 429) throw failure;
      yield chunk("never");
    });
    await expectApiError({ status: 429, code: "rate_limit_exceeded" }, answer);
    expect((await stored())?.stage).to.equal("abandoned");
  });

  it("says that it was cut, and is paid for what came", async () => {
    const { answer, requestHash } = await begin(async function* () {
      yield chunk("eight by");
      throw new ApiError("the upstream went away", { status: 502, type: "upstream_error", code: "upstream_cut" });
    });
    const { text, receipt } = await readAll(await answer(), requestHash);
    expect(text).to.include("eight by").and.to.include('"code":"upstream_cut"').and.not.to.include("[DONE]");
    expect(receipt?.receipt).to.include({ outputUnits: 2n, inputUnits: 10n, price: 10n + 10n + 40n });
  });

  it("is refused where another model begins to answer, and costs nothing", async () => {
    const { answer, stored } = await begin(async function* () {
      yield chunk("hi", "cheaper");
      yield served(1n, "cheaper");
    });
    await expectApiError({ status: 502, code: "other_model_served" }, answer);
    expect((await stored())?.stage).to.equal("abandoned");
  });

  it("stops the upstream when the client goes away, and is paid for what came", async () => {
    let stopped: unknown;
    const { answer, stored } = await begin(async function* (signal) {
      yield chunk("first");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      stopped = signal.reason;
      signal.throwIfAborted();
    });
    const reader = (await answer()).getReader();
    await reader.read();
    await reader.cancel(new Error("gone"));
    const call = await stored();
    expect(stopped).to.be.instanceOf(Error);
    expect(call?.stage).to.equal("issued");
    expect(call?.receipt?.receipt).to.include({ partCount: 1, outputUnits: 2n });
  });

  it("costs what the upstream has counted, also when the client goes away before it has read all", async () => {
    const { answer, stored } = await begin(async function* () {
      yield chunk("first");
      yield served(7n);
    });
    const reader = (await answer()).getReader();
    await reader.read();
    await reader.cancel(new Error("gone"));
    expect((await stored())?.receipt?.receipt).to.include({ outputUnits: 7n, inputUnits: 3n, price: 10n + 3n + 140n });
  });

  describe("whose client takes nothing", () => {
    /** Resolves with what it was told once there is a receipt, or never will be. */
    async function stalled(play: (signal: AbortSignal) => AsyncIterable<UpstreamChunk>) {
      const { promise: ended, resolve: onEnd } = Promise.withResolvers<unknown>();
      const { answer, stop, stored } = await begin(play, { slowClientMs: 50, onEnd });
      const reader = (await answer()).getReader();
      await ended;
      const failure = await reader.read().catch((error: unknown) => error);
      expect((failure as Error).message).to.include("took nothing for 50 ms");
      expect(stop.signal.aborted).to.equal(true);
      return await stored();
    }

    it("is given up with a receipt, however little waits", async () => {
      const call = await stalled(async function* () {
        yield chunk("eight by");
        yield served(2n);
      });
      expect(call?.stage).to.equal("issued");
      expect(call?.receipt?.receipt.partCount).to.equal(1);
    });

    it("is given up while its upstream waits for room", async () => {
      const call = await stalled(async function* () {
        for (let n = 0; n < 1_000; n++) yield chunk("x".repeat(1_000));
        yield served(2n);
      });
      expect(call?.stage).to.equal("issued");
    });
  });

  it("isn't given up while its upstream thinks", async () => {
    const { answer, requestHash } = await begin(
      async function* () {
        yield chunk("one");
        await new Promise((done) => setTimeout(done, 150));
        yield served(1n);
      },
      { slowClientMs: 50 },
    );
    expect((await readAll(await answer(), requestHash)).receipt?.receipt.outputUnits).to.equal(1n);
  });

  it("is never dearer than its cap", async () => {
    const { answer, requestHash } = await begin(async function* () {
      yield chunk("much");
      yield served(1_000_000n);
    });
    expect((await readAll(await answer(), requestHash)).receipt?.receipt.price).to.equal(CAP);
  });
});
