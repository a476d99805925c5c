import { expect } from "chai";
import {
  BrowserProvider,
  FallbackProvider,
  hexlify,
  type JsonRpcApiProvider,
  JsonRpcProvider,
  type Signer,
  VoidSigner,
  Wallet,
} from "ethers";
import { createPublicClient, custom, verifyTypedData } from "viem";
import { connectChain, type SigningChain, signing } from "../../../src/chain/clients.ts";
import { toProtocolError } from "../../../src/chain/contractErrors.ts";
import { resultOf } from "../../../src/chain/escrow.ts";
import { signerConsentTypedData } from "../../../src/protocol/signerConsent.ts";
import { withdrawBalance } from "../../../src/sdk/claims.ts";
import { fromEthersSigner } from "../../../src/sdk/ethersSigner.ts";
import { submitJob } from "../../../src/sdk/submitJob.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { type RpcServer, serveRpc } from "../../support/rpcServer.ts";
import { PRICE, type PublishedIris, publishIris } from "../../support/shippedModels.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const FLOWER = Uint8Array.of(51, 35, 14, 2);
const PAYER = 1;

describe("sending as an ethers signer", () => {
  let testNetwork: TestNetwork;
  let iris: PublishedIris;
  let server: RpcServer;

  before(async () => {
    testNetwork = await startTestNetwork();
    iris = await publishIris(await testNetwork.connectAs(2));
    await testNetwork.fund(PAYER, 100n * PRICE);
    server = await serveRpc(testNetwork.provider);
  });

  after(() => server.stop());

  const wallet = async () => new Wallet(keyOf(PAYER), new JsonRpcProvider(server.url));
  const browserSigner = () => new BrowserProvider(testNetwork.provider).getSigner(PAYER);

  for (const [name, signerOf] of Object.entries({ Wallet: wallet, "BrowserProvider's signer": browserSigner })) {
    describe(`a ${name}`, () => {
      let signer: Signer;
      let chain: SigningChain;

      before(async () => {
        signer = await signerOf();
        chain = await connectAs(signer);
      });

      after(() => (signer.provider as JsonRpcApiProvider).destroy());

      it("opens jobs, one right after the other", async () => {
        expect(chain.account.address).to.equal(testNetwork.account(PAYER).address);
        for (let index = 0; index < 2; index++) {
          const { job } = await submitJob(chain, { ...iris, input: FLOWER });
          expect(job.payer).to.equal(chain.account.address);
          expect((await resultOf(chain, job)).status).to.equal("open");
        }
      });

      it("opens jobs at once", async () => {
        const submitted = await Promise.all([1, 2, 3].map(() => submitJob(chain, { ...iris, input: FLOWER })));
        for (const { job } of submitted) expect((await resultOf(chain, job)).status).to.equal("open");
      });

      it("is told a contract's reasons by name", async () => {
        const { address } = chain.account;
        const error = await expectProtocolError("contract/InsufficientBalance", () =>
          withdrawBalance(chain, address, 5n),
        );
        expect(error.message).to.include("balance 0").and.to.include("amount 5");
      });

      it("signs typed data", async () => {
        const { account, chainId, addresses, walletClient } = chain;
        const consent = { owner: account.address, signer: account.address, deadline: 2n ** 64n };
        const typedData = signerConsentTypedData(consent, { chainId, staking: addresses.staking });
        const signature = await walletClient.signTypedData(typedData);
        expect(await verifyTypedData({ ...typedData, address: account.address, signature })).to.equal(true);
      });
    });
  }

  it("is refused without a provider that takes requests", async () => {
    await expectProtocolError("sdk/signer-without-provider", () => fromEthersSigner(new Wallet(keyOf(PAYER))));
    const deaf = new VoidSigner(testNetwork.account(PAYER).address, new FallbackProvider([]));
    await expectProtocolError("sdk/signer-without-provider", () => fromEthersSigner(deaf));
  });

  it("says that the RPC is down, and that trying again may help", async () => {
    const unreachable = new JsonRpcProvider("http://127.0.0.1:9", 31337, { staticNetwork: true });
    const { provider } = await fromEthersSigner(new Wallet(keyOf(PAYER), unreachable));
    const client = createPublicClient({ transport: custom(provider, { retryCount: 0 }) });
    const error = await client.getBlockNumber().then(() => undefined, toProtocolError);
    expect(error).to.include({ code: "chain/rpc-down", isRetryable: true });
    unreachable.destroy();
  });

  async function connectAs(signer: Signer): Promise<SigningChain> {
    const { addresses } = testNetwork;
    return signing(await connectChain({ addresses, ...(await fromEthersSigner(signer)), pollingIntervalMs: 20 }));
  }

  function keyOf(index: number): string {
    return hexlify(testNetwork.account(index).getHdKey().privateKey ?? "");
  }
});
