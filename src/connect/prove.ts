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
import { parseReceipt } from "../protocol/receiptJson.ts";
import type { Relayer } from "../relayer/relayer.ts";
import { anchoringTime } from "../sdk/verifyReceipt.ts";
import type { PaidCall, PaidCallTable, ProofState } from "../store/paidCalls.ts";
import type { GatewayHttp } from "./gatewayHttp.ts";
import type { Operators } from "./operators.ts";
import type { Step } from "./steps.ts";

export type ProverOptions = {
  chain: SigningChain;
  relayer: Relayer;
  paid: PaidCallTable;
  http: GatewayHttp;
  operators: Pick<Operators, "urlOf">;
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
const PARALLEL = 8;
const MAX_PROOF_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;

/** Sees that receipts are in batches on chain: asks for each one's inclusion, proves it, and challenges what has none in time. */
export function createProver(options: ProverOptions): () => Promise<Proofs> {
  const { chain, paid, step, onError } = options;
  const anchoredAt = ({ receipt, receiptId }: Receipt, inclusion: Inclusion) =>
    anchoringTime(chain, receipt, receiptId, inclusion);

  async function prove(call: PaidCall, receipt: Receipt, now: number): Promise<ProofState> {
    const inclusion = await inclusionOf(options, call, receipt).catch((error: unknown) => void onError(error));
    if (inclusion !== undefined && (await anchoredAt(receipt, inclusion)) !== undefined) {
      await paid.setProof(receipt.receiptId, "proven", inclusion);
      await step("proven");
      return "proven";
    }
    const state = await challengeIfDue(options, receipt, now);
    if (state !== receipt.proof) {
      await paid.setProof(receipt.receiptId, state);
      if (state === "challenged") await step("challenged");
    }
    return state;
  }

  return async () => {
    const proofs: Proofs = { waiting: 0, proven: 0, missing: 0, challenged: 0, upheld: 0 };
    const now = await chainTime(chain);
    const left = await paid.inProof(STATES, MOST_AT_A_TIME);
    async function work(): Promise<void> {
      for (let call = left.shift(); call !== undefined; call = left.shift()) {
        const { receipt } = call;
        if (receipt === undefined) continue;
        const state = await prove(call, receipt, now).catch((error: unknown) => {
          onError(error);
          return receipt.proof;
        });
        proofs[state] += 1;
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return proofs;
  };
}

/** What the operator shows; undefined: nothing yet. */
async function inclusionOf(
  { http, operators }: ProverOptions,
  { operatorId }: PaidCall,
  { receiptId }: Receipt,
): Promise<Inclusion | undefined> {
  const url = operators.urlOf(operatorId);
  if (url === undefined) return undefined;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await http.request(`${url}/v1/receipts/${receiptId}/proof`, { method: "GET", signal });
  const bytes = await http.readAll(answer, MAX_PROOF_BYTES);
  return answer.status === 200 ? parseReceipt(new TextDecoder().decode(bytes)).inclusion : undefined;
}

/** Where a receipt without an inclusion stands, once all is done that can be. */
async function challengeIfDue(options: ProverOptions, signed: Receipt, now: number): Promise<ProofState> {
  const { chain, relayer, terms } = options;
  const { receipt, receiptId, proof } = signed;
  const dueAt = receipt.issuedAt + terms.anchorSeconds;
  if (now <= dueAt) return "waiting";
  const { status, answerBy } = await challengeOf(chain, receipt.operatorId, receiptId);
  if (status === "answered") return "proven";
  if (status === "upheld") return "upheld";
  if (status === "open") {
    if (now <= answerBy) return "challenged";
    await relayer.submit(`uphold ${receiptId}`, encodeUpholdOmission(chain.addresses, receipt.operatorId, receiptId));
    return "upheld";
  }
  if (!options.challenge || now > dueAt + terms.challengeSeconds) return proof === "challenged" ? proof : "missing";
  await challenge(options, signed);
  return "challenged";
}

async function challenge({ chain, relayer }: ProverOptions, { receipt, signature, receiptId }: Receipt): Promise<void> {
  const { addresses, account } = chain;
  const bond = await challengeBond(chain);
  const allowance = await tokenAllowanceOf(chain, account.address, addresses.receipts);
  if (allowance < bond) {
    const purpose = `approve ${allowance} for challenge ${receiptId}`;
    await relayer.submit(purpose, encodeApprove(addresses, addresses.receipts, bond * BONDS_AT_A_TIME));
  }
  await relayer.submit(`challenge ${receiptId}`, encodeChallengeOmission(addresses, { receipt, signature }));
}

/** Several challenges under way must not use up each other's allowance. */
const BONDS_AT_A_TIME = BigInt(PARALLEL) * 2n;
