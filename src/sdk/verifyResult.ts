import { type Hex, hexToBytes, keccak256 } from "viem";
import type { Chain } from "../chain/clients.ts";
import { resultOf } from "../chain/escrow.ts";
import { type JobEnded, type JobOpened, jobsEnded, jobsOpened } from "../chain/jobEvents.ts";
import { type ModelPublished, modelsPublished } from "../chain/models.ts";
import { type Job, jobIdOf } from "../protocol/job.ts";
import { type Manifest, manifestHash } from "../protocol/manifest.ts";
import { modelIdOf } from "../protocol/model.ts";

export type VerifyOptions = {
  /** A job or its id. */
  job: Job | Hex;
  input: Uint8Array;
  /** The model file. */
  artefact: Uint8Array;
  manifest: Manifest;
  /** Runs the model of `artefact` on this machine. */
  runModel: (input: Uint8Array) => Promise<Uint8Array>;
  /** The first block to look at for the job; the network's first unless told. */
  fromBlock?: bigint;
};

/** Where the settled hash was read: the contract's storage, or the event log when the job's key has been used again. */
export type ResultSource = "contract" | "log";

export type Verification =
  | { ok: true; jobId: Hex; resultHash: Hex; result: Uint8Array; source: ResultSource }
  | { ok: false; jobId: Hex; differs: Difference /** One line: what was found, what was expected. */; reason: string };

/** What doesn't agree. */
export type Difference =
  | "job"
  | "input"
  | "model"
  | "manifest"
  | "artefact"
  | "status"
  | "settled-result"
  | "local-result";

type Finding = { differs: Difference; reason: string } | undefined;

/**
 * Recomputes everything a settled job says, from the chain's log, the model file and the model's run on this machine:
 * the jobId from the job, the input's hash, the model's identity from its publication, manifest and artefact, and the
 * result itself, which is compared with the settled one byte for byte. Needs nobody's permission and trusts only the RPC.
 * @throws ProtocolError only when the chain can't be read; whatever `runModel` throws
 */
export async function verifyResult(chain: Chain, options: VerifyOptions): Promise<Verification> {
  const { job, fromBlock = BigInt(chain.addresses.deployedAtBlock) } = options;
  const jobId = typeof job === "string" ? (job.toLowerCase() as Hex) : jobIdOf(job, domainOf(chain));
  const [[opened], ended] = await Promise.all([
    jobsOpened(chain, { jobId, fromBlock, toBlock: "latest" }),
    jobsEnded(chain, { jobId, fromBlock, toBlock: "latest" }),
  ]);
  const refuse = (finding: NonNullable<Finding>): Verification => ({ ok: false, jobId, ...finding });
  if (opened === undefined)
    return refuse({ differs: "job", reason: `no job ${jobId} was opened since block ${fromBlock}` });
  const given = checkJob(chain, jobId, opened) ?? checkInput(opened, options.input);
  if (given !== undefined) return refuse(given);

  const wrongModel = await checkModel(chain, opened.job.modelId, options);
  if (wrongModel !== undefined) return refuse(wrongModel);

  const end = ended.at(-1);
  const settled = await checkSettled(chain, opened.job, end);
  if ("differs" in settled) return refuse(settled);
  const { result, resultHash, source } = settled;

  const local = await options.runModel(options.input);
  const localHash = keccak256(local);
  if (localHash !== resultHash) {
    return refuse({
      differs: "local-result",
      reason: `the model gives ${local.length} bytes of hash ${localHash} here, settled are ${result.length} of ${resultHash}`,
    });
  }
  return { ok: true, jobId, resultHash, result, source };
}

function checkJob(chain: Chain, jobId: Hex, { job }: JobOpened): Finding {
  const recomputed = jobIdOf(job, domainOf(chain));
  if (recomputed === jobId) return undefined;
  return { differs: "job", reason: `the job in the log hashes to ${recomputed}, its event says ${jobId}` };
}

function checkInput({ job }: JobOpened, input: Uint8Array): Finding {
  const got = keccak256(input);
  if (got === job.inputHash) return undefined;
  return { differs: "input", reason: `the input hashes to ${got}, the job's to ${job.inputHash}` };
}

async function checkModel(chain: Chain, modelId: Hex, { manifest, artefact }: VerifyOptions): Promise<Finding> {
  const fromBlock = BigInt(chain.addresses.deployedAtBlock);
  const [published] = await modelsPublished(chain, { modelId, fromBlock, toBlock: "latest" });
  if (published === undefined) return { differs: "model", reason: `model ${modelId} was never published` };
  return checkIdentity(published) ?? checkManifest(published, manifest) ?? checkArtefact(manifest, artefact);
}

function checkIdentity({ modelId, publisher, listing }: ModelPublished): Finding {
  const recomputed = modelIdOf({ publisher, ...listing });
  if (recomputed === modelId) return undefined;
  return { differs: "model", reason: `the publication hashes to model ${recomputed}, its event says ${modelId}` };
}

function checkManifest({ listing }: ModelPublished, manifest: Manifest): Finding {
  const got = manifestHash(manifest);
  if (got === listing.manifestHash) return undefined;
  return { differs: "manifest", reason: `the manifest hashes to ${got}, the published one to ${listing.manifestHash}` };
}

function checkArtefact(manifest: Manifest, artefact: Uint8Array): Finding {
  const got = keccak256(artefact);
  if (got === manifest.artefact.hash) return undefined;
  return {
    differs: "artefact",
    reason: `the model file hashes to ${got}, the manifest's to ${manifest.artefact.hash}`,
  };
}

async function checkSettled(
  chain: Chain,
  job: Job,
  end: JobEnded | undefined,
): Promise<NonNullable<Finding> | { result: Uint8Array; resultHash: Hex; source: ResultSource }> {
  if (end === undefined) return { differs: "status", reason: "the job hasn't ended: wait for its result" };
  if (end.status === "refunded") return { differs: "status", reason: "the job was refunded: it has no result" };
  const resultHash = keccak256(end.result);
  const standing = await resultOf(chain, job);
  // The key's storage belongs to a later job now; the log is what is left.
  if (standing.status === "none") return { result: hexToBytes(end.result), resultHash, source: "log" };
  if (standing.resultHash === resultHash) return { result: hexToBytes(end.result), resultHash, source: "contract" };
  return {
    differs: "settled-result",
    reason: `the log's result hashes to ${resultHash}, the contract says ${standing.resultHash} (${standing.status})`,
  };
}

function domainOf({ chainId, addresses }: Chain) {
  return { chainId, escrow: addresses.escrow };
}
