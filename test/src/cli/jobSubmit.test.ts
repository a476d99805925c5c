import { expect } from "chai";
import { type Hex, keccak256, stringToHex } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { encodeSetPrice } from "../../../src/chain/models.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { publicInput } from "../../../src/cli/inputOptions.ts";
import { type SubmitCommandOptions, submit } from "../../../src/cli/jobSubmit.ts";
import { createSession, type Session } from "../../../src/cli/session.ts";
import type { ModelFiles } from "../../../src/fetch/modelFiles.ts";
import { findJob } from "../../../src/sdk/jobHistory.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";
import { createTestTerminal, type TestTerminal } from "../../support/testTerminal.ts";

const URI = "https://example.com/flower.bin";
const FLOWER = Uint8Array.of(51, 35, 14, 2);

describe("submitting a job from the command line", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;
  let iris: PublishedIris;
  let terminal: TestTerminal;
  let session: Session;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    await testNetwork.fund(1, 10n * PRICE);
    payer = await testNetwork.connectAs(1);
  });

  beforeEach(() => {
    terminal = createTestTerminal();
    terminal.stdin.push("5.1,3.5,1.4,0.2\n");
    terminal.stdin.push(null);
    /** Stands for the fetching of files, which has its own tests. */
    const files: Pick<ModelFiles, "manifestOf"> = { manifestOf: async () => iris.manifest };
    session = {
      ...createSession(terminal, {}),
      chain: async () => payer,
      signingChain: async () => payer,
      models: async () => files as ModelFiles,
      fetchUri:
        async () =>
        async (uri, { maxBytes }) => {
          expect([uri, maxBytes]).to.deep.equal([URI, 4]);
          return FLOWER;
        },
    };
  });

  afterEach(() => session.progress.end());

  const options = (changes: Partial<SubmitCommandOptions>): SubmitCommandOptions => ({
    ...{ model: "iris", deposit: true, wait: false, timeout: 1 },
    ...changes,
  });

  it("puts the input into the job, says what was decided, and what goes on when stopped", async () => {
    const { json, text } = await submit(session, options({ input: "-", format: "csv" }));
    const opened = await findJob(payer, json.jobId as Hex);
    expect(await publicInput(session, opened, iris.manifest)).to.deep.equal({
      bytes: FLOWER,
      notes: ["the input was taken from the log"],
    });
    expect(terminal.stderr).to.include("millimetres: 51, 35, 14, 2").and.include("depositing 1 OPG");
    expect(text).to.include(`opg job status ${json.jobId}`);
    expect(terminal.ifStopped).to.include(`job ${json.jobId} may be open`);
  });

  it("names a URI instead, with the hash of the file as the model takes it", async () => {
    const { json } = await submit(session, options({ inputUri: URI, input: "-", format: "csv" }));
    expect(json.inputHash).to.equal(keccak256(FLOWER));
    expect((json.notes as string[]).at(-1)).to.equal(`the URI must serve 4 bytes of hash ${keccak256(FLOWER)}`);
    const opened = await findJob(payer, json.jobId as Hex);
    expect(opened.input).to.equal(stringToHex(URI));
    expect(await publicInput(session, opened, iris.manifest)).to.deep.equal({
      bytes: FLOWER,
      notes: ["the input was fetched from the job's URI"],
    });
  });

  it("takes what was chosen into the terms", async () => {
    const chosen = { fee: 2n * PRICE, committee: 5, widening: 1, commitWindow: 60, key: 77n, expiresIn: 7200 };
    const { json } = await submit(session, options({ inputUri: URI, inputHash: keccak256(FLOWER), ...chosen }));
    const { job } = await findJob(payer, json.jobId as Hex);
    expect(job).to.include({ fee: 2n * PRICE, nonce: 77n << 32n });
    expect(job.verifierData.slice(0, 14)).to.equal("0x05010000003c");
  });

  it("waits no longer than it was told: the job stays open", async () => {
    const { json, text, failed } = await submit(session, options({ input: "-", format: "csv", wait: true }));
    expect(json.status).to.equal("open");
    expect(failed).to.equal(true);
    expect(text).to.match(/^no answer within 1 s; the job stays open/);
    expect(terminal.ifStopped).to.include(`job ${json.jobId} stays open and goes on`);
  });

  it("refuses half an input", async () => {
    const hash = keccak256(FLOWER);
    await expectProtocolError("usage/input", () => submit(session, options({})));
    await expectProtocolError("usage/input", () => submit(session, options({ inputUri: URI })));
    await expectProtocolError("usage/input", () => submit(session, options({ inputHash: hash })));
    await expectProtocolError("usage/input", () =>
      submit(session, options({ inputHash: hash, inputUri: URI, input: "-" })),
    );
    const unfunded = options({ input: "-", format: "csv", deposit: false });
    await expectProtocolError("sdk/insufficient-funds", () => submit(session, unfunded));
  });

  it("pays no price above ten OPG unless told", async () => {
    const publisher = await testNetwork.connectAs(2);
    await sendCall(publisher, encodeSetPrice(publisher.addresses, iris.modelId, 11n * PRICE, 0));
    const asked = options({ inputUri: URI, inputHash: keccak256(FLOWER) });
    await expectProtocolError("sdk/fee-above-limit", () => submit(session, asked));
    await testNetwork.fund(1, 11n * PRICE);
    const { json } = await submit(session, { ...asked, maxFee: 11n * PRICE });
    expect(json.fee).to.equal(11n * PRICE);
  });
});
