import { expect } from "chai";
import { sseBlocks } from "../../../src/connect/sseBlocks.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const TEXT = "data: one\n\n: opg-part {}\n\ndata: é\ndata: more\n\n\n\n";

describe("blocks of an event stream", () => {
  async function* cut(text: string, size: number): AsyncGenerator<Uint8Array> {
    const bytes = new TextEncoder().encode(text);
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  const blocksOf = async (body: AsyncIterable<Uint8Array>, maxBytes = 100) => {
    const blocks: string[] = [];
    for await (const block of sseBlocks(body, maxBytes)) blocks.push(new TextDecoder().decode(block));
    return blocks;
  };

  it("are the same however the bytes were cut, and lose none", async () => {
    for (let size = 1; size <= TEXT.length; size++) {
      const blocks = await blocksOf(cut(TEXT, size));
      expect(blocks.join("")).to.equal(TEXT);
      expect(blocks).to.deep.equal(["data: one\n\n", ": opg-part {}\n\n", "data: é\ndata: more\n\n", "\n\n"]);
    }
  });

  it("are refused when one is too large, and when the last has no end", async () => {
    await expectProtocolError("part/too-large", () => blocksOf(cut("x".repeat(101), 10)));
    await expectProtocolError("connect/cut", () => blocksOf(cut("data: one\n\ndata: t", 3)));
  });
});
