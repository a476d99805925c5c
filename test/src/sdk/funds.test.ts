import { expect } from "chai";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { ledgerBalanceOf } from "../../../src/chain/escrow.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { depositBalance } from "../../../src/sdk/funds.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const AMOUNT = parseOpg("1");

describe("depositing", () => {
  let testNetwork: TestNetwork;
  let payer: SigningChain;

  before(async () => {
    testNetwork = await startTestNetwork();
    await testNetwork.fund(1, 2n * AMOUNT);
    payer = await testNetwork.connectAs(1);
  });

  it("goes to oneself or to others, and not beyond what there is", async () => {
    const other = testNetwork.account(8).address;
    await depositBalance(payer, AMOUNT);
    await depositBalance(payer, AMOUNT, other);
    expect(await ledgerBalanceOf(payer, payer.account.address)).to.equal(AMOUNT);
    expect(await ledgerBalanceOf(payer, other)).to.equal(AMOUNT);
    await expectProtocolError("sdk/insufficient-funds", () => depositBalance(payer, 1n));
  });
});
