import { type Address, type Hash, type Hex, keccak256 } from "viem";
import { genesisHashOf, type SigningChain } from "../chain/clients.ts";
import { pause } from "../chain/pause.ts";
import { logTerms } from "../chain/receiptLog.ts";
import { createFetchUri } from "../fetch/fetchUri.ts";
import type { Channel } from "../protocol/channel.ts";
import type { PortableReceipt } from "../protocol/receiptJson.ts";
import type { Route } from "../protocol/route.ts";
import { createRelayer } from "../relayer/relayer.ts";
import type { PaidCall, ProofState } from "../store/paidCalls.ts";
import { openStore, type Store } from "../store/store.ts";
import type { AskOptions } from "./appRequest.ts";
import { createAsker } from "./ask.ts";
import { createChainHead } from "./chainHead.ts";
import { createChannels } from "./channels.ts";
import { createStatementChecks } from "./checkStatements.ts";
import { createExchange, type RefusedAnswer } from "./exchange.ts";
import { createGatewayHttp } from "./gatewayHttp.ts";
import { createGatewayPlaces } from "./gatewayPlaces.ts";
import { createLedger } from "./ledger.ts";
import { type ListedModel, listModels } from "./listModels.ts";
import { createOperators, type GatewayPlace, type Operators } from "./operators.ts";
import { createProver, type Proofs } from "./prove.ts";
import { createReputation } from "./reputation.ts";
import { createResolver } from "./resolve.ts";
import { createRests } from "./rests.ts";
import type { Random } from "./seats.ts";
import { createSettler } from "./settleUp.ts";
import { createSigners } from "./signers.ts";
import type { Step } from "./steps.ts";
import { asApiError, errorResponse, stops, toResponse } from "./toResponse.ts";
import { openVoucherKey } from "./voucherKey.ts";

export type OpenConnectOptions = {
  /** Signs as the payer, with a key that is here. */
  chain: SigningChain;
  /** Holds the voucher key and the store; made if it isn't there. One process at a time. */
  dataDir: string;
  /** What open channels of this folder's key may have taken in together, OPG base units. */
  budget: bigint;
  /** Put into a channel at a time, OPG base units; a tenth of the budget unless told. */
  deposit?: bigint;
  /** The most one call may cost unless the app says, OPG base units; what its quote comes to unless told. */
  maxPrice?: bigint;
  /** Gateways that are known beforehand. */
  operators?: readonly GatewayPlace[];
  /** Operators with a smaller standing bond are left alone, OPG base units; the slash of an equivocation unless told. */
  minBond?: bigint;
  /** Operators asked for one answer at most; 3 unless told. */
  attempts?: number;
  /** Whether an answer of another model than the one asked for will do; false unless told. */
  allowOtherServedModel?: boolean;
  /** Whether what isn't anchored in time is challenged on chain; false unless told. */
  challenge?: boolean;
  /** Whether gateways may be in private networks and on this machine; false unless told. */
  allowPrivateGateways?: boolean;
  intervals?: Partial<ConnectIntervals>;
  /** Draws who sits in a quorum; the machine's own chance unless told. */
  random?: Random;
  onStep?: Step;
  /** An operator was caught lying, and is left alone from now on. */
  onRefused?: (refused: RefusedAnswer) => void;
  /** What failed and will be tried again. */
  onError?: (error: unknown) => void;
};

export type ConnectIntervals = {
  /** Between two looks at the chain's newest block; 500 unless told. */
  pollingMs: number;
  /** Between two looks at operators and their models; 60,000 unless told. */
  refreshMs: number;
  /** Until a gateway's first byte, and between two pieces of an answer; 120,000 unless told. */
  timeoutMs: number;
  /** Between two questions for calls whose end isn't known; 1,000 unless told. */
  resolveMs: number;
  /** A call a gateway doesn't know is taken for one that never arrived once it is so old, seconds; 30 unless told. */
  forgottenAfterSeconds: number;
  /** A channel without a call for so long gets a voucher to the unit; 2,000 unless told. */
  idleMs: number;
  /** Between two rounds of proofs; 0: only when asked to; 30,000 unless told. */
  proveMs: number;
};

