import { expect } from "chai";
import { type Hex, numberToHex } from "viem";
import { checkedStream } from "../../../src/connect/checkedStream.ts";
import type { OpenCall, StatementChecks } from "../../../src/connect/checkStatements.ts";
import { partComment, receiptComment } from "../../../src/protocol/callWire.ts";
import type { Receipt } from "../../../src/protocol/receipt.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const HASH = numberToHex(1, { size: 32 });
const ADDRESS = numberToHex(2, { size: 20 });
const SIGNATURE = numberToHex(3, { size: 65 });
const DOMAIN = { chainId: 1, receipts: ADDRESS };
const CALL: OpenCall = {
  ...{ requestHash: HASH, channelId: HASH, operatorId: 1, model: "a/b", cap: 1n, owedBefore: 0n },
  ...{ chainSentAt: undefined, quote: undefined },
};
const STATED = { operatorId: 1, channelId: HASH, sequence: 7n, issuedAt: 1 };
const RECEIPT: Receipt = {
  ...{ ...STATED, payer: ADDRESS, model: "a/b", servedModel: "a/b", requestHash: HASH, responseRoot: HASH },
  ...{ partCount: 1, inputUnits: 1n, outputUnits: 1n, price: 1n, cumulativeOwed: 1n },
};

const signed = (bytes: string) =>
  bytes + partComment({ part: { ...STATED, index: 0, runningHash: HASH }, signature: SIGNATURE, domain: DOMAIN });
const END = receiptComment({ receipt: RECEIPT, signature: SIGNATURE, domain: DOMAIN });

describe("a stream that is checked part by part", () => {
  /** The sequences that were told to the checks, which pass everything here. */
  let sequences: (bigint | undefined)[];
  const checks: StatementChecks = {
    part: async (_call, _portable, { sequence }) => void sequences.push(sequence),
    receipt: async (_call, _portable, { sequence }): Promise<Hex> => {
      sequences.push(sequence);
      return HASH;
    },
  };
  let handedOn: string;
  beforeEach(() => {
    [sequences, handedOn] = [[], ""];
  });

  async function read(...texts: string[]): Promise<void> {
    async function* body() {
      for (const text of texts) yield new TextEncoder().encode(text);
    }
    const stream = checkedStream({ call: CALL, salt: HASH, body: body(), checks, step: () => {} });
    for await (const part of stream) handedOn += new TextDecoder("utf-8", { ignoreBOM: true }).decode(part);
  }

  const ENDS = [
    ...["data: [DONE]\n\n", "data:[DONE]\n\n", "data:  [DONE]\n\n", "data:[DONE]\r\n\r\n\n", "data: [DONE]\r\r\n\n"],
    ...[
      "data: {}\r\n\r\ndata: [DONE]\r\n\r\n: more\n\n",
      "event: end\rdata:[DONE]\r\rdata: {}\n\n",
      "\ufeffdata: [DONE]\n\n",
    ],
  ];
  for (const end of ENDS) {
    it(`hands its end on only when the receipt has come: ${JSON.stringify(end)}`, async () => {
      const [first, later] = ['data: {"say":"data: [DONE]"}\n\n', "data: {}\n\n"];
      await expectProtocolError("connect/cut", () => read(signed(first), signed(end), signed(later)));
      expect(handedOn).to.equal(first);
      handedOn = "";
      await read(signed(first), signed(end), signed(later), END);
      expect(handedOn).to.equal(first + end + later);
    });
  }

  it("holds no more back after its end than a part may have", async () => {
    const large = signed(`data: ${"x".repeat(600 * 1024)}\n\n`);
    await expectProtocolError("part/too-large", () => read(signed("data: [DONE]\n\n"), large, large, END));
    expect(handedOn).to.equal("");
  });

  it("has the sequence of its first part to its end", async () => {
    await read(signed("data: 1\n\n"), signed("data: [DONE]\n\n"), END);
    expect(sequences).to.deep.equal([undefined, 7n, 7n]);
  });
});
