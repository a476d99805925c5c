import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { NETWORK_NAMES, type NetworkName } from "./networks.ts";
import { isHash32 } from "./options.ts";

/** What `opg node init` fixes, so that the node is started by its folder alone. It holds no keys but an RPC's. */
export type NodeConfig = {
  network?: NetworkName;
  rpc?: string;
  addresses?: string;
  allowPrivateUris?: boolean;
  /** Ids of the models it serves, or all. */
  serve: readonly Hex[] | "all";
  /** OPG, like 0.5: jobs that pay less are left to others. */
  minFee?: string;
  /** Jobs whose consumer may take more are left to others. */
  maxConsumerGas?: number;
};

const TEXTS = ["rpc", "addresses", "minFee"] as const;
const KEYS = ["network", "rpc", "addresses", "allowPrivateUris", "serve", "minFee", "maxConsumerGas"];

/**
 * A folder's config; undefined when it has none.
 * @throws ProtocolError `node/invalid-config`
 */
export async function readNodeConfig(folder: string): Promise<NodeConfig | undefined> {
  const file = fileIn(folder);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseNodeConfig(text, file);
}

/**
 * Writes the config down; the same one again is no change.
 * @throws ProtocolError `node/already-initialised` when the folder has another
 */
export async function writeNodeConfig(folder: string, config: NodeConfig): Promise<void> {
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const kept = await readFile(fileIn(folder), "utf8").catch(() => undefined);
  if (kept === text) return;
  if (kept !== undefined) {
    throw new ProtocolError(
      "node/already-initialised",
      `${fileIn(folder)} says something else: edit it, or use another folder with --data`,
    );
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(fileIn(folder), text, { mode: 0o600 }); // an RPC's URL may hold a provider's key
}

function fileIn(folder: string): string {
  return join(folder, "node.json");
}

function parseNodeConfig(text: string, file: string): NodeConfig {
  const fields = parseJson(text, file);
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(file, `the field ${unknown.slice(0, 40)}`, `only ${KEYS.join(", ")}`);
  const { network, allowPrivateUris, serve, maxConsumerGas } = fields;
  if (network !== undefined && !NETWORK_NAMES.includes(network as NetworkName)) {
    throw invalid(file, "another network", NETWORK_NAMES.join(", "));
  }
  for (const key of TEXTS) {
    const value = fields[key];
    if (value !== undefined && typeof value !== "string") throw invalid(file, `${key} that is no text`, "text");
  }
  if (allowPrivateUris !== undefined && typeof allowPrivateUris !== "boolean") {
    throw invalid(file, "allowPrivateUris that is neither", "true or false");
  }
  if (maxConsumerGas !== undefined && !(Number.isSafeInteger(maxConsumerGas) && Number(maxConsumerGas) >= 0)) {
    throw invalid(file, "another maxConsumerGas", "a whole number from 0");
  }
  const isList = Array.isArray(serve) && serve.every((id) => typeof id === "string" && isHash32(id));
  if (serve !== "all" && !isList) throw invalid(file, "other models to serve", '"all" or a list of modelIds');
  return fields as NodeConfig;
}

function parseJson(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid(file, "something else", "one JSON object");
}

function invalid(file: string, got: string, allowed: string): ProtocolError {
  return new ProtocolError("node/invalid-config", `${file} holds ${got}, allowed is ${allowed}: correct it`);
}
