import { expect } from "chai";
import { type Hex, HttpRequestError } from "viem";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove, tokenAllowanceOf } from "../../../src/chain/token.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork } from "../../support/testNetwork.ts";

describe("sending a call", () => {
  it("doesn't invite to send again what may be mined, such as a job that is paid for", async () => {
    const chain = await (await startTestNetwork()).connectAs(1);
    const { escrow } = chain.addresses;
    let sent: Hex | undefined;
    const waitForTransactionReceipt = {
      value: ({ hash }: { hash: Hex }) => {
        sent = hash;
        return Promise.reject(new HttpRequestError({ url: "http://127.0.0.1:9" }));
      },
    };
    const away = { ...chain, publicClient: Object.create(chain.publicClient, { waitForTransactionReceipt }) };
    const error = await expectProtocolError("chain/not-confirmed", () =>
      sendCall(away, encodeApprove(chain.addresses, escrow, 5n)),
    );
    expect(error.isRetryable).to.equal(false);
    expect(error.message).to.contain(sent);
    expect(await tokenAllowanceOf(chain, chain.account.address, escrow)).to.equal(5n);
  });
});
