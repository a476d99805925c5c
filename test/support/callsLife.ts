import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpgProcess } from "../../scripts/calls/opgProcess.ts";
import { startFakeAnthropic } from "../../scripts/calls/providers/FakeAnthropic.ts";
import { startFakeBytedance } from "../../scripts/calls/providers/FakeBytedance.ts";
import { startFakeGoogle } from "../../scripts/calls/providers/FakeGoogle.ts";
import { startFakeLlamaServer } from "../../scripts/calls/providers/FakeLlamaServer.ts";
import { startFakeOpenAi } from "../../scripts/calls/providers/FakeOpenAi.ts";
import type { FakeProvider } from "../../scripts/calls/providers/providerServer.ts";
import {
  type CallsStage,
  type ConnectStarted,
  type GatewayStarted,
  type StagedOperator,
  stageCalls,
  startConnect,
  startGateway,
} from "../../scripts/calls/stage.ts";
import { putEmptyDatabase } from "./emptyDatabase.ts";

export type Fakes = Record<"openai" | "anthropic" | "google" | "bytedance" | "local", FakeProvider>;

/** A chain, an operator's gateway in front of every provider's fake, and an app developer's local end: each a process. */
export type CallsLife = {
  stage: CallsStage;
  operator: StagedOperator;
  fakes: Fakes;
  gateway: OpgProcess<GatewayStarted>;
  connect: OpgProcess<ConnectStarted>;
  /** What their logs have said of troubles. */
  troubles: string[];
  /** Where their stores are. */
  gatewayFolder: string;
  connectFolder: string;
  /** Ends the processes of calls in order; the chain goes on. */
  stopCalls(): Promise<void>;
  end(): Promise<void>;
};

/** The fake that is given little time: bytedance's. */
export const SHORT_TIMEOUT_MS = 1_500;

export const GATEWAY_MAX_BODY_BYTES = 1024 * 1024;

const KEY = { apiKeyEnv: "PROVIDERS_KEY" };
const TOKENS = { price: { input: "0.000001", output: "0.000002" } };
const PICTURES = { price: { request: "0.001", output: "0.01" } };
const ELEMENTS = { price: { request: "0.0001" } };
const MODELS = {
  "openai/gpt-4o": TOKENS,
  "openai/text-embedding-3-small": TOKENS,
  "openai/gpt-image-1": PICTURES,
  "anthropic/claude-sonnet-4-5": TOKENS,
  "google/gemini-2.0-flash": TOKENS,
  "google/gemini-embedding-001": TOKENS,
  "bytedance/seed-1-6-250615": TOKENS,
  "bytedance/seedream-4-0": PICTURES,
  "local/llama-3.1-8b": TOKENS,
  "onnx/iris": ELEMENTS,
};

/** @param heapMib most that each process may have of V8's old space; Node's own measure unless told */
export async function startCallsLife(heapMib: Partial<Record<"gateway" | "connect", number>> = {}): Promise<CallsLife> {
  const heapOf = (name: "gateway" | "connect") =>
    heapMib[name] === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${heapMib[name]}` };
  const folder = await mkdtemp(join(tmpdir(), "opg-calls-"));
  const [gatewayFolder, connectFolder] = [join(folder, "gateway"), join(folder, "connect")];
  const [stage, fakes] = await Promise.all([
    stageCalls(folder, 1),
    startFakes(),
    putEmptyDatabase(gatewayFolder).then(() => putEmptyDatabase(connectFolder)),
  ]);
  const [operator] = stage.operators;
  if (operator === undefined) throw new Error("there is no operator");
  const troubles: string[] = [];
  const onLine = ({ event, reason }: Record<string, unknown>) => {
    if (event === "trouble") troubles.push(String(reason));
  };
  const gateway = await startGateway(stage, operator, {
    name: "gateway",
    config: {
      listen: { port: 0 },
      providers: providersOf(fakes),
      models: MODELS,
      maxBodyBytes: GATEWAY_MAX_BODY_BYTES,
    },
    env: { ...heapOf("gateway"), PROVIDERS_KEY: "operators-own-key-0123456789" },
    onLine,
  });
  const args = ["--gateway", `${operator.operatorId}=${gateway.started.url}`];
  const connect = await startConnect(stage, { name: "connect", args, env: heapOf("connect"), onLine });
  const stopCalls = async () => {
    await connect.stop();
    await gateway.stop();
  };
  return {
    ...{ stage, operator, fakes, gateway, connect, troubles, gatewayFolder, connectFolder, stopCalls },
    async end() {
      await Promise.all([connect.kill(), gateway.kill()]);
      await stage.stop();
      await Promise.all(Object.values(fakes).map((fake) => fake.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** How many requests have come to any of them. */
export function requestsTo(fakes: Fakes): number {
  return Object.values(fakes).reduce((sum, { requests }) => sum + requests, 0);
}

async function startFakes(): Promise<Fakes> {
  const [openai, anthropic, google, bytedance, local] = await Promise.all([
    startFakeOpenAi(),
    startFakeAnthropic(),
    startFakeGoogle(),
    startFakeBytedance(),
    startFakeLlamaServer(),
  ]);
  return { openai, anthropic, google, bytedance, local };
}

function providersOf({ openai, anthropic, google, bytedance, local }: Fakes) {
  return {
    openai: { baseUrl: openai.baseUrl, ...KEY },
    anthropic: { baseUrl: anthropic.baseUrl, ...KEY },
    google: { baseUrl: google.baseUrl, ...KEY },
    bytedance: { baseUrl: bytedance.baseUrl, ...KEY, timeoutMs: SHORT_TIMEOUT_MS },
    local: { baseUrl: local.baseUrl },
  };
}
