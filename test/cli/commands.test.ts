import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import hre from "hardhat";
import { bytesToHex, createPublicClient, type Hex, http, zeroHash } from "viem";
import { type ChainProcess, ROOT, startChainProcess } from "../../scripts/demo/chainProcess.ts";
import { localAccount, localSigner } from "../../scripts/demo/localAccounts.ts";
import { connectAs, type DemoOperator, startOperator } from "../../scripts/demo/stage.ts";
import { deployNetwork } from "../../scripts/deployment/deployNetwork.ts";
import { LOCAL_CHAIN_ID, parametersFileOf, readParameters } from "../../scripts/deployment/parameters.ts";
import { digitsHeldOut, type Sample } from "../../scripts/training/datasets.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";
import { encodeFile } from "../../src/cli/input/encodeFile.ts";
import { receiptTypedData } from "../../src/protocol/receipt.ts";
import { receiptToJson } from "../../src/protocol/receiptJson.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { darkOnWhite, enlarged, toPng } from "../support/pictures.ts";

/** A block every 300 ms, each a second later than the one before: the chain's time runs three times as fast. */
const BLOCK_MS = 300;
/** One operator, and room for its node on a busy machine: three steps of 3.6 s. */
const TERMS = ["--committee", "1", "--commit-window", "12"];
const [PAYER, PUBLISHER, OWNER] = ["1", "2", "4"];

type Ran = { code: number; json: Record<string, unknown>; stderr: string };

