import { type Hex, keccak256, stringToHex } from "viem";
import { generatePrivateKey } from "viem/accounts";
import { exitSecondsOf } from "../chain/channels.ts";
import { genesisHashOf, type SigningChain } from "../chain/clients.ts";
import {
  anchorIntervalOf,
  encodeAnnounceGateway,
  encodeStartIncarnation,
  logOf,
  logTerms,
} from "../chain/receiptLog.ts";
import { gatewaysAnnounced } from "../chain/receiptLogEvents.ts";
import { operatorSignedBy } from "../chain/staking.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { createRelayer, type Relayer } from "../relayer/relayer.ts";
import { openStore, type Store } from "../store/store.ts";
import type { OnCallStep } from "./answer.ts";
import { createCallServer } from "./callServer.ts";
import { type ChainWatch, createChainWatch } from "./chainWatch.ts";
import { type ChainWork, type ChainWorkEvent, startChainWork } from "./chainWork.ts";
import type { GatewayConfig } from "./config.ts";
import { startIncarnation } from "./incarnation.ts";
import { createIssuer, type SignStatement } from "./issuer.ts";
import { createMetrics } from "./metrics.ts";
import type { ServedModels } from "./models.ts";
import type { Publish } from "./publish.ts";
import { createGatewayApp, listen } from "./server.ts";

export type OpenGatewayOptions = {
  /** Signs as the operator's signer. */
  chain: SigningChain;
  dataDir: string;
  config: Omit<GatewayConfig, "models" | "providers" | "publish">;
  models: ServedModels;
  publish: Publish;
  /** Signs receipts and parts as the operator's signer, with a key that may be elsewhere; `chain`'s account unless told. */
  sign?: SignStatement;
  pollingIntervalMs?: number;
  /** Blocks after which an incarnation counts as started; 2 unless told. */
  confirmations?: number;
  onEvent?: (event: GatewayEvent) => void;
  onError: (error: unknown) => void;
  onStep?: OnCallStep;
};

export type GatewayEvent = ChainWorkEvent | { kind: "announced"; uri: string };

export type Gateway = {
  operatorId: number;
  incarnation: number;
  /** Where it listens on this machine. */
  url: string;
  /**
   * Takes no more calls, waits for those under way, anchors what waits as far as the interval lets, and ends.
   * @param signal cuts the waiting short: everything goes on at the next start
   * @returns receipts that wait to be anchored; undefined when the waiting was cut short
   */
  stop(signal: AbortSignal): Promise<{ unanchored: number | undefined }>;
};

const CONFIRMATIONS = 2;

/**
 * Opens the gateway whose folder this is, from wherever an earlier life of it had come.
 * @throws ProtocolError `gateway/not-an-operator`, `gateway/signer-not-synced`, what `openStore` and `startIncarnation` throw
 */
export async function openGateway(options: OpenGatewayOptions): Promise<Gateway> {
  const { chain, onError } = options;
  const operatorId = await operatorOf(chain);
  const store = await openStore(options.dataDir, {
    chainId: chain.chainId,
    genesisHash: await genesisHashOf(chain),
    escrow: chain.addresses.escrow,
    operatorId,
    secretHash: keccak256(stringToHex("a gateway has no secret")),
  });
  const ending = new AbortController();
  const { pollingIntervalMs } = options;
  const watch = createChainWatch({
    chain,
    signal: ending.signal,
    onError,
    ...(pollingIntervalMs && { pollingIntervalMs }),
  });
  const watching = watch.run();
  const end = async (...working: Promise<unknown>[]) => {
    ending.abort(new Error("the gateway stops"));
    await watching;
    await Promise.allSettled(working);
    await store.close();
  };
  try {
    return await start(options, { operatorId, store, watch, end });
  } catch (error) {
    await end();
    throw error;
  }
}

type Opened = {
  operatorId: number;
  store: Store;
  watch: ChainWatch;
  end: (...working: Promise<unknown>[]) => Promise<void>;
};

