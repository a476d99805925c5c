import type { Hex } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import { encodeAnchor, type LogTerms } from "../chain/receiptLog.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Relayer } from "../relayer/relayer.ts";
import type { PlannedBatch } from "../store/batches.ts";
import type { Store } from "../store/store.ts";
import { createBlockSteps } from "./blockSteps.ts";
import type { Head } from "./chainWatch.ts";
import type { Claiming } from "./claim.ts";
import { findAnchoring, lastAnchoringAt } from "./findAnchoring.ts";
import type { Publish } from "./publish.ts";

/** When a batch is made, and of how many receipts. */
export type AnchorLimits = {
  /** So many waiting receipts are enough for a batch; 4,096 unless told. */
  enoughReceipts: number;
  /** A batch takes so many, unless more would be late otherwise; 65,536 unless told. */
  maxReceipts: number;
  /** The oldest waits so long at most; a quarter of `anchorSeconds` unless told, and less where that would be too late. */
  waitSeconds: number;
};

export type AnchorEvent = { batchId: bigint; root: Hex; count: number } & (
  | { kind: "planned" }
  /** The operator's signer has anchored something else just before: it is tried again. */
  | { kind: "postponed" }
  | {
      kind: "anchored";
      number: number;
      anchoredAt: number /** Its oldest receipt should have been earlier. */;
      isLate: boolean;
      transactionHash: Hex;
    }
);

export type AnchoringOptions = {
  /** Signs as the operator's signer. */
  chain: SigningChain;
  relayer: Relayer;
  store: Pick<Store, "batches" | "outbox">;
  claiming: Pick<Claiming, "forAnchoring">;
  operatorId: number;
  terms: Pick<LogTerms, "anchorSeconds">;
  /** `ANCHOR_INTERVAL_SECONDS`. */
  intervalSeconds: number;
  limits?: Partial<AnchorLimits>;
  publish: Publish;
  /** The newest block. */
  latest: () => Head;
  onEvent?: (event: AnchorEvent) => void;
  onError: (error: unknown) => void;
};

/** Puts every receipt that was issued into a batch and the batch on chain, in time. */
export type Anchoring = {
  onBlock(head: Head): void;
  /**
   * Anchors what waits, due or not, as far as the interval lets: for a gateway that stops. It waits until that is mined.
   * @returns how many receipts are left
   */
  flush(): Promise<number>;
  /** Begins nothing any more; what is under way ends when the relayer's blocks do. */
  stop(): Promise<void>;
};

const ENOUGH_RECEIPTS = 4_096;
const MAX_RECEIPTS = 65_536;

/**
 * No order of crash and resend leaves a receipt out: a batch is written down with its receipts before anything is sent,
 * there is one at a time, and the next is made when its anchoring was found on chain and written down too.
 */
export function createAnchoring(options: AnchoringOptions): Anchoring {
  const { chain, relayer, store, claiming, operatorId, intervalSeconds, publish, latest } = options;
  const { onEvent = () => {}, onError } = options;
  const { batches, outbox } = store;
  const { anchorSeconds } = options.terms;
  /** For the transaction to be mined. */
  const marginSeconds = anchorSeconds / 8;
  const {
    enoughReceipts = ENOUGH_RECEIPTS,
    maxReceipts = MAX_RECEIPTS,
    waitSeconds = anchorSeconds / 4,
  } = options.limits ?? {};
  // A receipt may come just after an anchoring, and then has to wait for the interval.
  const longestWait = Math.max(0, Math.min(waitSeconds, anchorSeconds - intervalSeconds - marginSeconds));
  const steps = createBlockSteps((head) => step(head, isDue), onError);

  async function step(head: Head, isWanted: (head: Head) => Promise<boolean>): Promise<void> {
    for (const batch of await batches.planned()) {
      if (!(await carry(batch, head))) return;
    }
    if (!(await isWanted(head)) || !(await isOpen(head))) return;
    const batch = await plan(head);
    if (batch !== undefined) await carry(batch, head);
  }

  async function isDue({ timestamp }: Head): Promise<boolean> {
    const { count, oldestAt } = await batches.unbatched();
    return count >= enoughReceipts || (oldestAt !== undefined && timestamp >= oldestAt + longestWait);
  }

  async function isOpen({ timestamp }: Head): Promise<boolean> {
    return timestamp >= (await lastAnchoringAt(chain, operatorId)) + intervalSeconds;
  }

  async function plan({ timestamp }: Head): Promise<PlannedBatch | undefined> {
    // The next batch comes an interval later: what would be late with it goes with this one.
    const mustGoUntil = Math.floor(timestamp + intervalSeconds + marginSeconds - anchorSeconds);
    const vouchers = await vouchersToTake();
    const batch = await batches.plan({ atMost: maxReceipts, mustGoUntil, vouchers });
    if (batch !== undefined) tell(batch, { kind: "planned" });
    return batch;
  }

  /** Receipts don't wait for vouchers. */
  async function vouchersToTake(): Promise<Hex> {
    try {
      return await claiming.forAnchoring();
    } catch (error) {
      onError(error);
      return "0x";
    }
  }

  /** @returns whether it is anchored, and known to be */
  async function carry(batch: PlannedBatch, head: Head): Promise<boolean> {
    const uri = batch.uri ?? (await publishData(batch, head));
    if (uri === undefined) return false;
    const purpose = `anchor ${batch.id}`;
    const sent = await outbox.find(purpose);
    const isSent = sent?.status === "pending" || sent?.status === "mined";
    if (!isSent && !(await isOpen(head))) return false;
    try {
      const call = encodeAnchor(chain.addresses, operatorId, batch, batch.vouchers, uri);
      const { transactionHash } = await relayer.submit(purpose, call);
      await record(batch, transactionHash);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "contract/AnchoredTooSoon") throw error;
      tell(batch, { kind: "postponed" });
      return false;
    }
  }

  async function record(batch: PlannedBatch, transactionHash: Hex): Promise<void> {
    const found = await findAnchoring(chain, operatorId, batch, transactionHash);
    await batches.anchored(batch.id, found);
    const { number, anchoredAt } = found;
    const isLate = anchoredAt > batch.oldestAt + anchorSeconds;
    tell(batch, { kind: "anchored", number, anchoredAt, isLate, transactionHash });
  }

  /** @returns undefined while there is time to try again; after that, the gateway serves the data */
  async function publishData({ id, root, oldestAt }: PlannedBatch, { timestamp }: Head): Promise<string | undefined> {
    const bytes = await batches.data(root);
    const uri = await publish({ root, bytes: bytes ?? new Uint8Array() }).catch((error: unknown) => {
      onError(error);
      return timestamp < oldestAt + anchorSeconds / 2 ? undefined : "";
    });
    if (uri !== undefined) await batches.published(id, uri);
    return uri;
  }

  function tell(
    { id, root, count }: PlannedBatch,
    event: DistributiveOmit<AnchorEvent, "batchId" | "root" | "count">,
  ): void {
    onEvent({ batchId: id, root, count, ...event });
  }

  return {
    onBlock: steps.onBlock,
    async flush() {
      await steps.inTurn(() => step(latest(), async () => true));
      const waiting = await batches.planned();
      return waiting.reduce((sum, { count }) => sum + count, (await batches.unbatched()).count);
    },
    stop: steps.stop,
  };
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
