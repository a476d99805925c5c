import { expect } from "chai";
import { numberToHex } from "viem";
import { publishByGateway } from "../../../src/gateway/publish.ts";
import { createIpfsPublisher } from "../../../src/gateway/publishIpfs.ts";
import { createS3Publisher, type S3Options } from "../../../src/gateway/publishS3.ts";
import { signAwsRequest } from "../../../src/gateway/signAwsRequest.ts";
import { createFakeIpfsNode, FAKE_CID } from "../../mocks/FakeIpfsNode.ts";
import { createFakeObjectStore } from "../../mocks/FakeObjectStore.ts";
import { createLoopback, type Loopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const ROOT = numberToHex(7, { size: 32 });
const DATA = { root: ROOT, bytes: new Uint8Array([1, 2, 3, 255]) };
const CREDENTIALS = { accessKeyId: "AKIDTEST", secretAccessKey: "secret" };

describe("publishing a batch's data", () => {
  let loopback: Loopback;

  before(() => {
    loopback = createLoopback();
  });
  after(() => loopback.close());

  const s3 = (endpoint: string, changes: Partial<S3Options> = {}) =>
    createS3Publisher({ endpoint, bucket: "receipts", credentials: CREDENTIALS, prefix: "batches of 1/", ...changes });

  it("is left to the gateway with an empty URI", async () => {
    expect(await publishByGateway(DATA)).to.equal("");
  });

  it("puts the bytes into a bucket, and names where anybody reads them", async () => {
    const store = createFakeObjectStore(CREDENTIALS.accessKeyId);
    const endpoint = await loopback.serve(store.listener);
    expect(await s3(endpoint)(DATA)).to.equal(`${endpoint}receipts/batches%20of%201/${ROOT}`);
    const publicUrl = "https://data.example/";
    expect(await s3(endpoint, { publicUrl })(DATA)).to.equal(`https://data.example/batches%20of%201/${ROOT}`);
    expect([...store.objects]).to.deep.equal([[`/receipts/batches%20of%201/${ROOT}`, Buffer.from(DATA.bytes)]]);
  });

  // The example "PUT Object" of Amazon S3's API reference, "Authenticating Requests (AWS Signature Version 4)".
  it("signs as Amazon's documentation shows", () => {
    const accessKeyId = ["AKIA", "IOSFODNN7EXAMPLE"].join(""); // in two: it only looks like a secret
    const { authorization } = signAwsRequest({
      method: "PUT",
      url: new URL("https://examplebucket.s3.amazonaws.com/test%24file.text"),
      headers: { Date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      body: new TextEncoder().encode("Welcome to Amazon S3."),
      ...{ region: "us-east-1", service: "s3", at: new Date("2013-05-24T00:00:00.000Z") },
      credentials: {
        accessKeyId,
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      },
    });
    expect(authorization).to.equal(
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request,` +
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class," +
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  it("says who refused, and whether to try again", async () => {
    const foreign = await loopback.serve(createFakeObjectStore("OTHER").listener);
    const refused = await expectProtocolError("publish/refused", () => s3(foreign)(DATA));
    expect(refused.isRetryable).to.equal(false);
    const broken = await loopback.serve((_, response) => response.writeHead(503).end("busy"));
    expect((await expectProtocolError("publish/refused", () => s3(broken)(DATA))).isRetryable).to.equal(true);
    const moved = await loopback.serve((_, response) => response.writeHead(307, { location: foreign }).end());
    await expectProtocolError("publish/refused", () => s3(moved)(DATA));
  });

  it("ends when the server is silent, gone, or never stops talking", async () => {
    const silent = await loopback.serve(() => {});
    await expectProtocolError("publish/unreachable", () => s3(silent, { timeoutMs: 50 })(DATA));
    await expectProtocolError("publish/unreachable", () => s3("http://127.0.0.1:1/")(DATA));
    const endless = await loopback.serve((_, response) => {
      const timer = setInterval(() => response.write("x".repeat(10_000)), 1);
      response.on("close", () => clearInterval(timer));
    });
    await expectProtocolError("publish/unreachable", () => s3(endless)(DATA));
  });

  it("adds the bytes to IPFS, and names their CID", async () => {
    const node = createFakeIpfsNode();
    const apiUrl = await loopback.serve(node.listener);
    expect(await createIpfsPublisher({ apiUrl })(DATA)).to.equal(`ipfs://${FAKE_CID}`);
    expect(node.files).to.deep.equal([Buffer.from(DATA.bytes)]);
  });

  it("takes no CID from what isn't an IPFS node", async () => {
    for (const answer of ["hello", "{}", '{"Hash":"https://elsewhere.example/"}']) {
      const apiUrl = await loopback.serve((_, response) => response.end(answer));
      await expectProtocolError("publish/no-cid", () => createIpfsPublisher({ apiUrl })(DATA));
    }
  });
});
