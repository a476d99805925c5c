import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { createFetchUri } from "../fetch/fetchUri.ts";
import { createModelFiles } from "../fetch/modelFiles.ts";
import { type GatewayConfig, parseGatewayConfig } from "../gateway/config.ts";
import { type Publish, publishByGateway } from "../gateway/publish.ts";
import { createIpfsPublisher } from "../gateway/publishIpfs.ts";
import { createS3Publisher } from "../gateway/publishS3.ts";
import { serveModels, upstreamNameOf } from "../gateway/serveModels.ts";
import type { Upstream } from "../gateway/upstream.ts";
import { createOnnxUpstream } from "../gateway/upstreams/onnx.ts";
import { createOnnxProcess } from "../inference/onnxProcess.ts";
import { createModelShelf } from "../node/models.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { findModel } from "./catalogue.ts";
import { dataFolderOn } from "./dataFolder.ts";
import { SIGNER_KEY } from "./keys.ts";
import { runGateway } from "./runGateway.ts";
import { type CommonOptions, createSession, type Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type GatewayOptions = CommonOptions & { config: string; data?: string };

const MODEL_TIMEOUT_MS = 600_000;

/** `opg gateway` */
export function addGatewayCommand(program: Command, terminal: Terminal): void {
  program
    .command("gateway")
    .description(
      `answer calls as an operator, which signs with ${SIGNER_KEY}; killed, it goes on when it is started again`,
    )
    .requiredOption("--config <file>", "JSON: the models and their prices, the providers, where to listen")
    .option("--data <folder>", "where it keeps its state; the user's data folder unless told")
    .addHelpText("after", "\nSee docs/operations/gateway.md. With --json each line of its log is a JSON object.")
    .action((_, command: Command) => run(terminal, command.optsWithGlobals<GatewayOptions>()));
}

async function run(terminal: Terminal, options: GatewayOptions): Promise<void> {
  const { env } = terminal;
  const config = parseGatewayConfig(await readConfig(options.config), options.config);
  const session = createSession(terminal, options);
  const chain = await session.chainOf(session.requireSigner());
  const dataDir = resolve(options.data ?? (await dataFolderOn(env, "gateway", chain)));
  const secret = (variable: string) => env[variable] || undefined;
  const onnx = await onnxUpstream(session, config, dataDir);
  const models = serveModels({ config, secret, onnx });
  const stopping = new AbortController();
  terminal.ifStopped = () => stopping.abort();
  session.progress.end();
  await runGateway({
    ...{ chain, dataDir, config, models, publish: publisherOf(config, secret) },
    isJson: options.json ?? false,
    signal: stopping.signal,
  });
}

/** Models of the network, by the names people give them; found at the start, loaded when they are first asked for. */
async function onnxUpstream(session: Session, config: GatewayConfig, dataDir: string): Promise<Upstream> {
  const wanted = Object.entries(config.models).filter(([name]) => name.startsWith("onnx/"));
  const ids = new Map(
    await Promise.all(
      wanted.map(async ([name, model]) => {
        const upstreamName = upstreamNameOf(name, model);
        const { published } = await findModel(session, upstreamName);
        return [upstreamName, published.modelId] as const;
      }),
    ),
  );
  const fetchUri = createFetchUri({ allowPrivate: await session.allowsPrivateUris(), timeoutMs: MODEL_TIMEOUT_MS });
  const files = createModelFiles({ cacheDir: join(dataDir, "models"), fetchUri });
  const backend = createOnnxProcess();
  const shelf = createModelShelf({ chain: await session.chain(), backend, files, serve: [...ids.values()] });
  return createOnnxUpstream({
    async load(name) {
      const modelId = ids.get(name);
      const served = modelId && (await shelf.open(modelId));
      if (!served) throw new ProtocolError("model/unknown", `got ${name}, which isn't among the models served here`);
      return { manifest: served.manifest, model: { run: served.run } };
    },
    async close() {
      await shelf.close();
      backend.stop?.();
    },
  });
}

function publisherOf({ publish }: GatewayConfig, secret: (variable: string) => string | undefined): Publish {
  const needed = (variable: string): string => {
    const value = secret(variable);
    if (value !== undefined) return value;
    throw new ProtocolError("gateway/no-key", `publishing to ${publish.to} needs ${variable}: set it`);
  };
  if (publish.to === "gateway") return publishByGateway;
  if (publish.to === "ipfs") {
    const { apiUrl, authorizationEnv } = publish;
    return createIpfsPublisher({ apiUrl, ...(authorizationEnv && { authorization: needed(authorizationEnv) }) });
  }
  const { endpoint, bucket, region, prefix, publicUrl, accessKeyIdEnv, secretAccessKeyEnv } = publish;
  return createS3Publisher({
    ...{ endpoint, bucket },
    credentials: { accessKeyId: needed(accessKeyIdEnv), secretAccessKey: needed(secretAccessKeyEnv) },
    ...(region !== undefined && { region }),
    ...(prefix !== undefined && { prefix }),
    ...(publicUrl !== undefined && { publicUrl }),
  });
}

async function readConfig(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ProtocolError("usage/no-config", `the gateway's configuration can't be read: ${why}`, { cause });
  });
}