/** A receipt as it is kept. */
export type KeptReceipt = PortableReceipt & { receiptId: Hex; proof: ProofState };

/** The app developer's local end. */
export type Connect = {
  /** Asks operators and hands on what was checked: errors are answers too. Rejects only with the signal's reason. */
  ask(route: Route, body: unknown, options?: AskOptions): Promise<Response>;
  models(): ListedModel[];
  /** Newest first; 1,000 unless told. */
  receipts(limit?: number): Promise<KeptReceipt[]>;
  /** @param id of the receipt, or its request's hash */
  receipt(id: Hex): Promise<KeptReceipt | undefined>;
  /** Proves what can be proven, and challenges what is late where it was told to. */
  prove(): Promise<Proofs>;
  /** Asks how calls ended whose end isn't known. @returns how many are still open */
  resolve(): Promise<number>;
  /** Sends each operator a voucher for what is owed, to the unit. */
  settle(): Promise<void>;
  /** Begins the exit of all channels, and closes those whose time has passed. @returns those that are still open */
  closeChannels(): Promise<Channel[]>;
  /** What the open channels have taken in and what is owed of it, OPG base units. */
  balance(): Promise<{ held: bigint; owed: bigint; uncertain: bigint }>;
  operators: Pick<Operators, "list" | "refresh">;
  /** Asks an operator again that was caught lying. */
  forgive(operatorId: number): Promise<void>;
  voucherKey: Address;
  close(): Promise<void>;
};

const DEFAULT_INTERVALS: ConnectIntervals = {
  pollingMs: 500,
  refreshMs: 60_000,
  timeoutMs: 120_000,
  resolveMs: 1_000,
  forgottenAfterSeconds: 30,
  idleMs: 2_000,
  proveMs: 30_000,
};

/**
 * Opens the local end whose folder this is, from wherever an earlier life of it had come.
 * @throws ProtocolError `connect/invalid-voucher-key`, `store/…`, `chain/…`
 */
