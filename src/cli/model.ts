import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import type { Address } from "viem";
import { modelTermsOf } from "../chain/models.ts";
import { checkArtefact } from "../inference/checkArtefact.ts";
import { explainModel } from "../inference/explainModel.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type Manifest, parseManifest } from "../protocol/manifest.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { describeSpecs } from "../protocol/tensor.ts";
import { publishModel } from "../sdk/publishModel.ts";
import { answering } from "./answering.ts";
import { findModel, type ListedModel, listModels } from "./catalogue.ts";
import { address, opgAmount, wholeNumber } from "./options.ts";
import { type Answer, columns, lines, opg, percent } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type PublishCommandOptions = {
  price: bigint;
  uri?: string;
  artefact?: string;
  royaltyPpm: number;
  royaltyRecipient?: Address;
};

/** `opg model …` */
export function addModelCommands(program: Command, terminal: Terminal): void {
  const model = program.command("model").description("models that anybody can have run");
  model
    .command("publish")
    .description("check a model file against its manifest and list it")
    .argument("<manifest>", "the manifest's JSON file")
    .requiredOption("--price <opg>", "lowest fee of a job", opgAmount)
    .option("--uri <uri>", "where operators fetch the manifest; on localhost the file itself unless told")
    .option("--artefact <file>", "the model file; beside the manifest, by its first relative URI, unless told")
    .option("--royalty-ppm <ppm>", "your part of each fee, millionths", wholeNumber, 0)
    .option("--royalty-recipient <address>", "who gets it; you unless told", address)
    .action(answering(terminal, publish));
  model.command("list").description("all published models").action(answering(terminal, list));
  model
    .command("show")
    .description("everything about one model")
    .argument("<model>", "an id, a name like digits, or <publisher>/<name>")
    .action(answering(terminal, show));
  model
    .command("check")
    .description("whether a model file gives the same bytes on every processor, operation by operation")
    .argument("<file>", "an ONNX file")
    .action(answering(terminal, check));
}

async function publish(session: Session, path: string, options: PublishCommandOptions): Promise<Answer> {
  const manifest = parseManifest(await readText(path));
  const artefact = options.artefact ?? artefactBeside(path, manifest);
  checkArtefact(await readBytes(artefact), manifest);
  const { isLocal } = await session.network();
  const manifestUri = options.uri ?? (isLocal ? pathToFileURL(resolve(path)).href : undefined);
  if (manifestUri === undefined) {
    throw new ProtocolError("usage/no-uri", "operators must be able to fetch the manifest: add --uri https://…");
  }
  const chain = await session.signingChain();
  const { price, royaltyPpm, royaltyRecipient } = options;
  const { modelId, txReceipt } = await publishModel(chain, {
    manifest,
    manifestUri,
    price,
    royaltyPpm,
    ...(royaltyRecipient && { royaltyRecipient }),
  });
  const note = txReceipt ? undefined : "it was listed already; its price, royalty and URI are left as they were";
  return {
    json: {
      modelId,
      name: manifest.name,
      version: manifest.version,
      manifestUri,
      price,
      isNew: txReceipt !== undefined,
    },
    text: lines([
      ["model", `${manifest.name} ${manifest.version}`],
      ["id", modelId],
      ["manifest", manifestUri],
      ["price", txReceipt ? opg(price) : undefined],
      ["note", note],
    ]),
  };
}

async function list(session: Session): Promise<Answer> {
  const models = await listModels(session);
  const header = ["name", "version", "price", "accuracy", "publisher", "id"];
  const text = models.length === 0 ? "no models are published" : columns([header, ...models.map(toRow)]);
  const problems = models.flatMap(({ published, problem }) => (problem ? [`${published.modelId}: ${problem}`] : []));
  return { json: { models: models.map(toListed) }, text: [text, ...problems].join("\n") };
}

function toRow({ published, terms, manifest }: ListedModel): string[] {
  return [
    manifest ? `${manifest.name}${terms.retired ? " (retired)" : ""}` : "?",
    manifest?.version ?? "?",
    opg(terms.price),
    manifest ? percent(manifest.accuracy.accuracyPpm) : "?",
    published.publisher,
    published.modelId,
  ];
}

function toListed({ published, terms, manifest, problem }: ListedModel) {
  const { modelId, publisher, manifestUri } = published;
  const { price, royaltyPpm, retired } = terms;
  const said = manifest && { name: manifest.name, version: manifest.version, accuracy: manifest.accuracy };
  return { modelId, publisher, manifestUri, price, royaltyPpm, retired, ...said, ...(problem && { problem }) };
}

async function show(session: Session, wanted: string): Promise<Answer> {
  const { published, manifest } = await findModel(session, wanted);
  const terms = await modelTermsOf(await session.chain(), published.modelId);
  const { accuracy, licence } = manifest;
  return {
    json: { ...toListed({ published, terms, manifest }), manifest },
    text: lines([
      ["model", `${manifest.name} ${manifest.version}${terms.retired ? ", retired" : ""}`],
      ["id", published.modelId],
      ["publisher", published.publisher],
      ["price", `${opg(terms.price)}, of it ${percent(terms.royaltyPpm)} royalty`],
      ["inputs", describeSpecs(manifest.inputs)],
      ["outputs", describeSpecs(manifest.outputs)],
      ["labels", manifest.labels.join(", ") || undefined],
      ["accuracy", `${percent(accuracy.accuracyPpm)} ${accuracy.metric} of ${accuracy.cases}: ${accuracy.split}`],
      ["licence", `${licence.model}; ${licence.data}`],
      ["manifest", oneLine(published.manifestUri)],
      ["artefact", `${manifest.artefact.sizeBytes} bytes, ${manifest.artefact.hash}`],
    ]),
  };
}

async function check(_: Session, path: string): Promise<Answer> {
  const explanation = explainModel(await readBytes(path));
  const { ok, reasons, nodes } = explanation;
  const rows = nodes.map((node) => [node.ok ? "ok" : "no", oneLine(node.op), oneLine(node.name), oneLine(node.detail)]);
  const verdict = ok ? "bit-exact: the same bytes on every processor" : "not bit-exact";
  return {
    json: { file: path, ...explanation },
    text: [verdict, ...reasons.map(oneLine), ...(rows.length > 0 ? [columns(rows)] : [])].join("\n"),
    failed: !ok,
  };
}

function artefactBeside(manifestPath: string, { artefact }: Manifest): string {
  const relative = artefact.uris.find((uri) => !uri.includes("://"));
  if (relative !== undefined) return resolve(dirname(manifestPath), relative);
  throw new ProtocolError("usage/no-artefact", "the manifest names no file beside it to check: add --artefact <file>");
}

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ProtocolError("input/unreadable", `${path} can't be read (${why}): name a file that can`, { cause });
  }
}
