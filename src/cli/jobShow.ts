import { type Hex, hexToBytes, hexToString, size, zeroAddress } from "viem";
import { chainTime } from "../chain/clients.ts";
import { seatsOf } from "../chain/committeeEvents.ts";
import { unpackTerms } from "../protocol/commitRevealTerms.ts";
import type { Job } from "../protocol/job.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { type JobHistory, jobHistory } from "../sdk/jobHistory.ts";
import { findModelById } from "./catalogue.ts";
import { describeEvent, describeMeaning, type Meaning, meaningOf } from "./jobAnswer.ts";
import { type Answer, lines, opg, time } from "./output.ts";
import type { Session } from "./session.ts";

/** `opg job status`: every stop of a job that the chain knows of. */
export async function status(session: Session, jobId: Hex): Promise<Answer> {
  const chain = await session.chain();
  const history = await jobHistory(chain, jobId);
  const { opened, committee, ended } = history;
  const { committeeSize } = unpackTerms(opened.job.verifierData);
  const seats = seatsOf(committee);
  const isOverdue = ended === undefined && (await chainTime(chain)) >= opened.job.expiresAt;
  const slashes = committee.filter((event) => event.kind === "slashed");
  const meaning =
    ended?.status === "settled" ? await tryMeaning(session, opened.job, hexToBytes(ended.result)) : undefined;
  const revealed = seats.filter((seat) => seat.revealed !== undefined).length;
  return {
    json: {
      jobId: opened.jobId,
      status: standing(history),
      ...jobFields(opened.job),
      opened: opened.place,
      inputUri: inputUriOf(history),
      committeeSize,
      seats,
      slashed: slashes.map(({ operatorId, fault, amount }) => ({ operatorId, fault, amount })),
      ...(ended && { ended: ended.place }),
      ...(ended?.status === "settled" && { result: ended.result }),
      ...meaning,
    },
    text: [
      lines([
        ["job", opened.jobId],
        ["status", standing(history)],
        ...(meaning ? describeMeaning(meaning) : []),
        ["payer", opened.job.payer],
        ["model", opened.job.modelId],
        ["input", describeInput(history)],
        ["fee", opg(opened.job.fee)],
        ["expires", `${time(opened.job.expiresAt)}${isOverdue ? `, that is over: npx opg job refund ${jobId}` : ""}`],
        ["consumer", opened.job.consumer === zeroAddress ? undefined : opened.job.consumer],
        ["seats", `${seats.length} of ${committeeSize} taken, ${revealed} revealed`],
      ]),
      `block ${opened.place.blockNumber}  opened in ${opened.place.transactionHash}`,
      ...committee.map((event) => `block ${event.place.blockNumber}  ${describeEvent(event)}`),
      ...(ended ? [`block ${ended.place.blockNumber}  ${ended.status} in ${ended.place.transactionHash}`] : []),
    ].join("\n"),
  };
}

/** `opg job result`: the bytes that stand, and what they mean. */
export async function result(session: Session, jobId: Hex): Promise<Answer> {
  const history = await jobHistory(await session.chain(), jobId);
  const { opened, ended } = history;
  const json = { jobId: opened.jobId, status: standing(history) };
  if (ended === undefined) {
    const text = `the job hasn't ended; it expires at ${time(opened.job.expiresAt)}: see opg job status ${opened.jobId}`;
    return { json, text, failed: true };
  }
  if (ended.status === "refunded") {
    return { json, text: "the job was refunded: there is no result", failed: true };
  }
  const { manifest } = await findModelById(session, opened.job.modelId);
  const meaning = meaningOf(manifest, hexToBytes(ended.result));
  return {
    json: { ...json, model: manifest.name, result: ended.result, ...meaning },
    text: lines([
      ...describeMeaning(meaning),
      ["model", `${manifest.name} ${manifest.version}`],
      ["bytes", ended.result],
    ]),
  };
}

/** The escrow's word while the job's key isn't used again, then the log's. */
function standing({ status: stored, ended }: JobHistory): string {
  return stored === "none" ? (ended?.status ?? "unknown") : stored;
}

function jobFields({ payer, modelId, inputHash, fee, expiresAt, consumer, verifier }: Job) {
  return { payer, modelId, inputHash, fee, expiresAt, consumer, verifier };
}

function inputUriOf({ opened }: JobHistory): string | undefined {
  return BigInt(opened.job.inputUriHash) === 0n ? undefined : oneLine(hexToString(opened.input));
}

function describeInput(history: JobHistory): string {
  const { opened } = history;
  return `${inputUriOf(history) ?? `${size(opened.input)} bytes in the log`}, hash ${opened.job.inputHash}`;
}

/** A status is worth showing even when the model's manifest can't be had. */
async function tryMeaning(session: Session, { modelId }: Job, bytes: Uint8Array): Promise<Meaning | undefined> {
  try {
    const { manifest } = await findModelById(session, modelId);
    return meaningOf(manifest, bytes);
  } catch (error) {
    session.progress.say(`what the result means isn't known: ${oneLine(error instanceof Error ? error.message : "")}`);
    return undefined;
  }
}
