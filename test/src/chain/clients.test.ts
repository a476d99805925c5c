import { expect } from "chai";
import { createPublicClient, createWalletClient, custom, http, zeroAddress } from "viem";
import { hardhat } from "viem/chains";
import { type ConnectOptions, chainTime, connectChain, type Provider, signing } from "../../../src/chain/clients.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeApprove } from "../../../src/chain/token.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

describe("connecting to a chain", () => {
  let testNetwork: TestNetwork;
  let options: ConnectOptions & { provider: Provider };

  before(async () => {
    testNetwork = await startTestNetwork();
    options = { provider: testNetwork.provider, addresses: testNetwork.addresses };
  });

  it("checks the network and reads its time", async () => {
    const chain = await connectChain(options);
    expect(chain.chainId).to.equal(31337);
    await testNetwork.mine(1);
    const before = await chainTime(chain);
    await testNetwork.elapse(100);
    expect((await chainTime(chain)) - before).to.be.within(100, 101);
  });

  it("refuses another chain's RPC", async () => {
    await expectProtocolError("chain/wrong-chain-id", () =>
      connectChain({ ...options, addresses: { ...testNetwork.addresses, chainId: 8453 } }),
    );
  });

  it("says that an RPC is down, and that trying again may help", async () => {
    const { addresses } = testNetwork;
    const error = await expectProtocolError("chain/rpc-down", () =>
      connectChain({ rpcUrl: "http://127.0.0.1:9", addresses }),
    );
    expect(error.isRetryable).to.equal(true);
  });

  it("says that a contract isn't deployed", async () => {
    const addresses = { ...testNetwork.addresses, verifier: testNetwork.account(9).address };
    const error = await expectProtocolError("chain/not-deployed", () => connectChain({ ...options, addresses }));
    expect(error.message).to.include("verifier").and.to.include("not deployed");
  });

  it("refuses contracts that aren't wired to each other", async () => {
    const { staking, escrow } = testNetwork.addresses;
    const addresses = { ...testNetwork.addresses, staking: escrow, escrow: staking };
    await expectProtocolError("chain/addresses-mismatch", () => connectChain({ ...options, addresses }));
    const other = { ...testNetwork.addresses, opg: testNetwork.addresses.authority };
    await expectProtocolError("chain/addresses-mismatch", () => connectChain({ ...options, addresses: other }));
  });

  it("only reads without an account", async () => {
    const chain = await connectChain(options);
    await expectProtocolError("chain/no-account", () => signing(chain));
  });

  it("signs with a private key, an account, or an account of the provider", async () => {
    const privateKey = `0x${"11".repeat(32)}` as const;
    const byKey = signing(await connectChain({ ...options, privateKey }));
    expect(byKey.account.address).not.to.equal(zeroAddress);
    const { address } = testNetwork.account(3);
    const byProvider = signing(await connectChain({ ...options, account: address, pollingIntervalMs: 20 }));
    const { addresses } = byProvider;
    const { from } = await sendCall(byProvider, encodeApprove(addresses, addresses.escrow, 1n));
    expect(from).to.equal(address.toLowerCase());
  });

  it("takes viem's clients, with their account", async () => {
    const { addresses } = testNetwork;
    const transport = custom(testNetwork.provider);
    const reading = await connectChain({ addresses, client: createPublicClient({ transport }) });
    await expectProtocolError("chain/no-account", () => signing(reading));
    for (const account of [testNetwork.account(3), testNetwork.account(4).address]) {
      const client = createWalletClient({ account, transport, chain: hardhat });
      const chain = signing(await connectChain({ addresses, client, pollingIntervalMs: 20 }));
      const txReceipt = await sendCall(chain, encodeApprove(addresses, addresses.escrow, 1n));
      expect(txReceipt.from).to.equal(client.account.address.toLowerCase());
    }
  });

  it("says that the RPC behind a client is down", async () => {
    const client = createPublicClient({ transport: http("http://127.0.0.1:9", { retryCount: 0 }) });
    await expectProtocolError("chain/rpc-down", () => connectChain({ addresses: testNetwork.addresses, client }));
  });
});
