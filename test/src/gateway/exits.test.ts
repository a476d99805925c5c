import { expect } from "chai";
import { numberToHex } from "viem";
import { signDigest } from "../../../scripts/demo/calls/parties.ts";
import { channelOf, encodeStartExit } from "../../../src/chain/channels.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { type CallServer, createCallServer } from "../../../src/gateway/callServer.ts";
import { createIssuer, type Issuer } from "../../../src/gateway/issuer.ts";
import type { ServedModel } from "../../../src/gateway/models.ts";
import { callHeaders } from "../../../src/protocol/callWire.ts";
import { createCallTable } from "../../../src/store/calls.ts";
import { expectApiError } from "../../support/apiErrors.ts";
import { type CallsChain, type CallsNetwork, EXIT_SECONDS, startCallsNetwork } from "../../support/callsNetwork.ts";
import {
  CAP,
  eventually,
  type GatewayLife,
  openTestChannel,
  PRICE,
  receiptDomain,
  startLife,
  type TestChannel,
} from "../../support/gatewayLife.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "local/m", messages: [{ role: "user", content: "hi" }] };
/** A new block with nothing in it makes a follower look again at so many before it. */
const BLOCKS_LOOKED_AT_AGAIN = 9;

describe("a payer that leaves while a call of its begins", function () {
  this.timeout(60_000);
  let network: CallsNetwork;
  let chain: CallsChain;
  let life: GatewayLife;
  let issuer: Issuer;
  let remove: () => Promise<void>;
  let asked: number;
  /** What happens at three points of a call. */
  let at: Partial<Record<"body" | "reservation" | "upstream", () => Promise<void>>>;
  let payers = 0;

  before(async () => {
    network = await startCallsNetwork();
    chain = network.connectAs(0);
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    life = await startLife(network, temporary.folder);
    issuer = await createIssuer({
      ...{ calls: createCallTable(life.database), domain: receiptDomain(chain), operatorId: network.operatorId },
      ...{ incarnation: 50, sign: (digest) => signDigest(chain, digest), now: () => life.watch.latest().timestamp },
    });
  });
  after(async () => {
    await life.kill();
    await remove();
  });
  beforeEach(() => {
    [asked, at] = [0, {}];
  });

  function serving(): CallServer {
    const answer = async () => {
      asked += 1;
      await at.upstream?.();
      return { body: { id: "1", model: "m", choices: [] }, served: { model: "m", inputUnits: 1n, outputUnits: 1n } };
    };
    const model: ServedModel = {
      ...{ name: "local/m", provider: "local", upstreamName: "m", serves: [], maxOutput: 100, isBitExact: false },
      upstream: { answer: { [ROUTE]: answer }, stream: {} },
      quote: { request: PRICE, input: 0n, output: 0n },
    };
    return createCallServer({
      ...{ operatorId: network.operatorId, chainId: chain.chainId, addresses: chain.addresses },
      ...{ models: new Map([[model.name, model]]), channels: life.book, domain: receiptDomain(chain) },
      issuer: {
        foresee: (terms) => issuer.foresee(terms),
        async begin(terms) {
          await at.reservation?.();
          return await issuer.begin(terms);
        },
      },
      ...{ maxCalls: 10, slowClientMs: 1_000, maxCallMs: 60_000, isReady: () => true },
    });
  }

  async function ask({ sign }: TestChannel) {
    const voucher = await sign(CAP);
    const headers = callHeaders({ salt: numberToHex(payers, { size: 32 }), voucher, maxPrice: CAP });
    const body = async () => {
      await at.body?.();
      return BODY;
    };
    return await serving().serve({ route: ROUTE, header: (name) => headers[name], body }, new AbortController().signal);
  }

  /** A channel, and its payer's leaving: over once the gateway has seen it, and looks at its block no more. */
  async function openChannel() {
    payers += 1;
    const payer = network.connectAs(payers);
    const channel = await openTestChannel(network, payers);
    const leave = async () => {
      await sendCall(payer, encodeStartExit(payer.addresses, channel.channel));
      for (let block = 0; block < BLOCKS_LOOKED_AT_AGAIN; block++) {
        await network.elapse(2);
        await eventually(async () => life.watch.latest().number === (await chain.publicClient.getBlockNumber()));
      }
      await eventually(async () => (await life.book.statusOf(channel.channel)).exitsAt > 0);
    };
    return { channel, leave };
  }

  const accountOf = ({ id }: TestChannel) => createCallTable(life.database).account(id);

  it("is refused when it leaves before its body is here", async () => {
    const { channel, leave } = await openChannel();
    at.body = leave;
    await expectApiError({ status: 402, code: "channel_exiting" }, () => ask(channel));
    expect(asked).to.equal(0);
    expect(await accountOf(channel)).to.include({ owed: 0n, reserved: 0n });
  });

  it("is refused when it leaves before its call is reserved, and nothing stays reserved", async () => {
    const { channel, leave } = await openChannel();
    at.reservation = leave;
    await expectApiError({ status: 402, code: "channel_exiting" }, () => ask(channel));
    expect(asked).to.equal(0);
    expect(await accountOf(channel)).to.include({ owed: 0n, reserved: 0n });
  });

  it("pays for the call when it leaves later", async () => {
    const { channel, leave } = await openChannel();
    at.upstream = leave;
    expect((await ask(channel)).kind).to.equal("whole");
    expect((await life.claims.exiting(10)).map(({ channelId }) => channelId)).to.deep.equal([channel.id]);
    await network.elapse(EXIT_SECONDS / 2);
    await eventually(async () => (await channelOf(chain, channel.channel)).claimed === CAP);
    expect(life.errors).to.deep.equal([]);
  });
});
