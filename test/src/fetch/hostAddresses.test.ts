import type { LookupAddress } from "node:dns";
import tls from "node:tls";
import { expect } from "chai";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { hostAddresses, type ResolveHost } from "../../../src/fetch/hostAddresses.ts";
import { readWebFile } from "../../../src/fetch/webFile.ts";
import { endsWithin } from "../../support/bounds.ts";
import { selfSigned } from "../../support/certificate.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const BODY = Uint8Array.of(1, 2, 3);
const LIMIT = { maxBytes: 64 };
const TIMEOUT_MS = 300;

/** Names that lead to these addresses, in this order. */
function resolvingTo(...addresses: string[]): ResolveHost {
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return async () => found;
}

describe("where a fetch may connect to", () => {
  const loopback = createLoopback();
  after(() => loopback.close());
  let requests = 0;
  let port = "";
  before(async () => {
    const uri = await loopback.serve((_, response) => {
      requests += 1;
      response.end(BODY);
    });
    port = new URL(uri).port;
  });
  beforeEach(() => {
    requests = 0;
  });

  const fetchPublic = createFetchUri({ timeoutMs: TIMEOUT_MS });

  async function expectRefused(uri: string, fetchUri = fetchPublic): Promise<void> {
    await endsWithin(TIMEOUT_MS, () => expectProtocolError("fetch/refused-address", () => fetchUri(uri, LIMIT)));
    expect(requests).to.equal(0);
  }

  it("refuses private addresses in every notation a URL knows", async () => {
    const v4 = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0x7f000001", "127.0.0.1.", "127。0。0。1"];
    const v6 = ["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"];
    const networks = ["0.0.0.0", "0", "10.0.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00:ec2::254]"];
    for (const host of [...v4, ...v6, ...networks]) await expectRefused(`http://${host}:${port}/`);
    await expectRefused(`http:\\\\127.0.0.1:${port}\\`);
    await expectRefused("https://127.0.0.1/");
  });

  it("refuses the machine's own name, however a resolver takes it", async () => {
    await expectRefused(`http://localhost:${port}/`);
    const fetchUri = createFetchUri({}, resolvingTo("::1", "127.0.0.1"));
    for (const host of ["LOCALHOST", "localhost.", "a.localhost"])
      await expectRefused(`http://${host}:${port}/`, fetchUri);
  });

  it("refuses a name with one private address among public ones", async () => {
    for (const resolveHost of [resolvingTo("127.0.0.1"), resolvingTo("8.8.8.8", "2606:4700::1111", "::1")]) {
      await expectRefused(`http://files.test:${port}/`, createFetchUri({ timeoutMs: TIMEOUT_MS }, resolveHost));
    }
    await expectRefused(`http://files.test:${port}/`, createFetchUri({}, resolvingTo("2606:4700::1111%lo")));
  });

  it("refuses a redirect into a private network", async () => {
    const location = `http://inside.test:${port}/`;
    const uri = await loopback.serve((_, response) => response.writeHead(302, { location }).end());
    const { origin } = new URL(uri);
    const inside = { allowPrivate: false, resolveHost: resolvingTo("127.0.0.1") };
    // The first server stands for a public one; the check is the real one for all others.
    const addressesOf = async (url: URL) =>
      url.origin === origin ? [{ address: "127.0.0.1", family: 4 }] : hostAddresses(url, inside);
    const options = { ...LIMIT, signal: AbortSignal.timeout(TIMEOUT_MS), addressesOf };
    await expectProtocolError("fetch/refused-address", () => readWebFile(new URL(uri), options));
    expect(requests).to.equal(0);
  });

  it("connects to the address that was checked, without asking for it again", async () => {
    let asked = 0;
    const rebinding: ResolveHost = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "127.0.0.1" : "127.0.0.99", family: 4 }];
    };
    const fetchUri = createFetchUri({ allowPrivate: true }, rebinding);
    expect(await fetchUri(`http://files.test:${port}/`, LIMIT)).to.deep.equal(BODY);
    expect(asked).to.equal(1);
    expect(requests).to.equal(1);
  });

  it("tries every address of a name", async () => {
    const fetchUri = createFetchUri({ allowPrivate: true }, resolvingTo("127.0.0.99", "127.0.0.1"));
    expect(await fetchUri(`http://files.test:${port}/`, LIMIT)).to.deep.equal(BODY);
  });

  it("ends in time when a name is resolved slowly, not at all, or to nothing", async () => {
    const resolvers: ResolveHost[] = [() => new Promise(() => {}), resolvingTo()];
    for (const resolveHost of resolvers) {
      const fetchUri = createFetchUri({ timeoutMs: TIMEOUT_MS }, resolveHost);
      const run = () => expectProtocolError("fetch/unreachable", () => fetchUri("https://files.test/", LIMIT));
      await endsWithin(TIMEOUT_MS, run);
    }
    const unknown = createFetchUri({ timeoutMs: TIMEOUT_MS }, async () => {
      throw Object.assign(new Error("queryA ENOTFOUND"), { code: "ENOTFOUND" });
    });
    const { message } = await expectProtocolError("fetch/unreachable", () => unknown("https://files.test/", LIMIT));
    expect(message).to.include("ENOTFOUND");
  });

  describe("under https", () => {
    const identity = selfSigned("files.test");
    const trusted = tls.getCACertificates("default");
    before(() => tls.setDefaultCACertificates([...trusted, identity.cert]));
    after(() => tls.setDefaultCACertificates(trusted));
    const fetchUri = createFetchUri({ allowPrivate: true }, resolvingTo("127.0.0.1"));

    it("takes the certificate of the name, and no other's", async () => {
      const uri = await loopback.serveTls("files.test", identity, (_, response) => response.end(BODY));
      expect(await fetchUri(uri, LIMIT)).to.deep.equal(BODY);
      for (const host of ["other.test", "127.0.0.1"]) {
        const elsewhere = uri.replace("files.test", host);
        const { message } = await expectProtocolError("fetch/unreachable", () => fetchUri(elsewhere, LIMIT));
        expect(message).to.include("ERR_TLS_CERT_ALTNAME_INVALID");
      }
    });

    it("refuses a redirect to http", async () => {
      const location = `http://files.test:${port}/`;
      const uri = await loopback.serveTls("files.test", identity, (_, response) =>
        response.writeHead(302, { location }).end(),
      );
      await expectProtocolError("fetch/insecure-redirect", () => fetchUri(uri, LIMIT));
      expect(requests).to.equal(0);
    });
  });
});
