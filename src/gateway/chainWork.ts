import type { SigningChain } from "../chain/clients.ts";
import type { LogTerms } from "../chain/receiptLog.ts";
import type { Relayer } from "../relayer/relayer.ts";
import type { Store } from "../store/store.ts";
import { type AnchorEvent, createAnchoring } from "./anchor.ts";
import { type ChallengeEvent, createAnswering } from "./answerChallenges.ts";
import type { ChainWatch, Head } from "./chainWatch.ts";
import { type ChannelBook, createChannelBook } from "./channelBook.ts";
import { type ClaimEvent, createClaiming } from "./claim.ts";
import type { GatewayConfig } from "./config.ts";
import type { Publish } from "./publish.ts";

export type ChainWorkOptions = {
  chain: SigningChain;
  operatorId: number;
  store: Store;
  watch: ChainWatch;
  relayer: Relayer;
  terms: LogTerms;
  intervalSeconds: number;
  exitSeconds: number;
  config: Pick<GatewayConfig, "anchoring">;
  publish: Publish;
  onEvent: (event: ChainWorkEvent) => void;
  onError: (error: unknown) => void;
};

export type ChainWorkEvent = AnchorEvent | ChallengeEvent | ClaimEvent;

/** What a gateway does on chain beside its calls, block by block. */
export type ChainWork = {
  channels: ChannelBook;
  /** Anchors what waits, and claims what is due. @returns how many receipts are left */
  flush(): Promise<number>;
  stop(): Promise<void>;
};

/** Follows channels, anchors, claims and answers challenges from the newest block on. */
export async function startChainWork(options: ChainWorkOptions): Promise<ChainWork> {
  const { chain, operatorId, store, watch, relayer, exitSeconds, config, onError } = options;
  const domain = { chainId: chain.chainId, vouchers: chain.addresses.vouchers };
  const channels = createChannelBook({ chain, domain, operatorId, store, watch, onError });
  const claiming = createClaiming({
    ...{ chain, relayer, operatorId, exitSeconds, claims: store.claims },
    ...told(options),
  });
  const limits = Object.fromEntries(Object.entries(config.anchoring).filter(([, value]) => value !== undefined));
  const anchoring = createAnchoring({ ...options, claiming, limits, latest: watch.latest });
  const answering = createAnswering(options);
  const all = [channels, claiming, anchoring, answering];
  const onBlock = (head: Head) => {
    for (const each of all) each.onBlock(head);
  };
  const stopListening = watch.onBlock(onBlock);
  if (watch.latest().number < 0n) await watch.nextBlock();
  onBlock(watch.latest());
  return {
    channels,
    async flush() {
      const left = await anchoring.flush();
      await claiming.flush().catch(onError);
      return left;
    },
    async stop() {
      stopListening();
      await Promise.all(all.map((each) => each.stop()));
    },
  };
}

const told = ({ onEvent, onError }: ChainWorkOptions) => ({ onEvent, onError });
