import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "chai";
import { zeroAddress, zeroHash } from "viem";
import { run } from "../../../src/cli/main.ts";
import { receiptId, sequenceOf } from "../../../src/protocol/receipt.ts";
import { receiptToJson } from "../../../src/protocol/receiptJson.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { createTestTerminal } from "../../support/testTerminal.ts";

const RECEIPT = {
  operatorId: 3,
  payer: zeroAddress,
  channelId: zeroHash,
  sequence: sequenceOf(2, 17n),
  model: "onnx/digits",
  servedModel: "onnx/digits",
  requestHash: zeroHash,
  responseRoot: zeroHash,
  partCount: 1,
  inputUnits: 784n,
  outputUnits: 10n,
  price: parseOpg("0.25"),
  cumulativeOwed: parseOpg("1.5"),
  issuedAt: 1_900_000_000,
} as const;
const PORTABLE = {
  receipt: RECEIPT,
  signature: `0x${"11".repeat(65)}`,
  domain: { chainId: 31337, receipts: zeroAddress },
} as const;

describe("opg receipt", () => {
  let folder: string;
  let file: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "opg-receipt-"));
    file = join(folder, "receipt.json");
    await writeFile(file, JSON.stringify(receiptToJson(PORTABLE)));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function opg(args: string[], input = "") {
    const terminal = { ...createTestTerminal(), stdin: Readable.from([input]) };
    const said = { out: "", err: "" };
    terminal.out = (text) => {
      said.out += text;
    };
    terminal.err = (text) => {
      said.err += text;
    };
    return { code: await run(args, terminal), ...said };
  }

  it("show says what a receipt holds, for people", async () => {
    const { code, out } = await opg(["receipt", "show", file]);
    expect(code).to.equal(0);
    expect(out).to.include(receiptId(RECEIPT, PORTABLE.domain));
    expect(out).to.include("17 of incarnation 2").and.include("0.25 OPG").and.include("1.5 OPG");
    expect(out).to.include("2030-03-17T17:46:40Z").and.include("784 in, 10 out");
  });

  it("show takes standard input, and gives JSON", async () => {
    const { code, out } = await opg(["receipt", "show", "-", "--json"], JSON.stringify(receiptToJson(PORTABLE)));
    expect(code).to.equal(0);
    expect(JSON.parse(out)).to.deep.include({ receiptId: receiptId(RECEIPT, PORTABLE.domain), chainId: 31337 });
  });

  it("says what is wrong with a file, in one line", async () => {
    const broken = join(folder, "broken.json");
    await writeFile(broken, JSON.stringify({ ...receiptToJson(PORTABLE), signature: "0x12" }));
    const cases: [string, RegExp][] = [
      [broken, /signature/],
      [join(folder, "none.json"), /can't be read \(ENOENT\)/],
    ];
    for (const [path, wanted] of cases) {
      const { code, err } = await opg(["receipt", "show", path]);
      expect(code).to.be.greaterThan(0);
      expect(err.trim().split("\n")).to.have.length(1);
      expect(err).to.match(wanted);
    }
  });

  it("verify wants the salt with a request or a response", async () => {
    const { code, err } = await opg(["receipt", "verify", file, "--request", file]);
    expect(code).to.equal(2);
    expect(err).to.include("--salt");
  });
});
