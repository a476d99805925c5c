#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { addChannelCommands } from "./channel.ts";
import { addConnectCommand } from "./connect.ts";
import { addEscrowCommands } from "./escrow.ts";
import { addFaucetCommand } from "./faucet.ts";
import { addGatewayCommand } from "./gateway.ts";
import { addJobCommands } from "./job.ts";
import { PAYER_KEY, SIGNER_KEY } from "./keys.ts";
import { addModelCommands } from "./model.ts";
import { NETWORK_NAMES } from "./networks.ts";
import { addNodeCommand } from "./node.ts";
import { addOperatorCommands } from "./operator.ts";
import { wholeNumber } from "./options.ts";
import { describeFailure, type Failure, toJson } from "./output.ts";
import { addReceiptCommands } from "./receipt.ts";
import { addStakeCommands } from "./stake.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const;

const AFTER_HELP = `
Keys come from the environment only: ${PAYER_KEY} (payer, owner, publisher), ${SIGNER_KEY} (a node's signer).
On --network localhost, without one, the LOCAL TEST KEYS of --account are used.
Exit codes: 0 done, 1 failed (or the answer is no), 2 called wrongly.`;

/** Every command, over one terminal. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("opg")
    .description("The OpenGradient network: have models run, check their answers, be an operator.")
    .version(packageJson.version)
    .addOption(
      new Option("--network <name>", "localhost unless told; the others' RPCs come from the environment").choices(
        NETWORK_NAMES,
      ),
    )
    .option("--rpc <url>", "another RPC; its chain is asked for when no network is named")
    .option("--addresses <file>", "where the contracts are; deploy/addresses/<chainId>.json unless told")
    .option("--account <n>", "which local test account to be, on localhost only; 1 unless told", wholeNumber)
    .option("--cache <folder>", "where models' files are kept; the user's cache folder unless told")
    .option("--allow-private-uris", "fetch from private addresses and local files too; on by itself on localhost only")
    .option("--no-allow-private-uris", "don't, on localhost either")
    .option("--json", "one JSON object on standard output; amounts in OPG base units")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError("(see --help)")
    .addHelpText("after", AFTER_HELP)
    .exitOverride();
  for (const add of [
    addJobCommands,
    addModelCommands,
    addOperatorCommands,
    addStakeCommands,
    addEscrowCommands,
    addChannelCommands,
    addReceiptCommands,
    addFaucetCommand,
    addNodeCommand,
    addGatewayCommand,
    addConnectCommand,
  ]) {
    add(program, terminal);
  }
  return program;
}

/**
 * Runs one command.
 * @param args what was typed after `opg`
 * @returns the exit code
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = args.includes("--json");
  try {
    await createProgram(terminal).parseAsync(args, { from: "user" });
    return terminal.exitCode;
  } catch (error) {
    // The help that was asked for, or what was wrong: commander has said it.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? misuse(error) : describeFailure(error);
    if (!(error instanceof CommanderError)) terminal.err(`opg: ${failure.message}\n`);
    if (isJson) terminal.out(`${toJson({ error: failure })}\n`);
    return failure.code.startsWith("usage/") ? EXIT.usage : EXIT.failed;
  }
}

function misuse({ code, message }: CommanderError): Failure {
  return { code: code.replace("commander.", "usage/"), message, isRetryable: false };
}

/** The second time it ends at once, whatever the command would do. */
function stopOnSignals(terminal: Terminal): void {
  let isStopping = false;
  const stop = () => {
    const { ifStopped } = terminal;
    if (typeof ifStopped === "function" && !isStopping) {
      isStopping = true;
      ifStopped();
      return;
    }
    terminal.err(`\nopg: stopped; ${typeof ifStopped === "string" ? ifStopped : "at once"}\n`);
    process.exit(EXIT.interrupted);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
}

if (import.meta.main) {
  const terminal = processTerminal();
  stopOnSignals(terminal);
  const exitCode = await run(process.argv.slice(2), terminal);
  await new Promise((resolve) => process.stdout.write("", resolve));
  // The WebAssembly backend keeps worker threads that nothing else ends.
  process.exit(exitCode);
}
