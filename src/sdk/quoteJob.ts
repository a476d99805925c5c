import { type Hex, zeroHash } from "viem";
import { type Chain, chainTime } from "../chain/clients.ts";
import { protocolFee } from "../chain/escrow.ts";
import { type ModelTerms, modelTermsOf } from "../chain/models.ts";
import { verifierParams } from "../chain/verifier.ts";
import { type CommitRevealTerms, STAKE_UNIT } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { formatOpg } from "../protocol/units.ts";
import { type ChosenTerms, checkExpiry, completeTerms, leastLifeSeconds } from "./terms.ts";

export type QuoteOptions = {
  modelId: Hex;
  terms?: ChosenTerms;
  /** OPG base units; the model's price unless told. */
  fee?: bigint;
  /** Most the fee may be when it follows the model's price, OPG base units; without a limit unless told. */
  maxFee?: bigint;
  /** What each seat locks, OPG base units; the least allowed unless told. */
  bond?: bigint;
  /** From the chain's time now; the shortest life and a minute unless told. */
  expiresInSeconds?: number;
};

/** What a job would cost and how long it could take, as the chain stands now. */
export type Quote = {
  modelId: Hex;
  model: ModelTerms;
  terms: CommitRevealTerms;
  /** OPG base units, all in. */
  fee: bigint;
  /** OPG base units, what each seat locks. */
  bond: bigint;
  protocolFeePpm: number;
  /** Unix seconds. */
  expiresAt: number;
};

/** Time for the opening transaction to be mined without the deadline coming too near. */
const INCLUSION_SECONDS = 60;

/**
 * Reads the model's, the protocol's and the verifier's terms and fits the wishes to them. Sends nothing.
 * @throws ProtocolError `sdk/unknown-model`, `sdk/model-retired`, `sdk/model-not-bit-exact`, `sdk/jobs-paused`
 * (retryable), `sdk/fee-below-price`, `sdk/fee-above-limit`, and what `completeTerms` and `checkExpiry` throw
 */
export async function quoteJob(chain: Chain, options: QuoteOptions): Promise<Quote> {
  const { modelId, terms: chosen = {}, bond } = options;
  const [model, protocol, params, now] = await Promise.all([
    modelTermsOf(chain, modelId),
    protocolFee(chain),
    verifierParams(chain),
    chainTime(chain),
  ]);
  checkModel(modelId, model);
  if (protocol.isPaused) {
    throw new ProtocolError("sdk/jobs-paused", "new jobs are stopped, open ones end as usual: try again later", {
      isRetryable: true,
    });
  }
  const fee = options.fee ?? model.price;
  if (fee < model.price) {
    throw new ProtocolError(
      "sdk/fee-below-price",
      `the fee is ${formatOpg(fee)} OPG, the model's price is ${formatOpg(model.price)}: raise it or leave it out`,
    );
  }
  if (options.maxFee !== undefined && fee > options.maxFee) {
    throw new ProtocolError(
      "sdk/fee-above-limit",
      `the fee is ${formatOpg(fee)} OPG, at most ${formatOpg(options.maxFee)} are to be spent: raise maxFee or choose another model`,
    );
  }
  const { maxResultBytes } = model;
  const terms = completeTerms({ chosen, fee, maxResultBytes, params, ...(bond !== undefined && { bond }) });
  const expiresAt = now + (options.expiresInSeconds ?? leastLifeSeconds(terms) + INCLUSION_SECONDS);
  checkExpiry(terms, expiresAt, now);
  return {
    modelId,
    model,
    terms,
    fee,
    bond: terms.bondUnits * STAKE_UNIT,
    protocolFeePpm: protocol.protocolFeePpm,
    expiresAt,
  };
}

function checkModel(modelId: Hex, model: ModelTerms): void {
  if (!model.published || modelId === zeroHash) {
    throw new ProtocolError(
      "sdk/unknown-model",
      `got model ${modelId}, which nobody published on this chain: publish it or use a published one's id`,
    );
  }
  if (model.retired) {
    throw new ProtocolError("sdk/model-retired", `got model ${modelId}, which its publisher retired: use another one`);
  }
  if (!model.bitExact) {
    throw new ProtocolError(
      "sdk/model-not-bit-exact",
      `got model ${modelId}, whose results differ between machines, so hashes can't be compared: use a bit-exact one`,
    );
  }
}
