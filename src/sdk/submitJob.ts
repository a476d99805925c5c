import { type Address, type Hex, isAddress, type TransactionReceipt, zeroAddress, zeroHash } from "viem";
import { type Chain, signing } from "../chain/clients.ts";
import { rethrow } from "../chain/contractErrors.ts";
import { encodeOpen, MAX_CONSUMER_GAS } from "../chain/escrow.ts";
import { publisherOf } from "../chain/models.ts";
import { sendCall } from "../chain/sendCall.ts";
import { packTerms } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Job, jobIdOf } from "../protocol/job.ts";
import { type Manifest, manifestHash } from "../protocol/manifest.ts";
import { modelIdOf } from "../protocol/model.ts";
import { type FundingOptions, type FundingProgress, setFeeApart } from "./funds.ts";
import { type EncodedInput, encodeInput, type JobInput } from "./jobInput.ts";
import { type ReservedNonce, reserveKey, reserveNonce } from "./nonceKeys.ts";
import { type Quote, type QuoteOptions, quoteJob } from "./quoteJob.ts";

export type SubmitOptions = QuoteOptions &
  Omit<FundingOptions, "onProgress"> & {
    input: JobInput;
    /** When given, it must be the model's, and inline input must fit its tensors. */
    manifest?: Manifest;
    /** A contract to call back with the result. */
    consumer?: Address;
    /** Gas the callback gets; 200,000 unless told. */
    consumerGasLimit?: number;
    /** The nonce key to use; the lowest free one unless told. */
    key?: bigint;
    onProgress?: (progress: SubmitProgress) => void;
  };

export type SubmitProgress = FundingProgress | { stage: "opening"; jobId: Hex } | { stage: "opened"; jobId: Hex };

export type SubmittedJob = { jobId: Hex; job: Job; txReceipt: TransactionReceipt };

const CONSUMER_GAS = 200_000;
const MAX_ATTEMPTS = 4;

/** Refusals that only mean that somebody else, or an earlier job, was quicker with this key. */
const KEY_TAKEN = new Set(["contract/KeyBusy", "contract/KeyUnresolved", "contract/WrongSequence"]);

/**
 * Opens a job of the connection's account and waits until it is mined. Everything is checked before anything is sent;
 * what is missing from the escrow's balance is approved and deposited first. Several may be in flight at once.
 * @throws ProtocolError what `quoteJob`, `encodeInput` and `setFeeApart` throw, `sdk/manifest-mismatch`,
 * `sdk/zero-address`, `sdk/consumer-not-a-contract`, `sdk/consumer-gas-out-of-range`, `sdk/key-busy`,
 * `chain/no-account`, `contract/…`
 */
export async function submitJob(chain: Chain, options: SubmitOptions): Promise<SubmittedJob> {
  const payer = signing(chain).account.address;
  const input = encodeInput(options.input, options.manifest);
  const [quote, consumer] = await Promise.all([
    quoteJob(chain, options),
    checkConsumer(chain, options),
    checkManifest(chain, options),
  ]);
  const release = await setFeeApart(chain, payer, quote.fee, options);
  try {
    return await openUnderFreeKey(chain, { ...jobTerms(chain, payer, quote, input), ...consumer }, input, options);
  } finally {
    release();
  }
}

type Unnumbered = Omit<Job, "nonce">;

async function openUnderFreeKey(
  chain: Chain,
  terms: Unnumbered,
  input: EncodedInput,
  { key, onProgress }: SubmitOptions,
): Promise<SubmittedJob> {
  const unusable = new Set<bigint>();
  for (let attempt = 1; ; attempt++) {
    const reserved =
      key === undefined ? await reserveNonce(chain, terms.payer, unusable) : await reserveKey(chain, terms.payer, key);
    try {
      return await open(chain, terms, reserved, input, onProgress);
    } catch (error) {
      const isTaken = error instanceof ProtocolError && KEY_TAKEN.has(error.code);
      if (!isTaken || key !== undefined || attempt === MAX_ATTEMPTS) throw error;
      unusable.add(reserved.key);
    } finally {
      reserved.release();
    }
  }
}

async function open(
  chain: Chain,
  terms: Unnumbered,
  { nonce }: ReservedNonce,
  input: EncodedInput,
  onProgress: SubmitOptions["onProgress"],
): Promise<SubmittedJob> {
  const job = { ...terms, nonce };
  const jobId = jobIdOf(job, { chainId: chain.chainId, escrow: chain.addresses.escrow });
  onProgress?.({ stage: "opening", jobId });
  const txReceipt = await sendCall(chain, encodeOpen(chain.addresses, job, input.data));
  onProgress?.({ stage: "opened", jobId });
  return { jobId, job, txReceipt };
}

function jobTerms(chain: Chain, payer: Address, quote: Quote, input: EncodedInput): Unnumbered {
  return {
    payer,
    modelId: quote.modelId,
    inputHash: input.inputHash,
    inputUriHash: input.inputUriHash,
    verifier: chain.addresses.verifier,
    verifierData: packTerms(quote.terms),
    consumer: zeroAddress,
    consumerGasLimit: 0,
    fee: quote.fee,
    royaltyPpm: quote.model.royaltyPpm,
    protocolFeePpm: quote.protocolFeePpm,
    expiresAt: quote.expiresAt,
  };
}

async function checkConsumer(
  { publicClient }: Chain,
  { consumer, consumerGasLimit }: SubmitOptions,
): Promise<Pick<Job, "consumer" | "consumerGasLimit">> {
  if (consumer === undefined) {
    if (consumerGasLimit !== undefined && consumerGasLimit !== 0) throw gasOutOfRange(consumerGasLimit, 0);
    return { consumer: zeroAddress, consumerGasLimit: 0 };
  }
  if (!isAddress(consumer) || consumer === zeroAddress) {
    throw new ProtocolError(
      "sdk/zero-address",
      `got ${consumer} as the consumer, a contract's address is allowed: leave it out when there is none`,
    );
  }
  const gas = consumerGasLimit ?? CONSUMER_GAS;
  if (!Number.isInteger(gas) || gas < 0 || gas > MAX_CONSUMER_GAS) throw gasOutOfRange(gas, MAX_CONSUMER_GAS);
  const code = await publicClient.getCode({ address: consumer }).catch(rethrow);
  if (code === undefined || code === "0x") {
    throw new ProtocolError(
      "sdk/consumer-not-a-contract",
      `got ${consumer} as the consumer, which has no code on this chain: deploy it first or leave it out`,
    );
  }
  return { consumer, consumerGasLimit: gas };
}

function gasOutOfRange(got: number, limit: number): ProtocolError {
  return new ProtocolError(
    "sdk/consumer-gas-out-of-range",
    `consumerGasLimit is ${got}, whole numbers from 0 to ${limit} are allowed here: change it`,
  );
}

async function checkManifest(chain: Chain, { manifest, modelId }: SubmitOptions): Promise<void> {
  if (manifest === undefined) return;
  const publisher = await publisherOf(chain, modelId);
  if (publisher === zeroAddress) return; // unknown: the quote says so
  const got = modelIdOf({
    publisher,
    manifestHash: manifestHash(manifest),
    graphRoot: zeroHash,
    weightRoot: zeroHash,
    bitExact: manifest.bitExact,
    maxResultBytes: manifest.maxResultBytes,
  });
  if (got === modelId.toLowerCase()) return;
  throw new ProtocolError(
    "sdk/manifest-mismatch",
    `got the manifest of model ${got}, wanted that of ${modelId}: pass the manifest the model was published with`,
  );
}
