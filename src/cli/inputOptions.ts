import { type Command, Option } from "commander";
import { hexToBytes, hexToString } from "viem";
import type { JobOpened } from "../chain/jobEvents.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { byteLengthOf } from "../protocol/tensor.ts";
import { type EncodedFile, encodeFile, FILE_FORMATS, type FileFormat } from "./input/encodeFile.ts";
import { readInput } from "./input/readInput.ts";
import { count, positiveNumber } from "./options.ts";
import type { Session } from "./session.ts";

/** How a person gives a model's input. */
export type InputOptions = { input?: string; format?: FileFormat; row?: number; scale?: number; invert?: boolean };

export function addInputOptions(command: Command): Command {
  return command
    .option(
      "--input <file>",
      "a picture (.png), a row of numbers (.csv, .json) or the tensors' bytes (.bin); - is stdin",
    )
    .addOption(new Option("--format <format>", "what the input is, when its name doesn't say").choices(FILE_FORMATS))
    .option("--row <n>", "which row of a table, the first is 1", count)
    .option("--scale <factor>", "multiply the row's numbers by this", positiveNumber)
    .option("--invert", "exchange dark and bright; by the picture's border unless told")
    .option("--no-invert", "leave dark dark");
}

/** The file of `--input` as the model takes it. */
export async function encodeInputFile(
  { terminal }: Session,
  path: string,
  { inputs }: Manifest,
  { format, ...options }: InputOptions,
): Promise<EncodedFile> {
  const file = await readInput(path, terminal.stdin, format);
  return encodeFile(file.content, file.format, inputs, options);
}

/** The input a job was opened with: from the log when it is inline, else from its URI. */
export async function publicInput(
  session: Session,
  { job, input }: JobOpened,
  manifest: Manifest,
): Promise<EncodedFile> {
  if (BigInt(job.inputUriHash) === 0n) return { bytes: hexToBytes(input), notes: ["the input was taken from the log"] };
  const fetchUri = await session.fetchUri();
  session.progress.begin("fetching the input");
  const bytes = await fetchUri(hexToString(input), { maxBytes: byteLengthOf(manifest.inputs) });
  return { bytes, notes: ["the input was fetched from the job's URI"] };
}
