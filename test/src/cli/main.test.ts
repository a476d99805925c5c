import { expect } from "chai";
import type { Command } from "commander";
import { createProgram, run } from "../../../src/cli/main.ts";
import { createTestTerminal, type TestTerminal } from "../../support/testTerminal.ts";

const COMMANDS = [
  "connect",
  "gateway",
  "receipt list",
  "job submit",
  "job status",
  "job result",
  "job verify",
  "job refund",
  "job retry",
  "model publish",
  "model list",
  "model show",
  "model check",
  "operator register",
  "operator status",
  "operator rotate-signer",
  "operator consent",
  "operator allow",
  "stake add",
  "stake unbond",
  "stake withdraw",
  "stake bond",
  "stake unbond-receipts",
  "channel open",
  "channel topup",
  "channel close",
  "channel status",
  "receipt verify",
  "receipt show",
  "escrow deposit",
  "escrow withdraw",
  "escrow balance",
  "faucet",
  "node init",
];
const JOB_ID = `0x${"ab".repeat(32)}`;

describe("the opg command line", () => {
  async function opg(args: string, env: Record<string, string> = {}): Promise<TestTerminal & { code: number }> {
    const terminal = createTestTerminal(env);
    const code = await run(args.split(" ").filter(Boolean), terminal);
    return { ...terminal, code };
  }

  describe("helps", () => {
    it("with each command there is, and none beside", () => {
      const namesOf = (command: Command, path: string[]): string[] =>
        command.commands.length === 0
          ? [path.join(" ")]
          : command.commands.flatMap((child) => namesOf(child, [...path, child.name()]));
      expect(namesOf(createProgram(createTestTerminal()), []).sort()).to.deep.equal([...COMMANDS].sort());
    });

    for (const name of [...COMMANDS, "node"]) {
      it(`opg ${name} --help`, async () => {
        const { code, stdout, stderr } = await opg(`${name} --help`);
        expect(code).to.equal(0);
        expect(stderr).to.equal("");
        expect(stdout).to.include(`Usage: opg ${name}`).and.include("--json").and.include("--rpc");
      });
    }
  });

  it("says its version", async () => {
    const { code, stdout, stderr } = await opg("--version");
    expect([code, stderr]).to.deep.equal([0, ""]);
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  describe("called wrongly ends with 2 and says how to call it", () => {
    const cases: [string, RegExp][] = [
      ["", /Usage: opg/],
      ["job", /Usage: opg job/],
      ["nonsense", /unknown command/],
      ["job submit", /--model/],
      ["job status", /missing required argument 'jobId'/],
      ["job status 0x12", /0x and 64 hex digits/],
      ["job submit --model digits --fee 1,5", /write an amount like 1.5/],
      ["job submit --model digits --committee three", /Whole numbers from 1/],
      [`job verify ${JOB_ID} --backend gpu`, /Allowed choices are wasm, native/],
      [`job verify ${JOB_ID} --format gif`, /Allowed choices are png, csv, json, raw/],
      ["escrow balance --network mars", /Allowed choices are localhost, base/],
      ["escrow balance 0x12", /0x and 40 hex digits/],
      ["escrow deposit ten", /write an amount like 1.5/],
      ["operator status 0x12", /0x and 40 hex digits/],
      ["escrow balance --network base", /set BASE_RPC_URL/],
      ["escrow balance --rpc 127.0.0.1:8545", /isn't the URL of an RPC/],
      ["faucet --network base --rpc http://127.0.0.1:1", /on --network localhost only/],
      ["escrow balance --network base --rpc http://127.0.0.1:1 --account 3", /whose keys everybody knows/],
      ["node --data out/x --network base --rpc http://127.0.0.1:1", /set OPG_SIGNER_PRIVATE_KEY/],
    ];
    for (const [args, said] of cases) {
      it(`opg ${args}`, async () => {
        const { code, stdout, stderr } = await opg(args);
        expect(stderr).to.match(said);
        expect(code).to.equal(2);
        expect(stdout).to.equal("");
      });
    }
  });

  it("says what failed in JSON too when asked, and ends with 1", async () => {
    const { code, stdout, stderr } = await opg("escrow balance --json --addresses no/such.json");
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.include({
      error: { code: "chain/not-deployed", message: stderr.slice(5, -1), isRetryable: false },
    });
    const misused = await opg("escrow balance 0x12 --json");
    expect(misused.code).to.equal(2);
    expect(JSON.parse(misused.stdout).error).to.include({ code: "usage/invalidArgument" });
  });

  it("never shows a key, however it is written", async () => {
    const keys = [
      "0xabc123secret",
      "c0ffee".repeat(10),
      `0x${"f".repeat(64)}`,
      `0x${"0".repeat(64)}`,
      ` 0x${"ab".repeat(32)}`,
    ];
    for (const key of keys) {
      for (const variable of ["OPG_PRIVATE_KEY", "OPG_SIGNER_PRIVATE_KEY"]) {
        const args = variable === "OPG_PRIVATE_KEY" ? "escrow balance" : "node --data out/x";
        const { code, stdout, stderr } = await opg(`${args} --json`, { [variable]: key });
        expect(code).to.equal(2);
        expect(stderr).to.include(variable).and.not.include(key.trim().slice(2, 10));
        expect(stdout).to.not.include(key.trim().slice(2, 10));
      }
    }
    const both = await opg("escrow balance --account 2", { OPG_PRIVATE_KEY: `0x${"11".repeat(32)}` });
    expect(both.code).to.equal(2);
    expect(both.stderr).to.include("one of them is allowed");
  });

  it("doesn't show an RPC's URL, which may hold a provider's key", async () => {
    const { code, stderr } = await opg("escrow balance --network base", { BASE_RPC_URL: "rpc.example/key-c0ffee" });
    expect(code).to.equal(2);
    expect(stderr).to.include("BASE_RPC_URL").and.not.include("c0ffee");
    const down = await opg("escrow balance --rpc http://127.0.0.1:1/key-c0ffee");
    expect(down.code).to.equal(1);
    expect(down.stderr).not.to.include("c0ffee");
  }).timeout(30_000);

  it("checks a model file operation by operation: yes, or no and why", async () => {
    const good = await opg("model check models/digits/model.onnx");
    expect(good.code).to.equal(0);
    expect(good.stdout)
      .to.match(/^bit-exact/)
      .and.match(/ok {2}MatMulInteger/);
    const bad = await opg("model check README.md --json");
    expect(bad.code).to.equal(1);
    expect(JSON.parse(bad.stdout)).to.include({ ok: false }).and.deep.include({ nodes: [] });
    expect((await opg("model check no/such.onnx")).stderr).to.include("ENOENT");
  });

  it("publishes nothing that doesn't agree with its manifest, and asks for a URI where there are others", async () => {
    const wrong = await opg("model publish models/iris/manifest.json --price 1 --artefact models/digits/model.onnx");
    expect(wrong.stderr).to.include("artefact of iris has 102867 bytes");
    const homeless = "model publish models/iris/manifest.json --price 1 --network base --rpc http://127.0.0.1:1";
    const { code, stderr } = await opg(homeless);
    expect([code, stderr]).to.deep.equal([
      2,
      "opg: operators must be able to fetch the manifest: add --uri https://…\n",
    ]);
  });
});
