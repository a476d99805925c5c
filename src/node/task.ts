import type { Hex } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import type { FetchUri } from "../fetch/fetchUri.ts";
import { createTurns, type Turns } from "../fetch/turns.ts";
import type { Relayer } from "../relayer/relayer.ts";
import type { ModelShelf } from "./models.ts";
import type { ChainHead } from "./watch.ts";

/** Which jobs a node leaves to others, because what they cost it in gas isn't worth their fee. */
export type NodePolicy = {
  /** OPG base units. */
  minFee: bigint;
  /** Whoever settles pays for the consumer's callback. */
  maxConsumerGas: number;
};

/**
 * How much is done at a time, whoever asks for how much: draws read from the chain, inputs fetched and held in memory,
 * models run. Reveals wait for none of it.
 */
export type NodeTurns = { drawing: Turns; fetching: Turns; running: Turns };

const MAX_DRAWING = 16;
const MAX_FETCHING = 4;
const MAX_RUNNING = 4;

export function createNodeTurns(): NodeTurns {
  return {
    drawing: createTurns(MAX_DRAWING, Infinity),
    fetching: createTurns(MAX_FETCHING, Infinity),
    running: createTurns(MAX_RUNNING, Infinity),
  };
}

/** What a node is made of; everything a step may use. */
export type NodeContext = {
  chain: SigningChain;
  relayer: Relayer;
  head: ChainHead;
  models: ModelShelf;
  /** For inputs; what a payer names isn't trusted. */
  fetchUri: FetchUri;
  turns: NodeTurns;
  /** Aborted when the node stops. */
  signal: AbortSignal;
  operatorId: number;
  policy: NodePolicy;
  /** 32 bytes that never leave the node; salts are derived from it. */
  secret: Hex;
  report: (event: NodeEvent) => void;
};

/** One step of one job, for logs. */
export type NodeEvent = { jobId: Hex; operatorId: number } & (
  | { step: "resumed"; stage: string }
  | { step: "accepted"; wideningStep: number }
  | { step: "declined"; reason: string }
  | { step: "inferred"; resultHash: Hex; durationMs: number }
  | {
      step: "committed" | "revealed" | "settled" /** Null when it had happened without our hearing of it. */;
      transactionHash: Hex | null;
    }
  | { step: "retrying"; reason: string }
  | { step: "ended"; how: string }
  | { step: "failed"; reason: string }
);
