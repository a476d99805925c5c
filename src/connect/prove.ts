import type { Hex } from "viem";
import { chainTime, type SigningChain } from "../chain/clients.ts";
import {
  challengeBond,
  challengeOf,
  encodeChallengeOmission,
  encodeUpholdOmission,
  type LogTerms,
} from "../chain/receiptLog.ts";
import { encodeApprove, tokenAllowanceOf } from "../chain/token.ts";
import type { Inclusion } from "../protocol/batch.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { parseReceipt } from "../protocol/receiptJson.ts";
import type { Relayer } from "../relayer/relayer.ts";
import { anchoredBatches, anchoringTime } from "../sdk/verifyReceipt.ts";
import type { PaidCall, PaidCallTable, ProofState } from "../store/paidCalls.ts";
import type { GatewayHttp } from "./gatewayHttp.ts";
import type { Operators } from "./operators.ts";
import type { Reputation } from "./reputation.ts";
import type { Step } from "./steps.ts";

export type ProverOptions = {
  chain: SigningChain;
  relayer: Relayer;
  paid: PaidCallTable;
  http: GatewayHttp;
  operators: Pick<Operators, "urlOf">;
  reputation: Pick<Reputation, "shun" | "shunnedFor">;
  terms: LogTerms;
  /** Whether what isn't anchored in time is challenged on chain, for a bond. */
  challenge: boolean;
  step: Step;
  onError: (error: unknown) => void;
};

/** How many receipts went into each state. */
export type Proofs = Record<ProofState, number>;

type Receipt = NonNullable<PaidCall["receipt"]>;

const STATES = ["waiting", "missing", "challenged"] as const;
const MOST_AT_A_TIME = 1_000;
/** Older than so many windows to anchor and challenge in, a receipt isn't looked for any more. */
const MOST_WINDOWS = 16;
const PARALLEL_OF_OPERATOR = 4;
const MAX_PROOF_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;

/** What a round of proofs has found out so far. */
type Round = {
  /** The chain's, unix seconds. */
  now: number;
  /** By operator, the one receipt of it that is challenged. */
  challenged: Map<number, Hex>;
  /** Operators that don't answer; the others aren't kept waiting for them. */
  unreachable: Set<number>;
  /** An operator's batches from the log, which is read once: whoever shows what isn't in the ring makes it be read. */
  batchesOf: typeof anchoredBatches;
};

/**
 * Sees that receipts are in batches on chain: asks for each one's inclusion, proves it, and challenges what has none in time,
 * one receipt of an operator after another.
 */
export function createProver(options: ProverOptions): () => Promise<Proofs> {
  const { chain, paid, terms, step, onError } = options;
  const anchoredAt = ({ receipt, receiptId }: Receipt, inclusion: Inclusion, { batchesOf }: Round) =>
    anchoringTime(chain, receipt, receiptId, inclusion, batchesOf);

  async function shown(call: PaidCall, receipt: Receipt, { unreachable }: Round): Promise<Inclusion | undefined> {
    const url = options.operators.urlOf(call.operatorId);
    if (url === undefined) unreachable.add(call.operatorId);
    if (url === undefined || unreachable.has(call.operatorId)) return undefined;
    try {
      return await inclusionOf(options, url, receipt);
    } catch (error) {
      unreachable.add(call.operatorId);
      onError(error);
      return undefined;
    }
  }

  async function prove(call: PaidCall, receipt: Receipt, round: Round): Promise<ProofState> {
    const inclusion = await shown(call, receipt, round);
    if (inclusion !== undefined && (await anchoredAt(receipt, inclusion, round)) !== undefined) {
      await paid.setProof(receipt.receiptId, "proven", inclusion);
      if (round.challenged.get(call.operatorId) === receipt.receiptId) round.challenged.delete(call.operatorId);
      await step("proven");
      return "proven";
    }
    const state = await challengeIfDue(options, receipt, round);
    if (state !== receipt.proof) {
      await paid.setProof(receipt.receiptId, state);
      if (state === "challenged") await step("challenged");
    }
    if (state === "missing") await postponeIfLate(receipt, round);
    return state;
  }

  /**
   * Too late to challenge, it may be anchored all the same, by an operator that was away: it is looked for again each time it has
   * become a quarter older, some dozen times; while the operator is still away, once in a window.
   */
  async function postponeIfLate({ receipt, receiptId }: Receipt, { now, unreachable }: Round): Promise<void> {
    const window = terms.anchorSeconds + terms.challengeSeconds;
    const age = now - receipt.issuedAt;
    if (age <= window) return;
    if (unreachable.has(receipt.operatorId)) return await paid.postponeProof(receiptId, now + window);
    await paid.postponeProof(receiptId, age > MOST_WINDOWS * window ? undefined : now + Math.ceil(age / 4));
  }

  /** What fails is tried again, if it is too late to challenge as seldom as what is missing. */
  async function proveOrTell(call: PaidCall, receipt: Receipt, round: Round): Promise<ProofState> {
    try {
      return await prove(call, receipt, round);
    } catch (error) {
      onError(error);
      if (receipt.proof !== "challenged") await postponeIfLate(receipt, round);
      return receipt.proof;
    }
  }

  /** A slow operator keeps nobody else waiting. */
  async function proveAll(calls: readonly PaidCall[], proofs: Proofs, round: Round): Promise<void> {
    async function work(ofOperator: PaidCall[]): Promise<void> {
      for (let call = ofOperator.shift(); call !== undefined; call = ofOperator.shift()) {
        if (call.receipt !== undefined) proofs[await proveOrTell(call, call.receipt, round)] += 1;
      }
    }
    const workers = [...Map.groupBy(calls, ({ operatorId }) => operatorId).values()].flatMap((ofOperator) =>
      Array.from({ length: PARALLEL_OF_OPERATOR }, () => work(ofOperator)),
    );
    await Promise.all(workers);
  }

  return async () => {
    const proofs: Proofs = { waiting: 0, proven: 0, missing: 0, challenged: 0, upheld: 0 };
    const round: Round = {
      ...{ now: await chainTime(chain), challenged: new Map(), unreachable: new Set() },
      batchesOf: rememberingBatches(),
    };
    const page = { now: round.now, limit: MOST_AT_A_TIME };
    for (const { operatorId, receipt } of await paid.inProof(["challenged"], page)) {
      if (receipt !== undefined) round.challenged.set(operatorId, receipt.receiptId);
    }
    for (let after: Hex | undefined; ; ) {
      const calls = await paid.inProof(STATES, { ...page, after });
      after = calls.at(-1)?.requestHash;
      if (after === undefined) return proofs;
      await proveAll(calls, proofs, round);
    }
  };
}

