import { type Hex, keccak256, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { signDigest } from "../../scripts/demo/calls/parties.ts";
import { encodeFund } from "../../src/chain/channels.ts";
import { chainTime } from "../../src/chain/clients.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeApprove, encodeTokenTransfer } from "../../src/chain/token.ts";
import { type AnchorEvent, type Anchoring, type AnchoringOptions, createAnchoring } from "../../src/gateway/anchor.ts";
import { type Answering, type ChallengeEvent, createAnswering } from "../../src/gateway/answerChallenges.ts";
import { type ChainWatch, createChainWatch } from "../../src/gateway/chainWatch.ts";
import { type ChannelBook, createChannelBook } from "../../src/gateway/channelBook.ts";
import { type ClaimEvent, type Claiming, createClaiming } from "../../src/gateway/claim.ts";
import { createIssuer, type Issuer } from "../../src/gateway/issuer.ts";
import { publishByGateway } from "../../src/gateway/publish.ts";
import { type Channel, channelId } from "../../src/protocol/channel.ts";
import { type Receipt, receiptId, type SignedReceipt } from "../../src/protocol/receipt.ts";
import { type SignedVoucher, voucherTypedData } from "../../src/protocol/voucher.ts";
import { createRelayer, type Relayer } from "../../src/relayer/relayer.ts";
import { createBatchTable } from "../../src/store/batches.ts";
import { createCallTable } from "../../src/store/calls.ts";
import { createClaimTable } from "../../src/store/claims.ts";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { createLogCursors } from "../../src/store/logCursors.ts";
import { createOutbox } from "../../src/store/outbox.ts";
import { type CallsChain, type CallsNetwork, EXIT_SECONDS, TERMS } from "./callsNetwork.ts";

// One life of what a gateway does on the chain: everything real, over a store's folder that outlives it.

/** `ANCHOR_INTERVAL_SECONDS` under `TERMS`. */
export const INTERVAL_SECONDS =
  Math.floor((TERMS.anchorSeconds + TERMS.challengeSeconds + TERMS.answerSeconds + 600) / 256) + 1;
export const PRICE = 700n;
export const CAP = 1_000n;
const DEPOSIT = 10n ** 18n;

export type TestEvent = AnchorEvent | ClaimEvent | ChallengeEvent;

export type GatewayLife = {
  database: Database;
  batches: ReturnType<typeof createBatchTable>;
  claims: ReturnType<typeof createClaimTable>;
  watch: ChainWatch;
  anchoring: Anchoring;
  claiming: Claiming;
  answering: Answering;
  book: ChannelBook;
  events: TestEvent[];
  errors: unknown[];
  /** Runs a call that costs `PRICE` to its end. */
  issue(channel: TestChannel, count?: number): Promise<SignedReceipt[]>;
  /** Ends it between two instructions: whatever waits for a block ends there. */
  kill(): Promise<void>;
};

export type TestChannel = { channel: Channel; id: Hex; sign(cumulativeAmount: bigint): Promise<SignedVoucher> };

export type LifeChanges = Partial<Pick<AnchoringOptions, "limits" | "publish">> & {
  relayer?: (real: Relayer) => Relayer;
  batches?: (real: GatewayLife["batches"]) => GatewayLife["batches"];
};

/** Account `index` pays for it. */
export async function openTestChannel(network: CallsNetwork, index: number): Promise<TestChannel> {
  const [owner, payer] = [network.connectAs(0), network.connectAs(index)];
  const { addresses, chainId, account } = payer;
  const key = privateKeyToAccount(keccak256(stringToHex(`voucher key ${index}`)));
  const channel = { payer: account.address, operatorId: network.operatorId, voucherKey: key.address, opening: 1 };
  await sendCall(owner, encodeTokenTransfer(addresses, account.address, DEPOSIT));
  await sendCall(payer, encodeApprove(addresses, addresses.vouchers, DEPOSIT));
  await sendCall(payer, encodeFund(addresses, { ...channel, totalDeposited: DEPOSIT, deadline: 2n ** 40n }));
  const domain = { chainId, vouchers: addresses.vouchers };
  return {
    channel,
    id: channelId(channel, domain),
    async sign(cumulativeAmount) {
      const { payer, operatorId, opening } = channel;
      const voucher = { payer, operatorId, opening, cumulativeAmount };
      return { voucher, signature: await key.signTypedData(voucherTypedData(voucher, domain)) };
    },
  };
}

export async function startLife(
  network: CallsNetwork,
  folder: string,
  changes: LifeChanges = {},
): Promise<GatewayLife> {
  const chain = network.connectAs(0);
  const { operatorId } = network;
  const database = await openDatabase(folder);
  const stopping = new AbortController();
  const [events, errors]: [TestEvent[], unknown[]] = [[], []];
  const onEvent = (event: TestEvent) => void events.push(event);
  const onError = (error: unknown) => void errors.push(error);
  const realBatches = createBatchTable(database);
  const batches = changes.batches?.(realBatches) ?? realBatches;
  const [outbox, claims, logCursors] = [createOutbox(database), createClaimTable(database), createLogCursors(database)];
  const watch = createChainWatch({ chain, pollingIntervalMs: 5, signal: stopping.signal, onError });
  const realRelayer = createRelayer({ chain, outbox, nextBlock: watch.nextBlock, onError });
  const relayer = changes.relayer?.(realRelayer) ?? realRelayer;
  const common = { chain, relayer, operatorId, terms: TERMS, onEvent, onError };
  const claiming = createClaiming({ ...common, claims, exitSeconds: EXIT_SECONDS });
  const anchoring = createAnchoring({
    ...common,
    store: { batches, outbox },
    ...{ claiming, intervalSeconds: INTERVAL_SECONDS, latest: watch.latest },
    publish: changes.publish ?? publishByGateway,
    ...(changes.limits && { limits: changes.limits }),
  });
  const answering = createAnswering({ ...common, store: { batches, logCursors } });
  const domain = { chainId: chain.chainId, vouchers: chain.addresses.vouchers };
  const book = createChannelBook({ chain, domain, operatorId, store: { claims, logCursors }, watch, onError });
  const parts = [anchoring, claiming, answering, book];
  for (const part of parts) watch.onBlock(part.onBlock);
  const watching = watch.run();
  const resumed = relayer.resume();
  const issue = await issuing(network, chain, database);
  return {
    ...{ database, batches: realBatches, claims, watch, anchoring, claiming, answering, book, events, errors, issue },
    async kill() {
      const stopped = Promise.all(parts.map((part) => part.stop()));
      stopping.abort(new Error("killed here"));
      await watching;
      await stopped;
      await resumed;
      await database.close();
    },
  };
}

let incarnations = 0;

async function issuing(
  { operatorId }: CallsNetwork,
  chain: CallsChain,
  database: Database,
): Promise<GatewayLife["issue"]> {
  const domain = receiptDomain(chain);
  let now = 0;
  const issuer: Issuer = await createIssuer({
    ...{ calls: createCallTable(database), domain, operatorId, incarnation: ++incarnations, now: () => now },
    sign: (digest) => signDigest(chain, digest),
  });
  let asked = 0;
  async function issueOne({ channel, id, sign }: TestChannel): Promise<SignedReceipt> {
    const requestHash = keccak256(stringToHex(`request ${incarnations} ${++asked}`));
    const { owed } = await createCallTable(database).account(id);
    const { payer, voucherKey } = channel;
    const call = await issuer.begin({
      ...{ channelId: id, payer, voucherKey, model: "onnx/digits", requestHash, salt: requestHash },
      ...{ voucher: await sign(owed + CAP), cap: CAP, deposited: DEPOSIT, claimed: 0n },
    });
    await call.whole(stringToHex("a seven"));
    return call.end({ servedModel: "onnx/digits", inputUnits: 1n, outputUnits: 2n, price: PRICE });
  }
  return async (channel, count = 1) => {
    now = await chainTime(chain);
    const receipts: SignedReceipt[] = [];
    for (let n = 0; n < count; n++) receipts.push(await issueOne(channel));
    return receipts;
  };
}

export const receiptDomain = ({ chainId, addresses }: CallsChain) => ({ chainId, receipts: addresses.receipts });

export function idOf(chain: CallsChain, receipt: Receipt): Hex {
  return receiptId(receipt, receiptDomain(chain));
}

/** Waits, by this machine's clock, until it holds. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("it didn't come true in time");
}
