import type { Address, Hex } from "viem";
import type { Job } from "../protocol/job.ts";
import { jobEscrowAbi } from "./abi/jobEscrow.ts";
import type { Chain } from "./clients.ts";
import { type BlockRange, type LogPlace, placeOf } from "./contractCall.ts";
import { rethrow } from "./contractErrors.ts";
import { inParts } from "./logParts.ts";

export type JobOpened = {
  jobId: Hex;
  verifier: Address;
  job: Job;
  /** The input bytes, or the URI's bytes when `job.inputUriHash` isn't zero. */
  input: Hex;
  place: LogPlace;
};

/** How a job ended. */
export type JobEnded = { jobId: Hex; place: LogPlace } & (
  | { status: "settled"; result: Hex }
  | { status: "refunded"; isExpired: boolean }
);

/** Jobs opened, oldest first; of one verifier, or one job only, when given. */
export async function jobsOpened(
  chain: Chain,
  { verifier, jobId, ...range }: BlockRange & { verifier?: Address; jobId?: Hex },
): Promise<JobOpened[]> {
  const { publicClient, addresses } = chain;
  const logs = await inParts(chain, range, (part) =>
    publicClient
      .getContractEvents({
        address: addresses.escrow,
        abi: jobEscrowAbi,
        eventName: "JobOpened",
        args: { ...(verifier && { verifier }), ...(jobId && { jobId }) },
        strict: true,
        ...part,
      })
      .catch(rethrow),
  );
  return logs.map((log) => ({ ...log.args, place: placeOf(log) }));
}

/** Jobs settled or refunded, oldest first; one job only, when given. */
export async function jobsEnded(chain: Chain, options: BlockRange & { jobId?: Hex }): Promise<JobEnded[]> {
  const [settled, refunded] = await Promise.all([jobsSettled(chain, options), jobsRefunded(chain, options)]);
  return [...settled, ...refunded].sort(
    (a, b) => Number(a.place.blockNumber - b.place.blockNumber) || a.place.logIndex - b.place.logIndex,
  );
}

async function jobsSettled(chain: Chain, { jobId, ...range }: BlockRange & { jobId?: Hex }): Promise<JobEnded[]> {
  const { publicClient, addresses } = chain;
  const logs = await inParts(chain, range, (part) =>
    publicClient
      .getContractEvents({
        address: addresses.escrow,
        abi: jobEscrowAbi,
        eventName: "JobSettled",
        args: { ...(jobId && { jobId }) },
        strict: true,
        ...part,
      })
      .catch(rethrow),
  );
  return logs.map((log) => ({ ...log.args, status: "settled", place: placeOf(log) }));
}

async function jobsRefunded(chain: Chain, { jobId, ...range }: BlockRange & { jobId?: Hex }): Promise<JobEnded[]> {
  const { publicClient, addresses } = chain;
  const logs = await inParts(chain, range, (part) =>
    publicClient
      .getContractEvents({
        address: addresses.escrow,
        abi: jobEscrowAbi,
        eventName: "JobRefunded",
        args: { ...(jobId && { jobId }) },
        strict: true,
        ...part,
      })
      .catch(rethrow),
  );
  return logs.map((log) => ({
    jobId: log.args.jobId,
    status: "refunded",
    isExpired: log.args.expired,
    place: placeOf(log),
  }));
}
