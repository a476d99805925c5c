import type { Hex } from "viem";
import type { Chain } from "../chain/clients.ts";
import { type CommitteeEvent, committeeEvents } from "../chain/committeeEvents.ts";
import { type JobStatus, resultOf } from "../chain/escrow.ts";
import { type JobEnded, type JobOpened, jobsEnded, jobsOpened } from "../chain/jobEvents.ts";
import { ProtocolError } from "../protocol/errors.ts";

/** Everything the chain says of a job. */
export type JobHistory = {
  opened: JobOpened;
  /** What its committee did, oldest first. */
  committee: CommitteeEvent[];
  /** Absent as long as it is open. */
  ended?: JobEnded;
  /** As the escrow's storage says; `none` once the job's key is used again. */
  status: JobStatus;
};

/**
 * A job's way from its opening on, read from the chain's log.
 * @throws ProtocolError `sdk/unknown-job`, `chain/rpc-down` (retryable)
 */
export async function jobHistory(chain: Chain, jobId: Hex): Promise<JobHistory> {
  const opened = await findJob(chain, jobId);
  const range = { jobId: opened.jobId, fromBlock: opened.place.blockNumber, toBlock: "latest" } as const;
  const [committee, ends, { status }] = await Promise.all([
    committeeEvents(chain, range),
    jobsEnded(chain, range),
    resultOf(chain, opened.job),
  ]);
  const ended = ends.at(-1);
  return { opened, committee, status, ...(ended && { ended }) };
}

/**
 * The job as it was opened.
 * @throws ProtocolError `sdk/unknown-job`, `chain/rpc-down` (retryable)
 */
export async function findJob(chain: Chain, jobId: Hex): Promise<JobOpened> {
  const fromBlock = BigInt(chain.addresses.deployedAtBlock);
  const id = jobId.toLowerCase() as Hex;
  const [opened] = await jobsOpened(chain, { jobId: id, fromBlock, toBlock: "latest" });
  if (opened !== undefined) return opened;
  throw new ProtocolError(
    "sdk/unknown-job",
    `got job ${id}, which was never opened on chain ${chain.chainId}: check the id and the network`,
  );
}
