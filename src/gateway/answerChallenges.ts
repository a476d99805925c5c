import type { Hex } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import { toProtocolError } from "../chain/contractErrors.ts";
import { challengeOf, encodeAnswerOmission, type LogTerms } from "../chain/receiptLog.ts";
import { type ReceiptLogEvent, receiptLogEvents } from "../chain/receiptLogEvents.ts";
import type { Inclusion } from "../protocol/batch.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import type { Relayer } from "../relayer/relayer.ts";
import type { Store } from "../store/store.ts";
import { createBlockSteps } from "./blockSteps.ts";
import type { Head } from "./chainWatch.ts";
import { createLogFollower } from "./followLogs.ts";

/** Why a challenge can't be answered: the operator will be slashed. */
export type UnanswerableReason =
  /** The store has no such receipt: it was restored from an old copy, or somebody else signs with this key. */
  | "unknown-receipt"
  /** It was anchored after its time. */
  | "anchored-too-late"
  /** It wasn't anchored when the time to answer ended. */
  | "not-anchored";

export type ChallengeEvent = { receiptId: Hex } & (
  | { kind: "challenged" }
  | { kind: "answered"; transactionHash: Hex }
  | { kind: "unanswerable"; reason: UnanswerableReason }
);

export type AnsweringOptions = {
  /** Signs with any account that pays for gas. */
  chain: SigningChain;
  relayer: Relayer;
  store: Pick<Store, "batches" | "logCursors">;
  operatorId: number;
  terms: Pick<LogTerms, "anchorSeconds">;
  onEvent?: (event: ChallengeEvent) => void;
  onError: (error: unknown) => void;
};

/** Answers challenges of receipts that are anchored, those of an earlier life too. */
export type Answering = { onBlock(head: Head): void; stop(): Promise<void> };

type OpenChallenge = { receiptId: Hex; blockNumber: bigint; told: string };

const READER = "challenges";
const ANSWERS_AT_A_TIME = 8;

export function createAnswering(options: AnsweringOptions): Answering {
  const { chain, relayer, store, operatorId, terms, onEvent = () => {}, onError } = options;
  const open = new Map<Hex, OpenChallenge>();
  /** Of this life: a log that overlaps tells of them again. */
  const done = new Map<Hex, bigint>();
  const log = createLogFollower({
    cursors: store.logCursors,
    reader: READER,
    firstBlock: () => BigInt(chain.addresses.deployedAtBlock),
    read: async (range) => {
      for (const event of await receiptLogEvents(chain, { ...range, operatorId })) note(event);
      forgetBefore(range.fromBlock);
    },
    // What isn't over is found again by the next life.
    keepFrom: () => [...open.values()][0]?.blockNumber,
  });
  const steps = createBlockSteps(step, onError);

  function note(event: ReceiptLogEvent): void {
    if (event.kind !== "challenged") return;
    const { receiptId, place } = event;
    if (open.has(receiptId) || done.has(receiptId)) return;
    open.set(receiptId, { receiptId, blockNumber: place.blockNumber, told: "" });
    onEvent({ receiptId, kind: "challenged" });
  }

  function forgetBefore(block: bigint): void {
    for (const [receiptId, at] of done) if (at < block) done.delete(receiptId);
  }

  async function step(head: Head): Promise<void> {
    // An RPC that refuses the log keeps no known challenge from its answer.
    await log.readUntil(head).catch(onError);
    const waiting = [...open.values()];
    for (let at = 0; at < waiting.length; at += ANSWERS_AT_A_TIME) {
      await Promise.all(waiting.slice(at, at + ANSWERS_AT_A_TIME).map((challenge) => handle(challenge, head)));
    }
  }

  async function handle(challenge: OpenChallenge, head: Head): Promise<void> {
    const { receiptId, blockNumber } = challenge;
    try {
      const ending = await answer(receiptId, head);
      if (ending === "waits") return;
      open.delete(receiptId);
      done.set(receiptId, blockNumber);
      if (ending !== "over") onEvent(ending);
    } catch (error) {
      const reason = toProtocolError(error).message;
      if (reason !== challenge.told) onError(error);
      challenge.told = reason;
    }
  }

  async function answer(receiptId: Hex, { timestamp }: Head): Promise<ChallengeEvent | "over" | "waits"> {
    const { status, answerBy } = await challengeOf(chain, operatorId, receiptId);
    if (status === "none") return "waits"; // an RPC that knows the event and not yet the state
    if (status !== "open") return "over";
    const unanswerable = (reason: UnanswerableReason) => ({ receiptId, kind: "unanswerable", reason }) as const;
    const issued = await store.batches.receipt(receiptId);
    if (issued === undefined) return unanswerable("unknown-receipt");
    const { signed, inclusion, anchoredAt } = issued;
    if (inclusion === undefined || anchoredAt === undefined) {
      // It may have been mined in time without our knowing yet: anchoring finds that out first.
      return timestamp > answerBy ? unanswerable("not-anchored") : "waits";
    }
    if (anchoredAt > signed.receipt.issuedAt + terms.anchorSeconds) return unanswerable("anchored-too-late");
    return { receiptId, kind: "answered", transactionHash: await send(receiptId, signed, inclusion) };
  }

  async function send(receiptId: Hex, { receipt }: SignedReceipt, inclusion: Inclusion): Promise<Hex> {
    const call = encodeAnswerOmission(chain.addresses, receipt, inclusion);
    return (await relayer.submit(`answer ${receiptId}`, call)).transactionHash;
  }

  return { onBlock: steps.onBlock, stop: steps.stop };
}
