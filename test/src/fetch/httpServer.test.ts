import { expect } from "chai";
import { openHttpServer } from "../../../src/fetch/httpServer.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const fetch = () => new Response("here");

describe("an HTTP server", () => {
  it("says where it listens, and that its place is taken, to the next one", async () => {
    const first = await openHttpServer({ fetch, host: "127.0.0.1", port: 0 });
    expect(await (await globalThis.fetch(first.url)).text()).to.equal("here");
    const port = Number(new URL(first.url).port);
    const error = await expectProtocolError("listen/taken", () => openHttpServer({ fetch, host: "127.0.0.1", port }));
    expect(error.message).to.contain(`port ${port} of 127.0.0.1`).and.to.contain("choose another port");
    await first.close();
    await (await openHttpServer({ fetch, host: "127.0.0.1", port })).close();
  });

  it("says which address isn't this machine's", async () => {
    const error = await expectProtocolError("listen/refused", () =>
      openHttpServer({ fetch, host: "192.0.2.1", port: 0 }),
    );
    expect(error.message).to.contain("192.0.2.1 (EADDRNOTAVAIL)");
  });
});
