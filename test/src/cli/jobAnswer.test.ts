import { expect } from "chai";
import { type CommitteeEvent, seatsOf } from "../../../src/chain/committeeEvents.ts";
import { describeMeaning, meaningOf } from "../../../src/cli/jobAnswer.ts";
import { lines, toJson } from "../../../src/cli/output.ts";
import { createProgress } from "../../../src/cli/progress.ts";
import type { Manifest } from "../../../src/protocol/manifest.ts";
import { oneLine } from "../../../src/protocol/oneLine.ts";

const PLACE = { blockNumber: 1n, blockHash: "0x01", transactionHash: "0x02", logIndex: 0 } as const;
const JOB = { jobId: "0x03", place: PLACE } as const;

describe("what an answer means", () => {
  const manifest = {
    outputs: [{ name: "logits", dtype: "int8", shape: [1, 3] }],
    labels: ["a", "b", "c"],
  } as unknown as Manifest;

  it("is the label with the highest score, and all scores", () => {
    const meaning = meaningOf(manifest, Uint8Array.of(1, 7, 255));
    expect(meaning).to.deep.include({ label: "b" });
    expect(describeMeaning(meaning)).to.deep.equal([
      ["answer", "b"],
      ["scores", "b 7 · a 1 · c -1"],
    ]);
  });

  it("is the numbers when there are no labels for them", () => {
    const meaning = meaningOf({ ...manifest, labels: [] }, Uint8Array.of(1, 7, 255));
    expect(describeMeaning(meaning)).to.deep.equal([["logits", "1 7 -1"]]);
  });

  it("seats are those that nobody was evicted from", () => {
    const committee: CommitteeEvent[] = [
      { kind: "committed", operatorId: 1, ...JOB },
      { kind: "committed", operatorId: 2, ...JOB },
      { kind: "evicted", operatorId: 1, seat: 0, ...JOB },
      { kind: "committed", operatorId: 3, ...JOB },
      { kind: "revealed", operatorId: 3, resultHash: "0xaa", ...JOB },
    ];
    expect(seatsOf(committee)).to.deep.equal([
      { operatorId: 3, seat: 0, revealed: "0xaa" },
      { operatorId: 2, seat: 1 },
    ]);
  });
});

describe("output", () => {
  it("has amounts as strings, aligned lines, and nothing that moves a cursor", () => {
    expect(JSON.parse(toJson({ fee: 10n ** 18n }))).to.deep.equal({ fee: "1000000000000000000" });
    expect(
      lines([
        ["a", "1"],
        ["bc", "2"],
        ["d", undefined],
      ]),
    ).to.equal("a   1\nbc  2");
    expect(oneLine("a\u001b[2Jb\nc")).to.equal("a [2Jb c");
  });

  it("tells at once what happened, and what takes long after two seconds", async () => {
    let told = "";
    const progress = createProgress((text) => {
      told += text;
    });
    progress.say("opened");
    expect(told).to.match(/^ +0\.\d s {2}opened\n$/);
    progress.begin("waiting");
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    expect(told).to.match(/ 2\.\d s {2}waiting …\n$/);
    progress.end();
  });
});
