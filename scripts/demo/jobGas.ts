import type { Address, Hex } from "viem";
import type { Chain } from "../../src/chain/clients.ts";
import { type CommitteeEvent, committeeEvents, seatsOf } from "../../src/chain/committeeEvents.ts";
import { type JobEnded, jobsEnded, jobsOpened } from "../../src/chain/jobEvents.ts";
import { stakeOf } from "../../src/chain/staking.ts";

/** Gas used by each transaction of a job; null where a step did not happen. */
export type JobGas = {
  open: number | null;
  commit: number[];
  reveal: number[];
  settle: number | null;
  refund: number | null;
  total: number;
};

/** What the chain says of the jobs since a block. */
export type ChainRecord = {
  gasOf(jobId: Hex): Promise<JobGas>;
  /** Owners of the operators that hold the job's seats. */
  committeeOf(jobId: Hex): Promise<Address[]>;
  /** Operators that lost a bond, with the amounts, OPG base units. */
  slashes(): Extract<CommitteeEvent, { kind: "slashed" }>[];
  /** All transactions of the jobs, as the RPC gives them. */
  txReceipts(): Promise<unknown[]>;
};

/** Reads the event log once and each transaction once. */
export async function readChainRecord(chain: Chain, fromBlock: bigint): Promise<ChainRecord> {
  const range = { fromBlock, toBlock: "latest" } as const;
  const [opened, committee, ended] = await Promise.all([
    jobsOpened(chain, range),
    committeeEvents(chain, range),
    jobsEnded(chain, range),
  ]);
  const txReceipts = new Map<Hex, Promise<{ gasUsed: bigint }>>();

  async function gasUsed(transactionHash: Hex): Promise<number> {
    const known = txReceipts.get(transactionHash);
    const txReceipt = known ?? chain.publicClient.getTransactionReceipt({ hash: transactionHash });
    txReceipts.set(transactionHash, txReceipt);
    return Number((await txReceipt).gasUsed);
  }
  const gasOfAll = (events: { place: { transactionHash: Hex } }[]) =>
    Promise.all(events.map(({ place }) => gasUsed(place.transactionHash)));
  const ofJob = <T extends { jobId: Hex }>(events: T[], jobId: Hex) => events.filter((event) => event.jobId === jobId);

  return {
    async gasOf(jobId) {
      const isRefund = (event: JobEnded) => event.status === "refunded" && event.isExpired;
      const ends = ofJob(ended, jobId);
      const events = ofJob(committee, jobId);
      const [open] = await gasOfAll(ofJob(opened, jobId));
      const commit = await gasOfAll(events.filter(({ kind }) => kind === "committed"));
      const reveal = await gasOfAll(events.filter(({ kind }) => kind === "revealed"));
      const [settle] = await gasOfAll(ends.filter((event) => !isRefund(event)));
      const [refund] = await gasOfAll(ends.filter(isRefund));
      const total = [open, ...commit, ...reveal, settle, refund].reduce<number>((sum, gas) => sum + (gas ?? 0), 0);
      return { open: open ?? null, commit, reveal, settle: settle ?? null, refund: refund ?? null, total };
    },
    async committeeOf(jobId) {
      const seats = seatsOf(ofJob(committee, jobId));
      return Promise.all(seats.map(async ({ operatorId }) => (await stakeOf(chain, operatorId)).owner));
    },
    slashes: () => committee.filter((event) => event.kind === "slashed"),
    txReceipts: () => Promise.all(txReceipts.values()),
  };
}
