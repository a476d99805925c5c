import { expect } from "chai";
import { type GetTransactionCountParameters, type Hex, keccak256, numberToHex, stringToHex } from "viem";
import type { SigningChain } from "../../../src/chain/clients.ts";
import { encodeDeposit, encodeWithdraw, ledgerBalanceOf } from "../../../src/chain/escrow.ts";
import { encodeApprove } from "../../../src/chain/token.ts";
import type { ProtocolError } from "../../../src/protocol/errors.ts";
import { createRelayer, type Relayer } from "../../../src/relayer/relayer.ts";
import type { Outbox } from "../../../src/store/outbox.ts";
import type { Store } from "../../../src/store/store.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { openTemporaryStore } from "../../support/temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const KILLED = new Error("killed here");

describe("the relayer", function () {
  this.timeout(60_000);
  let testNetwork: TestNetwork;
  let chain: SigningChain;
  let store: Store;
  let errors: ProtocolError[];

  before(async () => {
    testNetwork = await startTestNetwork();
    chain = await testNetwork.connectAs(1);
    store = await openTemporaryStore();
    await testNetwork.fund(1, 1_000n);
    await relayer().submit("approve", encodeApprove(chain.addresses, chain.addresses.escrow, 1_000n));
  });
  after(() => store.close());
  beforeEach(() => {
    errors = [];
  });

  function relayer(
    changes: { chain?: SigningChain; outbox?: Outbox; nextBlock?: () => Promise<unknown> } = {},
  ): Relayer {
    return createRelayer({
      chain,
      outbox: store.outbox,
      nextBlock: () => testNetwork.mine(1),
      onError: (error) => errors.push(error),
      ...changes,
    });
  }

  const deposit = (amount: bigint) => encodeDeposit(chain.addresses, chain.account.address, amount);
  const balance = () => ledgerBalanceOf(chain, chain.account.address);
  const setBaseFee = (gwei: bigint) =>
    testNetwork.provider.request({
      method: "hardhat_setNextBlockBaseFeePerGas",
      params: [numberToHex(gwei * 10n ** 9n)],
    } as never);
  const automine = (on: boolean) => testNetwork.provider.request({ method: "evm_setAutomine", params: [on] } as never);

  /** The chain with an RPC that does something else with what is sent. */
  function sendingInto(sendRawTransaction: (signed: Hex) => Promise<Hex>): SigningChain {
    const publicClient = Object.create(chain.publicClient, {
      sendRawTransaction: {
        value: ({ serializedTransaction }: { serializedTransaction: Hex }) => sendRawTransaction(serializedTransaction),
      },
    });
    return { ...chain, publicClient };
  }

  /** So many blocks, then the end. */
  function atMost(blocks: number): () => Promise<void> {
    let mined = 0;
    return async () => {
      if (++mined > blocks) throw KILLED;
      await testNetwork.mine(1);
    };
  }

  it("sends once for a purpose, at the same time and later, in this life and the next", async () => {
    const before = await balance();
    const first = relayer();
    const [one, two] = await Promise.all([
      first.submit("deposit 1", deposit(5n)),
      first.submit("deposit 1", deposit(5n)),
    ]);
    expect(two).to.equal(one);
    expect(await first.submit("deposit 1", deposit(5n))).to.deep.equal(one);
    expect(await relayer().submit("deposit 1", deposit(5n))).to.deep.equal(one);
    expect(await balance()).to.equal(before + 5n);
  });

  it("writes before it sends: killed in between, the next life sends those very bytes", async () => {
    const before = await balance();
    const sent: Hex[] = [];
    const killed = relayer({
      chain: sendingInto(async (signed) => {
        expect((await store.outbox.find("deposit 2"))?.signed).to.equal(signed);
        sent.push(signed);
        throw KILLED;
      }),
      nextBlock: () => Promise.reject(KILLED),
    });
    expect(await killed.submit("deposit 2", deposit(7n)).catch((error: unknown) => error)).to.equal(KILLED);
    expect(await balance()).to.equal(before);
    await relayer().resume();
    expect(await balance()).to.equal(before + 7n);
    const entry = await store.outbox.find("deposit 2");
    expect({ signed: entry?.signed, status: entry?.status }).to.deep.equal({ signed: sent[0], status: "mined" });
  });

  it("writes nothing when the contract refuses", async () => {
    await expectProtocolError("contract/InsufficientBalance", () =>
      relayer().submit("withdraw 1", encodeWithdraw(chain.addresses, chain.account.address, 10n ** 18n)),
    );
    expect(await store.outbox.find("withdraw 1")).to.equal(undefined);
  });

  it("says why a mined transaction was reverted, and may try that purpose again", async () => {
    await relayer().submit("deposit 3", deposit(3n));
    const all = await balance();
    const withdraw = encodeWithdraw(chain.addresses, chain.account.address, all);
    const held: Hex[] = [];
    // Neither is known to the chain until both have been estimated.
    const racing = relayer({
      chain: sendingInto(async (signed) => {
        held.push(signed);
        if (held.length < 2) return keccak256(signed);
        await automine(false);
        for (const serializedTransaction of held.splice(0)) {
          await chain.publicClient.sendRawTransaction({ serializedTransaction });
        }
        return keccak256(signed);
      }),
    });
    const outcomes = await Promise.allSettled([
      racing.submit("withdraw 2", withdraw),
      racing.submit("withdraw 3", withdraw),
    ]);
    await automine(true);
    expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(["fulfilled", "rejected"]);
    const refused = outcomes.findIndex(({ status }) => status === "rejected") + 2;
    expect((await store.outbox.find(`withdraw ${refused}`))?.status).to.equal("reverted");
    await relayer().submit("deposit 4", deposit(all));
    await relayer().submit(`withdraw ${refused}`, withdraw);
    expect(await balance()).to.equal(0n);
  });

  it("numbers many at once without a gap", async () => {
    const before = await balance();
    await automine(false);
    const many = relayer();
    await Promise.all(Array.from({ length: 6 }, (_, n) => many.submit(`many ${n}`, deposit(1n))));
    await automine(true);
    expect(await balance()).to.equal(before + 6n);
    const nonces = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => (await store.outbox.find(`many ${n}`))?.nonce ?? -1),
    );
    nonces.sort((a, b) => a - b);
    expect(nonces).to.deep.equal(Array.from({ length: 6 }, (_, n) => (nonces[0] ?? 0) + n));
  });

  it("sends the same bytes again while the RPC drops them, and tells what it said", async () => {
    let drops = 0;
    const before = await balance();
    const dropping = sendingInto((signed) => {
      drops += 1;
      if (drops < 3) throw new Error("the pool is full");
      return chain.publicClient.sendRawTransaction({ serializedTransaction: signed });
    });
    await relayer({ chain: dropping }).submit("dropped", deposit(1n));
    expect({ drops, told: errors.length, deposited: (await balance()) - before }).to.deep.equal({
      drops: 3,
      told: 2,
      deposited: 1n,
    });
  });

  it("carries on through failures of the RPC, as others wait for its nonce", async () => {
    const before = await balance();
    let counts = 0;
    const passing = sendingInto((signed) => {
      if (counts < 4) throw new Error("the RPC is down");
      return chain.publicClient.sendRawTransaction({ serializedTransaction: signed });
    });
    const count = (parameters: GetTransactionCountParameters) => {
      counts += 1; // the first is for its number
      if (counts === 1 || counts > 4) return chain.publicClient.getTransactionCount(parameters);
      return Promise.reject(new Error("the RPC is down"));
    };
    const publicClient = Object.create(passing.publicClient, { getTransactionCount: { value: count } });
    await relayer({ chain: { ...chain, publicClient } }).submit("carried", deposit(1n));
    expect(await balance()).to.equal(before + 1n);
    expect(errors).to.not.have.lengthOf(0);
  });

  it("never numbers behind what somebody else has merely announced", async () => {
    const before = await balance();
    await automine(false);
    const nonce = await chain.publicClient.getTransactionCount({ address: chain.account.address });
    const foreign = await chain.walletClient.sendTransaction({ to: chain.account.address, value: 0n, nonce });
    const mine = atMost(10);
    const submitted = relayer({
      async nextBlock() {
        // The foreign one is dropped before it is mined.
        await testNetwork.provider.request({ method: "hardhat_dropTransaction", params: [foreign] } as never);
        await mine();
      },
    }).submit("behind", deposit(1n));
    await submitted.finally(() => automine(true));
    expect(await balance()).to.equal(before + 1n);
  });

  it("pays more under the same nonce when fees have risen past what it signed", async () => {
    const before = await balance();
    await automine(false);
    const mine = atMost(30);
    const dear = relayer({
      async nextBlock() {
        await setBaseFee(1_000n);
        await mine();
      },
    });
    const { transactionHash } = await dear.submit("dear", deposit(1n)).finally(() => automine(true));
    const entry = await store.outbox.find("dear");
    expect(entry).to.deep.include({ hash: transactionHash, status: "mined" });
    expect(entry?.replaced).to.have.lengthOf(1);
    expect(await balance()).to.equal(before + 1n);
    await setBaseFee(1n);
    await testNetwork.mine(1);
  });

  it("knows what it had signed for less when that is mined after all, in another life too", async () => {
    const before = await balance();
    const signed: Hex[] = [];
    const killed = relayer({
      chain: sendingInto(async (bytes) => {
        signed.push(bytes);
        throw signed.length > 1 ? KILLED : new Error("the pool is full");
      }),
      async nextBlock() {
        if (signed.length > 1) throw KILLED;
        await setBaseFee(1_000n);
        await testNetwork.mine(1);
      },
    });
    await killed.submit("hesitant", deposit(1n)).catch(() => {});
    const [cheap, dear] = signed as [Hex, Hex];
    expect(dear).to.not.equal(cheap);
    await setBaseFee(1n);
    await chain.publicClient.sendRawTransaction({ serializedTransaction: cheap });
    await relayer({ nextBlock: atMost(10) }).resume();
    expect(await store.outbox.find("hesitant")).to.deep.include({ hash: keccak256(cheap), status: "mined" });
    expect(await balance()).to.equal(before + 1n);
  });

  it("signs anew when something else took the nonce, so that it never waits for what can't come", async () => {
    const lost = relayer({
      chain: sendingInto(async () => keccak256(stringToHex("dropped"))),
      nextBlock: () => Promise.reject(KILLED),
    });
    await lost.submit("overtaken", deposit(1n)).catch(() => {});
    const written = await store.outbox.find("overtaken");
    await chain.walletClient.sendTransaction({ to: chain.account.address, value: 0n, nonce: written?.nonce ?? 0 });
    const before = await balance();
    await relayer().resume();
    const redone = await store.outbox.find("overtaken");
    expect(redone?.status).to.equal("mined");
    expect(redone?.nonce).to.be.greaterThan(written?.nonce ?? 0);
    expect(await balance()).to.equal(before + 1n);
  });

  it("signs with the key it has now what another key signed before and nobody mined", async () => {
    const lost = relayer({
      chain: sendingInto(async () => keccak256(stringToHex("dropped"))),
      nextBlock: () => Promise.reject(KILLED),
    });
    await lost.submit("rotated", deposit(1n)).catch(() => {});
    const rotated = await testNetwork.connectAs(2);
    await testNetwork.fund(2, 1n);
    await relayer({ chain: rotated }).submit(
      "rotated approve",
      encodeApprove(chain.addresses, chain.addresses.escrow, 1n),
    );
    await relayer({ chain: rotated }).submit("rotated", deposit(1n));
    expect((await store.outbox.find("rotated"))?.sender).to.equal(rotated.account.address);
  });

  it("takes what the former key's transaction did, where it was mined after all", async () => {
    const before = await relayer().submit("before rotation", deposit(1n));
    const entry = await store.outbox.find("before rotation");
    const forgetful: Outbox = {
      ...store.outbox,
      find: async () => entry && { ...entry, status: "pending" },
    };
    const rotated = await testNetwork.connectAs(2);
    expect(await relayer({ chain: rotated, outbox: forgetful }).submit("before rotation", deposit(1n))).to.deep.equal(
      before,
    );
  });

  it("wants a key that signs here", async () => {
    const remote = { ...chain, account: { address: chain.account.address, type: "json-rpc" } as const };
    await expectProtocolError("relayer/no-local-key", () =>
      relayer({ chain: remote as SigningChain }).submit("remote", deposit(1n)),
    );
  });
});
