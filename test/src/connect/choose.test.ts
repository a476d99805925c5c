import { expect } from "chai";
import { capOf, worstCase } from "../../../src/connect/caps.ts";
import { type Candidate, decayed, rank, usualPrice } from "../../../src/connect/choose.ts";

const OPG = 10n ** 18n;

function candidate(changes: Partial<Candidate>): Candidate {
  return { operatorId: 1, price: 100n, latencyMs: 200, failures: 0, rest: "none", bond: 1_000n * OPG, ...changes };
}

describe("choosing an operator", () => {
  const order = (...changes: Partial<Candidate>[]) =>
    rank(changes.map((change, index) => candidate({ operatorId: index + 1, ...change }))).map((it) => it.operatorId);

  it("prefers the cheaper, the faster, the one without failures and the one with more at stake", () => {
    expect(order({ price: 200n }, {})).to.deep.equal([2, 1]);
    expect(order({ latencyMs: 900 }, {})).to.deep.equal([2, 1]);
    expect(order({ failures: 1 }, {})).to.deep.equal([2, 1]);
    expect(order({ bond: 10n * OPG }, {})).to.deep.equal([2, 1]);
  });

  it("is the same for the same candidates, and takes the lower number of equal ones", () => {
    expect(order({}, {}, {})).to.deep.equal([1, 2, 3]);
    expect(rank([])).to.deep.equal([]);
  });

  it("weighs a failure more than a price, until it is forgotten", () => {
    expect(order({ failures: 1 }, { price: 300n })).to.deep.equal([2, 1]);
    expect(order({ failures: decayed(1, 300_000) }, { price: 300n })).to.deep.equal([1, 2]);
    expect(decayed(4, 60_000)).to.equal(2);
  });

  it("puts those that rest behind all others, whatever they ask", () => {
    expect(order({ rest: "resting", price: 0n }, { failures: 3 }, { price: 10_000n })).to.deep.equal([3, 2, 1]);
    expect(order({ rest: "resting", price: 0n }, { rest: "resting" }, { latencyMs: undefined })).to.deep.equal([
      3, 1, 2,
    ]);
  });

  it("tries one at a time that has failed last, or hasn't answered yet, before those that have answered", () => {
    const free = { price: 0n };
    expect(order({ ...free, rest: "over" }, { ...free, rest: "over" }, {}, {})).to.deep.equal([1, 3, 4, 2]);
    const unknown = { ...free, latencyMs: undefined };
    expect(order(unknown, unknown, { ...free, rest: "over" }, {})).to.deep.equal([3, 4, 1, 2]);
    expect(order({ rest: "over", price: 200n }, {})).to.deep.equal([2, 1]);
  });

  it("lets no price outweigh failures", () => {
    expect(order({ price: 0n, failures: 5 }, { price: 10n ** 16n })).to.deep.equal([2, 1]);
    expect(order({ price: 0n, failures: 24 }, { price: 10n ** 20n })).to.deep.equal([2, 1]);
  });

  it("still takes the cheaper of two that are far from the usual price", () => {
    expect(order({ price: 10n ** 9n }, { price: 10n ** 6n }, {}, {})).to.deep.equal([3, 4, 2, 1]);
  });

  it("takes the price for usual that half of what is at stake asks, or less", () => {
    const asking = (price: bigint, bond: bigint) => ({ price, bond: bond * OPG });
    expect(usualPrice([asking(0n, 1n), asking(0n, 1n), asking(0n, 1n), asking(50n, 10n), asking(60n, 10n)])).to.equal(
      50n,
    );
    expect(usualPrice([])).to.equal(0n);
  });

  it("can tell free operators apart", () => {
    expect(order({ price: 0n, latencyMs: 500 }, { price: 0n, latencyMs: 100 })).to.deep.equal([2, 1]);
  });
});

describe("the cap of a call", () => {
  const FRAME = 5n + 64n; // of each request: its own price, and what is around its text
  const offer = { quote: { request: 5n, input: 1n, output: 10n }, maxOutput: 100 };
  const chat = (body: Record<string, unknown>) => ({ route: "/v1/chat/completions", body, byteLength: 50 }) as const;

  it("is what the request can cost at most: its bytes, and the output it asks for or the model can give", () => {
    expect(worstCase(offer, chat({}))).to.equal(FRAME + 50n + 1_000n);
    expect(worstCase(offer, chat({ max_tokens: 3 }))).to.equal(FRAME + 50n + 30n);
    expect(worstCase(offer, chat({ max_completion_tokens: 2, max_tokens: 3 }))).to.equal(FRAME + 50n + 20n);
    expect(worstCase(offer, chat({ max_tokens: 1e9 }))).to.equal(FRAME + 50n + 1_000n);
    expect(worstCase(offer, { ...chat({ n: 2 }), route: "/v1/images/generations" })).to.equal(FRAME + 50n + 20n);
  });

  it("leaves room for a picture whose size nobody knows yet", () => {
    const picture = { type: "image_url", image_url: { url: "https://pictures.example/a.png" } };
    const body = { max_tokens: 1, messages: [{ role: "user", content: [picture] }, null] };
    expect(worstCase(offer, chat(body))).to.equal(FRAME + 50n + 4_800n + 10n);
  });

  it("counts each text of a list", () => {
    const embeddings = { route: "/v1/embeddings", body: { input: ["a", "b", "c"] }, byteLength: 50 } as const;
    expect(worstCase(offer, embeddings)).to.equal(FRAME + 50n + 12n + 10n);
  });

  it("is never above what is allowed", () => {
    expect(capOf(offer, chat({}), 7n)).to.equal(7n);
    expect(capOf(offer, chat({}), 10n ** 9n)).to.equal(FRAME + 1_050n);
  });
});
