import { type Command, Option } from "commander";
import { answering } from "./answering.ts";
import { addInputOptions } from "./inputOptions.ts";
import { refund, retry } from "./jobClose.ts";
import { result, status } from "./jobShow.ts";
import { submit } from "./jobSubmit.ts";
import { BACKENDS, verify } from "./jobVerify.ts";
import { address, count, hash32, largeNumber, opgAmount, wholeNumber } from "./options.ts";
import type { Terminal } from "./terminal.ts";

const JOB_ID = "the job's 32-byte id";

/** `opg job …` */
export function addJobCommands(program: Command, terminal: Terminal): void {
  const job = program.command("job").description("paid questions to models, and their answers");
  addSubmit(job, terminal);
  job
    .command("status")
    .description("where a job stands: opened, seats, commits, reveals, slashes, end")
    .argument("<jobId>", JOB_ID, hash32)
    .action(answering(terminal, status));
  job
    .command("result")
    .description("the result that stands, with its label; exit code 1 when there is none")
    .argument("<jobId>", JOB_ID, hash32)
    .action(answering(terminal, result));
  addInputOptions(
    job
      .command("verify")
      .description("run the model here and compare; true, or false and why (exit code 1)")
      .argument("<jobId>", JOB_ID, hash32),
  )
    .addOption(new Option("--backend <backend>", "what runs the model here").choices(BACKENDS).default("wasm"))
    .addHelpText("after", "\nWithout --input the input is the job's own, from the log or its URI.")
    .action(answering(terminal, verify));
  job
    .command("refund")
    .description("give an expired job's fee back to its payer; anyone may")
    .argument("<jobId>", JOB_ID, hash32)
    .action(answering(terminal, refund));
  job
    .command("retry")
    .description("call a consumer again whose callback failed; anyone may")
    .argument("<jobId>", JOB_ID, hash32)
    .action(answering(terminal, retry));
}

function addSubmit(job: Command, terminal: Terminal): void {
  const command = job
    .command("submit")
    .description("open a job and wait for its answer; inputs are public")
    .requiredOption("--model <model>", "an id, a name like digits, or <publisher>/<name>");
  addInputOptions(command)
    .option("--input-uri <uri>", "where operators fetch the input instead of finding it in the job")
    .option("--input-hash <hash>", "keccak256 of what that URI serves, when --input doesn't say", hash32)
    .option("--fee <opg>", "what the job pays; the model's price unless told", opgAmount)
    .option("--max-fee <opg>", "the most the model's price may be; 10 unless told", opgAmount)
    .option("--bond <opg>", "what each seat locks; the least allowed unless told", opgAmount)
    .option("--committee <seats>", "odd; 3 unless told", count)
    .option("--widening <steps>", "how often the draw may widen; 2 unless told", wholeNumber)
    .option("--commit-window <seconds>", "of each step; the shortest allowed unless told", count)
    .option("--reveal-window <seconds>", "ten times the shortest unless told", count)
    .option("--settle-window <seconds>", "ten times the shortest unless told", count)
    .option("--expires-in <seconds>", "the shortest possible and a minute unless told", count)
    .option("--key <n>", "nonce key; the lowest free one unless told", largeNumber)
    .option("--consumer <address>", "a contract to call back with the result", address)
    .option("--consumer-gas <gas>", "what its callback gets", wholeNumber)
    .option("--no-deposit", "pay from the escrow balance only")
    .option("--no-wait", "leave once the job is open")
    .option("--timeout <seconds>", "how long to wait; the job goes on afterwards", count, 600)
    .action(answering(terminal, submit));
}