function rememberingBatches(): typeof anchoredBatches {
  const known = new Map<number, ReturnType<typeof anchoredBatches>>();
  return (chain, operatorId) => {
    const batches = known.get(operatorId) ?? anchoredBatches(chain, operatorId);
    known.set(operatorId, batches);
    return batches;
  };
}

/** What the operator shows; undefined: nothing yet. */
async function inclusionOf(
  { http }: ProverOptions,
  url: string,
  { receiptId }: Receipt,
): Promise<Inclusion | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await http.request(`${url}/v1/receipts/${receiptId}/proof`, { method: "GET", signal });
  const bytes = await answer.readAll(MAX_PROOF_BYTES);
  return answer.status === 200 ? parseReceipt(new TextDecoder().decode(bytes)).inclusion : undefined;
}

/** Where a receipt without an inclusion stands, once all is done that can be. */
async function challengeIfDue(options: ProverOptions, signed: Receipt, round: Round): Promise<ProofState> {
  const { chain, relayer, terms, reputation } = options;
  const { receipt, receiptId, proof } = signed;
  const { operatorId } = receipt;
  const { now, challenged } = round;
  const dueAt = receipt.issuedAt + terms.anchorSeconds;
  if (now <= dueAt) return "waiting";
  const isOver = now > dueAt + terms.challengeSeconds;
  if (isOver && proof !== "challenged") return "missing";
  const { status, answerBy } = await challengeOf(chain, operatorId, receiptId);
  if (status === "open" && now <= answerBy) return "challenged";
  if (status === "open") {
    await relayer.submit(`uphold ${receiptId}`, encodeUpholdOmission(chain.addresses, operatorId, receiptId));
  }
  const isMine = challenged.get(operatorId) === receiptId;
  if (isMine && (status !== "none" || isOver)) challenged.delete(operatorId);
  if (status === "open" || status === "upheld") return "upheld";
  if (status === "answered") {
    // Anchored, not shown, and the bond taken: once is enough.
    if (proof === "challenged") await reputation.shun(operatorId, KEPT_BACK);
    return "proven";
  }
  if (isOver || !options.challenge || reputation.shunnedFor(operatorId) === KEPT_BACK) return "missing";
  if (challenged.has(operatorId) && !isMine) return "missing";
  challenged.set(operatorId, receiptId);
  await challenge(options, signed, round);
  return "challenged";
}

/** Written down first: after a crash it is still the only one of its operator. */
async function challenge(
  { chain, relayer, paid }: ProverOptions,
  { receipt, signature, receiptId }: Receipt,
  { challenged }: Round,
): Promise<void> {
  const { addresses, account } = chain;
  await paid.setProof(receiptId, "challenged");
  try {
    const bond = await challengeBond(chain);
    const allowance = await tokenAllowanceOf(chain, account.address, addresses.receipts);
    if (allowance < bond) {
      const purpose = `approve ${allowance} for challenge ${receiptId}`;
      await relayer.submit(purpose, encodeApprove(addresses, addresses.receipts, bond * BONDS_AT_A_TIME));
    }
    await relayer.submit(`challenge ${receiptId}`, encodeChallengeOmission(addresses, { receipt, signature }));
  } catch (error) {
    const isRefused = error instanceof ProtocolError && error.code.startsWith("contract/");
    if (isRefused) {
      await paid.setProof(receiptId, "missing");
      challenged.delete(receipt.operatorId);
    }
    throw error;
  }
}

/** Why an operator isn't challenged again, nor asked: its answer on chain costs the bond. */
const KEPT_BACK = "receipt/kept-back";

/** Several challenges under way must not use up each other's allowance. */
const BONDS_AT_A_TIME = 16n;
