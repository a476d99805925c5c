import { type ChannelEvent, channelEvents, claimEvents } from "../chain/channelEvents.ts";
import { type ChannelParties, type ChannelStatus, channelOf, type VouchersChain } from "../chain/channels.ts";
import { createTurns } from "../fetch/turns.ts";
import type { VoucherDomain } from "../protocol/channel.ts";
import type { Store } from "../store/store.ts";
import { createBlockSteps } from "./blockSteps.ts";
import type { ChainWatch, Head } from "./chainWatch.ts";
import { type ChannelMemory, createChannelMemory, keyOf } from "./channelMemory.ts";
import { createLogFollower } from "./followLogs.ts";

export type ChannelBookOptions = {
  chain: VouchersChain;
  domain: VoucherDomain;
  operatorId: number;
  store: Pick<Store, "claims" | "logCursors">;
  watch: Pick<ChainWatch, "latest" | "secondsSinceAnswer">;
  /** Channels remembered; 100,000 unless told. */
  capacity?: number;
  /** 30 unless told. */
  staleAfterSeconds?: number;
  onError: (error: unknown) => void;
};

/** What the gateway knows of its channels. */
export type ChannelBook = {
  /**
   * From memory, as the newest block that was read left it; from the chain the first time.
   * @returns of a channel that isn't open, `deposited` 0
   * @throws ProtocolError `chain/…`
   */
  statusOf(parties: Omit<ChannelParties, "operatorId">): Promise<ChannelStatus>;
  /** Whether the chain and its log have answered of late: if not, no call may rely on this. */
  isFresh(): boolean;
  onBlock(head: Head): void;
  stop(): Promise<void>;
};

const CAPACITY = 100_000;
const STALE_AFTER_SECONDS = 30;
const READER = "channels";

export function createChannelBook(options: ChannelBookOptions): ChannelBook {
  const { chain, operatorId, watch, onError, staleAfterSeconds = STALE_AFTER_SECONDS } = options;
  const { claims, logCursors: cursors } = options.store;
  const memory = createChannelMemory(options.domain, options.capacity ?? CAPACITY);
  const loads = createLoads(chain, memory);
  /** When the first block came that wasn't read yet. */
  let behindSinceMs: number | undefined;
  // Before a store is new nothing can have happened to its channels.
  const log = createLogFollower({ cursors, reader: READER, firstBlock: ({ number }) => number, read });
  const steps = createBlockSteps(async (head) => {
    await log.readUntil(head);
    behindSinceMs = log.readAt() < watch.latest().number ? performance.now() : undefined;
  }, onError);

  async function read(range: { fromBlock: bigint; toBlock: bigint }): Promise<void> {
    const [events, claimed] = await Promise.all([
      channelEvents(chain, range),
      claimEvents(chain, { ...range, operatorId }),
    ]);
    for (const event of events) {
      memory.apply(event);
      await takeDown(event);
    }
    if (claimed.some(({ kind, place }) => kind === "claimed" && place.blockNumber > log.readAt())) memory.markClaimed();
  }

  /** For claims, which must not miss an exit: of channels that calls came by. */
  async function takeDown(event: ChannelEvent): Promise<void> {
    const { channelId } = event;
    if (event.kind === "funded") await claims.note(channelId, { deposited: event.totalDeposited });
    if (event.kind === "exiting") await claims.note(channelId, { exitsAt: Number(event.exitsAt) });
    if (event.kind === "closed") await claims.closed(channelId);
  }

  return {
    async statusOf(parties) {
      const wanted = { ...parties, operatorId };
      const known = memory.get(wanted);
      if (known === undefined) return loads.load(wanted);
      // What is claimed only counts for a store that has forgotten what is owed: it may be read after the answer.
      if (known.isClaimedOld) loads.load(wanted).catch(onError);
      return known.status;
    },
    isFresh() {
      if (watch.secondsSinceAnswer() > staleAfterSeconds) return false;
      return behindSinceMs === undefined || performance.now() - behindSinceMs <= staleAfterSeconds * 1_000;
    },
    onBlock(head) {
      behindSinceMs ??= performance.now();
      steps.onBlock(head);
    },
    stop: steps.stop,
  };
}

/** Channels nobody has seen yet are looked up so many at a time, and so many may wait: anybody can name one. */
const LOOKUPS_AT_A_TIME = 16;
const LOOKUPS_WAITING = 1_024;

/** Reads of the chain; those of one channel at the same time are one. */
function createLoads(chain: VouchersChain, memory: ChannelMemory) {
  const underWay = new Map<string, Promise<ChannelStatus>>();
  const turns = createTurns(LOOKUPS_AT_A_TIME, LOOKUPS_WAITING);
  const never = new AbortController().signal;

  async function read(parties: ChannelParties): Promise<ChannelStatus> {
    const status = await channelOf(chain, parties);
    // Whoever asks for channels that there aren't must not push out those that there are.
    return status.deposited === 0n ? status : memory.set(parties, status);
  }

  return {
    load(parties: ChannelParties): Promise<ChannelStatus> {
      const key = keyOf(parties);
      const known = underWay.get(key);
      if (known !== undefined) return known;
      const loading = turns.run(() => read(parties), never).finally(() => underWay.delete(key));
      underWay.set(key, loading);
      return loading;
    },
  };
}
