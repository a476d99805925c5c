import type { Hex } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import type { Database, Row } from "./database.ts";
import { fromJson, toJson } from "./json.ts";

/** How far a node has come with a job; `ended` is for good. */
export type JobStage = "opened" | "accepted" | "inferred" | "committed" | "revealed" | "ended";

export type StoredJob = {
  opened: JobOpened;
  stage: JobStage;
  /** From `accepted` on. */
  seedHash: Hex | null;
  /** From `inferred` on, until it ends: then the chain's log has what stands. */
  result: Uint8Array | null;
};

/** What a step adds to a job. */
export type JobProgress =
  | { stage: "accepted"; seedHash: Hex }
  | { stage: "inferred"; result: Uint8Array }
  | { stage: "committed" | "revealed" }
  | { stage: "ended"; outcome: string };

export type JobTable = {
  /** The first block that hasn't been looked at; undefined in a new store. */
  nextBlock(): Promise<bigint | undefined>;
  /**
   * Takes down jobs and how far the chain was read, both or neither; jobs known already stay as they are.
   * @returns the new ones
   */
  add(opened: readonly JobOpened[], nextBlock: bigint): Promise<JobOpened[]>;
  advance(jobId: Hex, progress: JobProgress): Promise<void>;
  /** Counts a run of the model that is about to begin; a run that ended the process is in the count. */
  countTry(jobId: Hex): Promise<number>;
  /** Jobs that haven't ended, oldest first. */
  underWay(): Promise<StoredJob[]>;
};

const INSERT = `insert into jobs (job_id, opened, stage)
select job_id, opened, 'opened' from unnest($1::text[], $2::jsonb[]) as fresh (job_id, opened)
on conflict do nothing`;

const UPDATE = `update jobs set
  stage = $2,
  seed_hash = coalesce($3, seed_hash),
  result = case when $2 = 'ended' then null else coalesce($4, result) end,
  outcome = coalesce($5, outcome)
where job_id = $1 and stage <> 'ended'`;

/** The table of jobs. */
export function createJobTable(database: Database): JobTable {
  return {
    async nextBlock() {
      const [row] = await database.query("select next_block from cursor");
      return row === undefined ? undefined : (row.next_block as bigint);
    },
    add: (opened, nextBlock) =>
      database.transaction(async (query) => {
        const rows = await query("select job_id from jobs where job_id = any($1)", [opened.map(({ jobId }) => jobId)]);
        const fresh = new Map(opened.map((job) => [job.jobId, job]));
        for (const { job_id } of rows) fresh.delete(job_id as Hex);
        const added = [...fresh.values()];
        // Not one by one: whoever opens thousands in a block would keep the node from everything else.
        await query(INSERT, [added.map(({ jobId }) => jobId), added.map(toJson)]);
        await query(
          "insert into cursor (next_block) values ($1) on conflict (is_only) do update set next_block = excluded.next_block",
          [nextBlock],
        );
        return added;
      }),
    async advance(jobId, progress) {
      const seedHash = progress.stage === "accepted" ? progress.seedHash : null;
      const result = progress.stage === "inferred" ? progress.result : null;
      const outcome = progress.stage === "ended" ? progress.outcome : null;
      await database.query(UPDATE, [jobId, progress.stage, seedHash, result, outcome]);
    },
    async countTry(jobId) {
      const [row] = await database.query("update jobs set tries = tries + 1 where job_id = $1 returning tries", [
        jobId,
      ]);
      return Number(row?.tries);
    },
    async underWay() {
      const rows = await database.query(
        "select opened, stage, seed_hash, result from jobs where stage <> 'ended' order by id",
      );
      return rows.map(toStoredJob);
    },
  };
}

function toStoredJob({ opened, stage, seed_hash, result }: Row): StoredJob {
  return {
    opened: fromJson(opened) as JobOpened,
    stage: stage as JobStage,
    seedHash: seed_hash as Hex | null,
    result: result as Uint8Array | null,
  };
}
