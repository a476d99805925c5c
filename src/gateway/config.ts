import { z } from "zod";
import { ProtocolError } from "../protocol/errors.ts";
import { oneLine } from "../protocol/oneLine.ts";
import { parseOpg } from "../protocol/units.ts";

/** OPG, like 0.000002. */
const opg = z.string().transform((text, context) => {
  try {
    return parseOpg(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "not an amount" });
    return z.NEVER;
  }
});

const price = z.strictObject({ request: opg.default(0n), input: opg.default(0n), output: opg.default(0n) });

const provider = z.strictObject({
  /** Where its API is; its own place unless told. */
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** The environment variable that holds its key. */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Z_][A-Z0-9_]*$/)
    .optional(),
  /** Until the first byte, and between two chunks. */
  timeoutMs: z.int().min(100).max(3_600_000).default(120_000),
});

const model = z.strictObject({
  price,
  /** The upstream's own name; the second part of the model's name unless told. */
  upstreamName: z.string().min(1).optional(),
  /** What the upstream may say it served, besides. */
  serves: z.array(z.string()).default([]),
  maxOutput: z.int().min(1).max(10_000_000).default(8_192),
});

const publish = z.discriminatedUnion("to", [
  z.strictObject({ to: z.literal("gateway") }),
  z.strictObject({
    to: z.literal("s3"),
    endpoint: z.url(),
    bucket: z.string().min(1),
    region: z.string().optional(),
    prefix: z.string().optional(),
    publicUrl: z.url().optional(),
    /** Environment variables. */
    accessKeyIdEnv: z.string(),
    secretAccessKeyEnv: z.string(),
  }),
  z.strictObject({ to: z.literal("ipfs"), apiUrl: z.url(), authorizationEnv: z.string().optional() }),
]);

const config = z.strictObject({
  /** What is announced on chain; nothing is unless told. */
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  listen: z
    .strictObject({ host: z.string().default("127.0.0.1"), port: z.int().min(0).max(65_535).default(8402) })
    .prefault({}),
  providers: z.record(z.string(), provider).default({}),
  models: z.record(z.string().regex(/^[a-z0-9-]+\/\S{1,200}$/), model),
  /** A body is hashed on the thread that serves all others: 4 MiB take a third of a second. */
  maxBodyBytes: z.int().min(1_024).max(1_073_741_824).default(4_194_304),
  /** At once. */
  maxCalls: z.int().min(1).max(100_000).default(512),
  /** A client that takes nothing for so long is left. */
  slowClientMs: z.int().min(100).max(3_600_000).default(30_000),
  /** A call that lasts longer is ended, and charged for what came. */
  maxCallMs: z.int().min(1_000).max(3_600_000).default(600_000),
  anchoring: z
    .strictObject({
      enoughReceipts: z.int().min(1).optional(),
      maxReceipts: z.int().min(1).optional(),
      waitSeconds: z.int().min(1).optional(),
    })
    .prefault({}),
  publish: publish.default({ to: "gateway" }),
});

/** What an operator says of its gateway; it holds no keys, only the names of variables that do. Amounts are OPG base units. */
export type GatewayConfig = z.output<typeof config>;

/**
 * Reads a gateway's configuration from its JSON.
 * @throws ProtocolError `gateway/invalid-config` naming the field
 */
export function parseGatewayConfig(text: string, file: string): GatewayConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("gateway/invalid-config", `${file} isn't JSON: correct it`, { cause });
  }
  const result = config.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const at = issue?.path.join(".") || "the file";
    throw new ProtocolError(
      "gateway/invalid-config",
      `${file}: ${at}: ${oneLine(issue?.message ?? "is wrong")}: correct it`,
    );
  }
  if (Object.keys(result.data.models).length > 0) return result.data;
  throw new ProtocolError(
    "gateway/invalid-config",
    `${file}: models: there is none: name one at least, with its price`,
  );
}