export async function openConnect(options: OpenConnectOptions): Promise<Connect> {
  const { chain, dataDir } = options;
  const voucherKey = await openVoucherKey(dataDir);
  const store = await openStore(dataDir, {
    chainId: chain.chainId,
    genesisHash: await genesisHashOf(chain),
    escrow: chain.addresses.escrow,
    operatorId: 0, // it is nobody's
    secretHash: keccak256(voucherKey.address),
  });
  try {
    return await startConnect(options, store, voucherKey);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function startConnect(
  options: OpenConnectOptions,
  store: Store,
  voucherKey: Awaited<ReturnType<typeof openVoucherKey>>,
): Promise<Connect> {
  const {
    chain,
    budget,
    onStep: step = () => {},
    onRefused = () => {},
    onError = () => {},
    allowPrivateGateways: allowPrivate = false,
  } = options;
  const { paid } = store;
  const times = { ...DEFAULT_INTERVALS, ...options.intervals };
  const domain = { chainId: chain.chainId, receipts: chain.addresses.receipts };
  const terms = await logTerms(chain);
  const reputation = await createReputation(paid);
  const rests = createRests();
  const stopping = new AbortController();
  const live = new Set<Hash>();

  const head = createChainHead({ chain, pollingIntervalMs: times.pollingMs, onError });
  const relayer = createRelayer({ chain, outbox: store.outbox, nextBlock: head.nextBlock, onError });
  const http = createGatewayHttp({ allowPrivate, timeoutMs: times.timeoutMs });
  const operators = createOperators({
    ...{ chain, refreshMs: times.refreshMs, onError, minBond: options.minBond ?? terms.equivocationSlash },
    fetchUri: createFetchUri({ allowPrivate, maxParallel: 16 }),
    places: createGatewayPlaces(chain, options.operators ?? []),
  });
  const channels = createChannels({
    ...{ chain, relayer, paid, voucherKey: voucherKey.address, budget },
    deposit: options.deposit ?? budget / 10n,
  });
  const ledger = createLedger({
    ...{ paid, channels, voucherKey, live, lostAtMost: budget / 10n },
    domain: { chainId: chain.chainId, vouchers: chain.addresses.vouchers },
  });
  const checks = createStatementChecks({
    ...{ paid, domain, payer: chain.account.address, now: head.now, step },
    signers: createSigners(chain, head.now),
    async quoteNow(operatorId, model, isLate) {
      if (!isLate) await operators.refresh();
      const operator = operators.list().find((each) => each.operatorId === operatorId);
      return operator?.offers.get(model)?.quote;
    },
    allowOtherServedModel: options.allowOtherServedModel ?? false,
  });
  const resolver = createResolver({
    ...{ paid, http, operators, checks, reputation, live, step, onRefused, onError },
    ...{ intervalMs: times.resolveMs, forgottenAfterSeconds: times.forgottenAfterSeconds },
  });
  const settler = createSettler({ ledger, channels, http, operators, idleMs: times.idleMs, step, onError });
  const exchange = createExchange({
    ...{ paid, ledger, http, checks, reputation, live, step, onRefused, now: head.now },
    onUncertain: () => resolver.wake(),
    onUsed: settler.used,
  });
  const asker = createAsker({
    ...{ operators, reputation, rests, channels, exchange },
    ...{ attempts: options.attempts ?? 3, maxPrice: options.maxPrice, random: options.random },
  });
  const prove = createProver({
    ...{ chain, relayer, paid, http, operators, reputation, terms, step, onError },
    challenge: options.challenge ?? false,
  });

  const toKept = ({ receipt: kept }: PaidCall): KeptReceipt[] => {
    if (kept === undefined) return [];
    const { receipt, signature, receiptId, proof, inclusion } = kept;
    return [{ receipt, signature, domain, receiptId, proof, ...(inclusion && { inclusion }) }];
  };

  async function keepProving(): Promise<void> {
    while (times.proveMs > 0 && !stopping.signal.aborted) {
      await pause(times.proveMs, stopping.signal);
      if (!stopping.signal.aborted) await prove().catch(onError);
    }
  }

  await head.look().catch(onError);
  await operators.refresh().catch(onError);
  const proving = keepProving();
  const resuming = relayer.resume().catch(onError);

  return {
    voucherKey: voucherKey.address,
    operators,
    async forgive(operatorId) {
      rests.succeeded(operatorId);
      await reputation.forgive(operatorId);
    },
    prove,
    resolve: resolver.resolveAll,
    settle: settler.settleAll,
    closeChannels: channels.closeAll,
    models: () => listModels(operators),
    receipts: async (limit = 1_000) => (await paid.answered(limit)).flatMap(toKept),
    async receipt(id) {
      const call = await paid.find(id);
      return call && toKept(call)[0];
    },
    async ask(route, body, asked = {}) {
      const signal = asked.signal === undefined ? stopping.signal : AbortSignal.any([asked.signal, stopping.signal]);
      try {
        const answer = await asker(route, body, { ...asked, signal });
        if (answer.kind === "whole") await step("answered");
        return toResponse(answer, { signal: asked.signal, stopping: stopping.signal }, step);
      } catch (error) {
        asked.signal?.throwIfAborted();
        return errorResponse(stopping.signal.aborted ? stops() : asApiError(error));
      }
    },
    async balance() {
      const accounts = await Promise.all((await paid.channels()).map(({ channelId }) => paid.account(channelId)));
      const sum = (name: "owed" | "uncertain") => accounts.reduce((total, account) => total + account[name], 0n);
      return { held: await channels.held(), owed: sum("owed"), uncertain: sum("uncertain") };
    },
    async close() {
      stopping.abort(new Error("the local end stops"));
      await resolver.stop();
      await settler.stop();
      await resolver.resolveAll().catch(onError);
      await settler.settleAll();
      await operators.stop();
      await proving;
      await head.stop();
      await resuming;
      http.close();
      await store.close();
    },
  };
}