async function start(options: OpenGatewayOptions, { operatorId, store, watch, end }: Opened): Promise<Gateway> {
  const { chain, config, models, onError, onEvent = () => {}, onStep = () => {} } = options;
  const { chainId, addresses } = chain;
  const relayer = createRelayer({ chain, outbox: store.outbox, nextBlock: watch.nextBlock, onError });
  // Among what an earlier life left on its way may be an incarnation: it comes first, whatever is sent after it.
  await relayer.resume();
  const incarnation = await nextIncarnation(options, operatorId, relayer, watch);
  const domain = { chainId, receipts: addresses.receipts };
  const work = await startChainWork({
    ...options,
    operatorId,
    store,
    watch,
    relayer,
    onEvent: tell,
    ...(await windowsOf(chain)),
  });
  const issuer = await createIssuer({
    ...{ calls: store.calls, domain, operatorId, incarnation },
    sign: options.sign ?? ((digest) => signAs(chain, digest)),
    now: () => watch.latest().timestamp,
  });
  const isReady = () => work.channels.isFresh();
  const admission = { operatorId, chainId, addresses, models, channels: work.channels };
  const { maxCalls, slowClientMs, maxCallMs, maxBodyBytes } = config;
  const calls = createCallServer({
    ...{ ...admission, issuer, domain, maxCalls, slowClientMs, maxCallMs, isReady, onStep },
    onEnd: (call, error, seconds) => metrics.onEnd(call, error, seconds),
  });
  const metrics = createMetrics(calls.underWay);
  const app = createGatewayApp({ ...admission, calls, store, domain, metrics, isReady, maxBodyBytes, onError });
  const listening = await listen(app, { ...config.listen, slowClientMs });
  const announcing = announce(options, operatorId, relayer).catch(onError);
  return { operatorId, incarnation, url: listening.url, stop };

  function tell(event: ChainWorkEvent): void {
    if (event.kind === "anchored") metrics.onAnchored(event.count);
    onEvent(event);
  }

  async function stop(signal: AbortSignal): Promise<{ unanchored: number | undefined }> {
    await calls.stop(signal);
    await listening.close();
    const unanchored = await flush(work, signal);
    await end(work.stop(), announcing);
    await Promise.all([...new Set([...models.values()].map(({ upstream }) => upstream))].map((it) => it.close?.()));
    return { unanchored };
  }
}

async function flush(work: ChainWork, signal: AbortSignal): Promise<number | undefined> {
  const cut = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  return await Promise.race([work.flush(), cut]);
}

/** By a transaction of this life alone, final by the depth that was asked for. */
async function nextIncarnation(
  { chain, confirmations = CONFIRMATIONS }: OpenGatewayOptions,
  operatorId: number,
  relayer: Relayer,
  watch: ChainWatch,
): Promise<number> {
  const current = async () => (await logOf(chain, operatorId)).incarnation;
  return await startIncarnation({
    current,
    async start(incarnation) {
      const life = generatePrivateKey(); // 32 random bytes
      const call = encodeStartIncarnation(chain.addresses, operatorId, incarnation, life);
      const { blockNumber } = await relayer.submit(`incarnation ${incarnation} ${life}`, call);
      while (watch.latest().number < blockNumber + BigInt(confirmations)) await watch.nextBlock();
      if ((await current()) === incarnation) return;
      throw new ProtocolError(
        "contract/WrongIncarnation",
        `incarnation ${incarnation} didn't last: the chain went back, or another gateway started the next`,
        { isRetryable: true },
      );
    },
  });
}

/** Says on chain where calls are answered, unless it is said already. */
async function announce(
  { chain, config: { publicUrl }, onEvent = () => {} }: OpenGatewayOptions,
  operatorId: number,
  relayer: Relayer,
): Promise<void> {
  if (publicUrl === undefined) return;
  const range = { fromBlock: BigInt(chain.addresses.deployedAtBlock), toBlock: "latest" } as const;
  const said = (await gatewaysAnnounced(chain, { ...range, operatorId })).at(-1);
  if (said?.uri === publicUrl) return;
  const purpose = `announce after ${said?.place.transactionHash ?? "nothing"} ${publicUrl}`;
  await relayer.submit(purpose, encodeAnnounceGateway(chain.addresses, operatorId, publicUrl));
  onEvent({ kind: "announced", uri: publicUrl });
}

async function operatorOf(chain: SigningChain): Promise<number> {
  const signer = chain.account.address;
  const operatorId = await operatorSignedBy(chain, signer);
  if (operatorId === 0) {
    throw new ProtocolError(
      "gateway/not-an-operator",
      `${signer} signs for no operator of this network: register one with this signer first (opg operator register)`,
    );
  }
  if ((await logOf(chain, operatorId)).signer === signer) return operatorId;
  throw new ProtocolError(
    "gateway/signer-not-synced",
    `the receipt log doesn't know ${signer} as operator ${operatorId}'s signer: put up a standing bond first (opg stake bond <opg>)`,
  );
}

async function windowsOf(chain: SigningChain) {
  const [terms, intervalSeconds, exitSeconds] = await Promise.all([
    logTerms(chain),
    anchorIntervalOf(chain),
    exitSecondsOf(chain),
  ]);
  return { terms, intervalSeconds, exitSeconds };
}

async function signAs({ account }: SigningChain, digest: Hex): Promise<Hex> {
  if (account.type === "local" && account.sign !== undefined) return await account.sign({ hash: digest });
  throw new ProtocolError("gateway/no-local-key", "the account can't sign here: connect with its private key");
}
