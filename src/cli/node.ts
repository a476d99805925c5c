import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Hex } from "viem";
import { operatorOfSigner } from "../chain/verifier.ts";
import { createOnnxProcess } from "../inference/onnxProcess.ts";
import { openSecret } from "../node/secret.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { formatOpg, parseOpg } from "../protocol/units.ts";
import { answering } from "./answering.ts";
import { findModel } from "./catalogue.ts";
import { dataFolder } from "./dataFolder.ts";
import { SIGNER_KEY } from "./keys.ts";
import { type NodeConfig, readNodeConfig, writeNodeConfig } from "./nodeConfig.ts";
import { opgAmount, wholeNumber } from "./options.ts";
import { type Answer, lines } from "./output.ts";
import { runNode } from "./runNode.ts";
import { type CommonOptions, createSession, type Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type FolderOptions = { data?: string; serve?: string; minFee?: bigint; maxConsumerGas?: number };

/** Two and a half times what clients give a callback unless told. */
const MAX_CONSUMER_GAS = 500_000;
const SERVE = "ids or names of models, with commas between, or all";

/** `opg node …` */
export function addNodeCommand(program: Command, terminal: Terminal): void {
  const node = program
    .command("node")
    .description(`run an operator's node, which signs with ${SIGNER_KEY}; killed, it goes on when it is started again`)
    .option("--data <folder>", "where it keeps its state; the user's data folder unless told")
    .option("--serve <models>", `${SERVE}; what init was told unless told`)
    .option("--min-fee <opg>", "leave jobs that pay less to others; 0 unless told", opgAmount)
    .option(
      "--max-consumer-gas <gas>",
      `and those whose callback may take more, which the node pays; ${MAX_CONSUMER_GAS} unless told`,
      wholeNumber,
    )
    .addHelpText("after", "\nWith --json each line of its log is a JSON object.")
    .action((_, command: Command) => run(terminal, command.optsWithGlobals<CommonOptions & FolderOptions>()));
  node
    .command("init")
    .description("make a node's folder: its secret, and what it serves where")
    .action(answering(terminal, init));
}

/** What was typed goes before what the folder says. */
async function run(
  terminal: Terminal,
  { serve, minFee, maxConsumerGas, ...typed }: CommonOptions & FolderOptions,
): Promise<void> {
  const dataDir = folderOf(terminal, typed);
  const config = await readNodeConfig(dataDir);
  const session = createSession(terminal, withConfig(typed, config));
  const chain = await session.chainOf(session.requireSigner());
  const stopping = new AbortController();
  terminal.ifStopped = () => stopping.abort();
  const models = serve === undefined ? config?.serve : await readServe(session, serve);
  if (models === undefined) throw noModels();
  session.progress.end();
  await runNode({
    chain,
    dataDir,
    backend: createOnnxProcess(),
    serve: models,
    policy: {
      minFee: minFee ?? parseOpg(config?.minFee ?? "0"),
      maxConsumerGas: maxConsumerGas ?? config?.maxConsumerGas ?? MAX_CONSUMER_GAS,
    },
    allowPrivateUris: await session.allowsPrivateUris(),
    isJson: typed.json ?? false,
    signal: stopping.signal,
  });
}

async function init(session: Session, options: CommonOptions & FolderOptions): Promise<Answer> {
  const folder = folderOf(session.terminal, options);
  const signer = session.nodeSigner();
  const chain = await session.chain();
  const { network, rpc, addresses, allowPrivateUris, serve, minFee, maxConsumerGas } = options;
  if (serve === undefined) throw noModels();
  const config: NodeConfig = {
    ...(network !== undefined && { network }),
    ...(rpc !== undefined && { rpc }),
    ...(addresses !== undefined && { addresses: resolve(addresses) }),
    ...(allowPrivateUris !== undefined && { allowPrivateUris }),
    serve: await readServe(session, serve),
    ...(minFee !== undefined && { minFee: formatOpg(minFee) }),
    ...(maxConsumerGas !== undefined && { maxConsumerGas }),
  };
  await writeNodeConfig(folder, config);
  await openSecret(join(folder, "secret"));
  const operatorId = signer && (await operatorOfSigner(chain, signer.address));
  return {
    json: { folder, chainId: chain.chainId, serve: config.serve, signer: signer?.address, operatorId },
    text: lines([
      ["folder", folder],
      ["chain", String(chain.chainId)],
      ["serves", config.serve === "all" ? "all models" : config.serve.join(", ")],
      ["signer", signer?.address ?? `none yet: set ${SIGNER_KEY} to 0x and 64 random hex digits, and keep it`],
      ["operator", operatorId ? String(operatorId) : "none yet: opg operator register --stake <opg>"],
      ["keep", `a copy of ${join(folder, "secret")}: with it and the signer's key a lost node saves its bonds`],
      ["start", `opg node --data ${folder}`],
    ]),
  };
}

function folderOf({ env }: Terminal, { data }: FolderOptions): string {
  return resolve(data ?? dataFolder(env, "node"));
}

/** A network that was typed isn't mixed with the folder's RPC, nor the other way round. */
function withConfig(typed: CommonOptions, config: NodeConfig | undefined): CommonOptions {
  const { network, rpc, addresses, allowPrivateUris } = config ?? {};
  const isElsewhere = typed.network !== undefined || typed.rpc !== undefined;
  return {
    ...(!isElsewhere && { ...(network && { network }), ...(rpc && { rpc }), ...(addresses && { addresses }) }),
    ...(allowPrivateUris !== undefined && { allowPrivateUris }),
    ...typed,
  };
}

async function readServe(session: Session, serve: string): Promise<readonly Hex[] | "all"> {
  if (serve === "all") return "all";
  const wanted = serve.split(",").map((model) => model.trim());
  const found = await Promise.all(wanted.map((model) => findModel(session, model)));
  return found.map(({ published }) => published.modelId);
}

function noModels(): ProtocolError {
  return new ProtocolError("usage/no-models", `nothing says what to serve: add --serve with ${SERVE}`);
}