describe("the opg command line over a real chain process", function () {
  this.timeout(180_000);
  let chainProcess: ChainProcess;
  let addresses: NetworkAddresses;
  let folder: string;
  let operator: DemoOperator | undefined;
  let jobId: Hex;
  const picture = digitsHeldOut()[777] as Sample;
  const drawing = toPng(darkOnWhite(enlarged({ width: 28, height: 28, data: picture.inputBytes }, 120)));
  const encoded = encodeFile(drawing, "png", [{ name: "pixels", dtype: "uint8", shape: [1, 784] }]).bytes;

  before(async () => {
    [chainProcess, folder] = await Promise.all([startChainProcess(), mkdtemp(join(tmpdir(), "opg-cli-"))]);
    await rpc("evm_setIntervalMining", [BLOCK_MS]);
    const { rpcUrl } = chainProcess;
    const connection = await hre.network.create({ network: "localhost", override: { url: rpcUrl } });
    addresses = await deployNetwork({
      connection,
      artifacts: hre.artifacts,
      parameters: await readParameters(parametersFileOf(LOCAL_CHAIN_ID)),
      addressesFile: join(folder, "addresses.json"),
    });
    await Promise.all([
      writeFile(join(folder, "picture.png"), drawing),
      writeFile(join(folder, "changed.bin"), encoded.with(400, (encoded[400] ?? 0) ^ 1)),
      writeFile(
        join(folder, "flowers.csv"),
        "sl,sw,pl,pw,species\n5.1,3.5,1.4,0.2,setosa\n6.3,3.3,6.0,2.5,virginica\n",
      ),
    ]);
  });

  after(async () => {
    await operator?.node.stop();
    await chainProcess?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("fills purses from the faucet, and publishes models after checking them", async () => {
    const purses = async () => {
      const payer = await opg(["faucet", "--account", PAYER, "--amount", "500"]);
      expect(payer.json).to.include({ account: localAccount("payer").address, tokens: String(parseOpg("500")) });
      await opg(["faucet", localAccount("operator1").address, "--amount", "2000"]);
    };
    const publications = async () => {
      for (const name of ["digits", "iris"]) {
        const { json } = await opg([
          "model",
          "publish",
          `models/${name}/manifest.json`,
          "--price",
          "1",
          "--account",
          PUBLISHER,
        ]);
        expect(json).to.include({ name, isNew: true });
      }
    };
    await Promise.all([purses(), publications()]);
  });

  it("registers an operator whose node has a key of its own", async () => {
    const signerKey = keyOf(0);
    const { json, stderr } = await opg(["operator", "register", "--stake", "1000", "--account", OWNER], {
      OPG_SIGNER_PRIVATE_KEY: signerKey,
    });
    expect(json).to.include({ signer: localSigner(0).address, isSignerSynced: true });
    expect(json.allocation).to.include({ active: String(parseOpg("1000")) });
    expect(stderr).to.include("sending OperatorStaking.register").and.not.include(signerKey.slice(2));
    const stage = {
      rpcUrl: chainProcess.rpcUrl,
      addressesFile: join(folder, "addresses.json"),
      nodesDir: join(folder, "nodes"),
    };
    const owner = await connectAs(chainProcess.rpcUrl, addresses, "operator1");
    operator = await startOperator(stage, owner, "operator1", () => {});
    expect(operator.operatorId).to.equal(json.operatorId);
  });

  it("has a picture read, and says what it is", async () => {
    const { json, stderr } = await opg([
      "job",
      "submit",
      "--model",
      "digits",
      "--input",
      join(folder, "picture.png"),
      "--account",
      PAYER,
      ...TERMS,
    ]);
    expect(json).to.include({ status: "settled", label: String(picture.label), fee: String(parseOpg("1")) });
    expect(json.committee).to.have.lengthOf(1);
    expect(stderr)
      .to.include("inverted")
      .and.match(/operator \d committed/)
      .and.match(/operator \d revealed/);
    jobId = json.jobId as Hex;
  });

  it("shows the job, and verifies it here: true, or false and why", async () => {
    const [status, result, ownInput, native, changed] = await Promise.all([
      opg(["job", "status", jobId]),
      opg(["job", "result", jobId]),
      opg(["job", "verify", jobId]),
      opg(["job", "verify", jobId, "--input", join(folder, "picture.png"), "--backend", "native"]),
      opg(["job", "verify", jobId, "--input", join(folder, "changed.bin")], {}, 1),
    ]);
    expect(status.json).to.include({ status: "settled", committeeSize: 1, label: String(picture.label) });
    expect(result.json).to.include({ status: "settled", label: String(picture.label) });
    expect(ownInput.json).to.include({ verified: true, backend: "onnx-wasm" });
    expect(ownInput.json.notes).to.deep.equal(["the input was taken from the log"]);
    expect(native.json).to.include({ verified: true, backend: "onnx-native" });
    expect(changed.json).to.include({ verified: false, differs: "input", why: "the job was about another input" });
    expect(changed.json.reason).to.match(/^the input hashes to 0x/);
  });

  it("lets go when interrupted, says what goes on, and gets the fee back once the job has expired", async () => {
    const args = ["job", "submit", "--model", "iris", "--account", PAYER];
    const nobodyServes = ["--input-uri", "https://127.0.0.1:9/flower", "--input-hash", `0x${"ab".repeat(32)}`];
    const child = start([...args, ...nobodyServes]);
    const exited = once(child, "exit");
    let stderr = "";
    for await (const chunk of child.stderr) {
      const wasOpen = /opened job 0x/.test(stderr);
      stderr += chunk;
      if (!wasOpen && /opened job 0x/.test(stderr)) child.kill("SIGINT");
    }
    expect(await exited).to.deep.equal([130, null]);
    const [, open] = /stopped; job (0x[0-9a-f]{64}) .*opg job status/.exec(stderr) ?? [];
    expect((await opg(["job", "result", open as Hex], {}, 1)).json).to.include({ status: "open" });
    const early = await opg(["job", "refund", open as Hex, "--account", PAYER], {}, 1);
    expect(early.json.error).to.include({ code: "contract/JobNotExpired", isRetryable: true });
    await rpc("evm_increaseTime", [3600]);
    const { json } = await opg(["job", "refund", open as Hex, "--account", PAYER]);
    expect(json).to.include({ refunded: String(parseOpg("1")), balance: String(parseOpg("1")) });
    const retried = await opg(["job", "retry", jobId, "--account", PAYER], {}, 1);
    expect(retried.json.error).to.include({ code: "sdk/nothing-to-deliver" });
  });

  it("chooses a row, and leaves at once when told not to wait", async () => {
    const flowers = ["--input", join(folder, "flowers.csv")];
    const submit = [
      "job",
      "submit",
      "--model",
      `${localAccount("publisher").address}/iris`,
      ...flowers,
      "--account",
      PAYER,
    ];
    const several = await opg([...submit, "--no-wait"], {}, 1);
    expect(several.json.error).to.include({ code: "input/several-rows" });
    const { json } = await opg([...submit, "--row", "2", "--no-wait"]);
    expect(json).to.include({ status: "open", model: "iris" });
    expect(json.notes).to.include("millimetres: 63, 33, 60, 25");
  });

  it("moves balances and stake in and out", async () => {
    const owner = localAccount("operator2").address;
    // One after the other, and before the rest: whoever gives has one nonce at a time.
    await opg(["faucet", "--account", PUBLISHER, "--amount", "10"]);
    await opg(["faucet", owner, "--amount", "10"]);
    // Not the payer's: its open job may end, and give its fee back, at any time.
    const asPublisher = async () => {
      const deposited = await opg(["escrow", "deposit", "10", "--account", PUBLISHER]);
      const withdrawn = await opg(["escrow", "withdraw", "4", "--account", PUBLISHER]);
      expect(BigInt(deposited.json.balance as string) - BigInt(withdrawn.json.balance as string)).to.equal(
        parseOpg("4"),
      );
      const { json } = await opg(["escrow", "balance", localAccount("publisher").address]);
      expect(json.balance).to.equal(withdrawn.json.balance);
    };
    const asOwner = async () => {
      const added = await opg(["stake", "add", "100", "--account", OWNER]);
      expect(added.json).to.include({ added: String(parseOpg("100")), allocated: added.json.active });
      const unbonded = await opg(["stake", "unbond", "50", "--account", OWNER]);
      expect(unbonded.json.leaving).to.have.lengthOf(1);
      const withdrawn = await opg(["stake", "withdraw", "--account", OWNER]);
      expect(BigInt(withdrawn.json.withdrawn as string) > 0n).to.equal(true); // its fee
      const { json } = await opg(["operator", "status", "--account", OWNER]);
      expect(json).to.include({ earnings: "0" });
    };
    const asOwnerElsewhere = async () => {
      const { json } = await opg(["operator", "register", "--stake", "10", "--account", "5"]);
      expect(json).to.include({ signer: owner });
      const consent = await opg(["operator", "consent", owner], { OPG_SIGNER_PRIVATE_KEY: keyOf(1) });
      const signed = ["signer", "consent", "deadline"].flatMap((name) => [`--${name}`, String(consent.json[name])]);
      const without = await opg(["operator", "rotate-signer", ...signed.slice(0, 2), "--account", "5"], {}, 2);
      expect(without.json.error).to.include({ code: "usage/no-consent" });
      await opg(["operator", "rotate-signer", ...signed, "--account", "5"]);
      await opg(["operator", "allow", addresses.verifier, "25", "--account", "5"]);
      const status = await opg(["operator", "status", owner]);
      expect(status.json).to.include({ signer: localSigner(1).address, isSignerSynced: true });
      expect(status.json).to.include({ verifierAllowance: String(parseOpg("25")) });
    };
    const asPayerOfCalls = async () => {
      const toward = ["--operator", "1", "--account", PAYER];
      const opened = await opg(["channel", "open", "20", ...toward]);
      expect(opened.json).to.include({
        state: "open",
        opening: 1,
        remaining: String(parseOpg("20")),
        standingBond: "0",
      });
      const topped = await opg(["channel", "topup", "5", ...toward]);
      expect(topped.json).to.include({ deposited: String(parseOpg("25")), channelId: opened.json.channelId as string });
      const receipt = await writeReceipt(opened.json.channelId as Hex);
      const verified = await opg(["receipt", "verify", receipt], {}, 1); // nobody has signed it
      const checks = verified.json.checks as { name: string; ok: boolean }[];
      const okOf = (name: string) => checks.find((check) => check.name === name)?.ok;
      expect(["log", "signer", "channel"].map(okOf)).to.deep.equal([true, false, true]);
      const status = await opg(["channel", "status", "--account", PAYER]);
      expect(status.json.channels).to.have.lengthOf(1);
      const closed = await opg(["channel", "close", "--wait", ...toward]);
      expect(closed.json).to.include({ state: "none", returned: String(parseOpg("25")) });
    };
    await Promise.all([asPublisher(), asOwner(), asOwnerElsewhere(), asPayerOfCalls()]);
  });

  it("lists and shows models", async () => {
    const [list, show] = await Promise.all([opg(["model", "list"]), opg(["model", "show", "iris"])]);
    const models = list.json.models as { name: string; price: string; retired: boolean }[];
    expect(models.map(({ name }) => name)).to.deep.equal(["digits", "iris"]);
    expect(models[0]).to.include({ price: String(parseOpg("1")), retired: false });
    expect(show.json).to.include({ name: "iris", publisher: localAccount("publisher").address });
  });

  /** A receipt of a call in a channel, signed by nobody the network knows. */
  async function writeReceipt(channelId: Hex): Promise<string> {
    const issuedAt = Number(((await rpc("eth_getBlockByNumber", ["latest", false])) as { timestamp: Hex }).timestamp);
    const receipt = {
      ...{ operatorId: 1, payer: localAccount("payer").address, channelId, sequence: 1n, issuedAt, partCount: 1 },
      ...{ model: "onnx/digits", servedModel: "onnx/digits", requestHash: zeroHash, responseRoot: zeroHash },
      ...{ inputUnits: 1n, outputUnits: 1n, price: 1n, cumulativeOwed: 1n },
    };
    const domain = { chainId: LOCAL_CHAIN_ID, receipts: addresses.receipts };
    const signature = await localSigner(1).signTypedData(receiptTypedData(receipt, domain));
    const file = join(folder, "receipt.json");
    await writeFile(file, JSON.stringify(receiptToJson({ receipt, signature, domain })));
    return file;
  }

  /** The n-th node's key, a LOCAL TEST KEY. */
  function keyOf(operator: number): Hex {
    return bytesToHex(localSigner(operator).getHdKey().privateKey as Uint8Array);
  }

  /** Runs a command to its end and expects its exit code. */
  async function opg(args: string[], env: Record<string, string> = {}, wanted = 0): Promise<Ran> {
    const child = start([...args, "--json"], env);
    const [stdout, stderr] = ["", ""].map((text) => ({ text }));
    if (stdout === undefined || stderr === undefined) throw new Error("unreachable");
    child.stdout.on("data", (chunk) => {
      stdout.text += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr.text += chunk;
    });
    const [code] = await once(child, "close");
    expect(code, `opg ${args.join(" ")}: ${stderr.text}`).to.equal(wanted);
    return { code, json: JSON.parse(stdout.text), stderr: stderr.text };
  }

  function start(args: string[], env: Record<string, string> = {}) {
    const common = [
      "--network",
      "localhost",
      "--rpc",
      chainProcess.rpcUrl,
      "--addresses",
      join(folder, "addresses.json"),
    ];
    return spawn(process.execPath, ["src/cli/main.ts", ...args, ...common, "--cache", join(folder, "cache")], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: folder, NODE_COMPILE_CACHE: join(folder, "compiled"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async function rpc(method: string, params: unknown[]): Promise<unknown> {
    return createPublicClient({ transport: http(chainProcess.rpcUrl) }).request({ method, params } as never);
  }
});
