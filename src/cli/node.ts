import type { Command } from "commander";
import { createOnnxNative } from "../inference/onnxNative.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { SIGNER_KEY } from "./keys.ts";
import { runNode } from "./runNode.ts";
import { type CommonOptions, createSession } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type NodeCommandOptions = CommonOptions & { data: string; serve: "all" };

/** `opg node` */
export function addNodeCommand(program: Command, terminal: Terminal): void {
  program
    .command("node")
    .description(`run an operator's node, which signs with ${SIGNER_KEY}; with --json its log is JSON`)
    .requiredOption("--data <folder>", "where it keeps its state")
    .option("--serve <models>", "which models: all", "all")
    .action((_, command: Command) => run(terminal, command.optsWithGlobals<NodeCommandOptions>()));
}

async function run(terminal: Terminal, options: NodeCommandOptions): Promise<void> {
  const session = createSession(terminal, options);
  const signer = session.nodeSigner();
  if (signer === undefined) {
    throw new ProtocolError("usage/no-key", `this needs the node's key: set ${SIGNER_KEY} to 0x and 64 hex digits`);
  }
  const { isLocal } = await session.network();
  const chain = await session.chainOf(signer);
  session.progress.end();
  const stopping = new AbortController();
  terminal.ifStopped = () => stopping.abort();
  await runNode({
    chain,
    dataDir: options.data,
    backend: createOnnxNative(),
    serve: options.serve,
    allowPrivateUris: options.allowPrivateUris ?? isLocal,
    isJson: options.json ?? false,
    signal: stopping.signal,
  });
}
