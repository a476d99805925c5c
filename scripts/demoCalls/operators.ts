import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OpgProcess } from "../calls/opgProcess.ts";
import { startFakeAnthropic } from "../calls/providers/FakeAnthropic.ts";
import { startFakeGoogle } from "../calls/providers/FakeGoogle.ts";
import { startFakeOpenAi } from "../calls/providers/FakeOpenAi.ts";
import type { FakeProvider } from "../calls/providers/providerServer.ts";
import { type CallsStage, type GatewayStarted, startGateway } from "../calls/stage.ts";
import { CHAT_MODELS, OWN_MODELS } from "./questions.ts";

const FAULTY_GATEWAY = fileURLToPath(new URL("./faultyGateway.ts", import.meta.url));
/** Between two events of a provider's stream. */
const EVENT_DELAY_MS = 8;
const KEY_VARIABLE = "DEMO_PROVIDER_KEY";

export type OperatorName = "honest" | "tampers" | "cuts";
export const OPERATORS: readonly OperatorName[] = ["honest", "tampers", "cuts"];

/** What an operator asks for, next to the dearest: the faulty ones are cheap, so that they are asked first. */
const FACTORS: Record<OperatorName, (model: string) => number> = {
  honest: (model) => (model.startsWith("google/") ? 2 : 4),
  tampers: () => 1,
  cuts: (model) => (model.startsWith("google/") ? 4 : 2),
};

/** What the faulty ones say of their faults. */
export type Faults = { tampered: number; answeredWrongly: number; cut: number };

/** The three providers, FAKE. */
export type Providers = Record<"openai" | "anthropic" | "google", FakeProvider>;

export async function startProviders(): Promise<Providers> {
  const [openai, anthropic, google] = await Promise.all([startFakeOpenAi(), startFakeAnthropic(), startFakeGoogle()]);
  for (const fake of [openai, anthropic, google]) fake.eventDelayMs = EVENT_DELAY_MS;
  return { openai, anthropic, google };
}

/** Starts the three gateways, and waits until each has announced on chain where it answers. */
export async function startOperators(
  stage: CallsStage,
  providers: Providers,
  faults: Faults,
  say: (line: string) => void,
): Promise<OpgProcess<GatewayStarted>[]> {
  return await Promise.all(
    OPERATORS.map(async (name, index) => {
      const operator = stage.operators[index];
      if (operator === undefined) throw new Error(`there is no operator ${index}`);
      const announced = Promise.withResolvers<void>();
      const started = await startGateway(stage, operator, {
        name,
        config: await configOf(name, providers),
        env: { [KEY_VARIABLE]: "none is needed" },
        ...(name !== "honest" && { script: FAULTY_GATEWAY, scriptArgs: [name] }),
        onLine({ event, ...line }) {
          if (event === "announced") announced.resolve();
          if (event === "tampered" || event === "answeredWrongly" || event === "cut") faults[event] += 1;
          if (event === "anchored") say(`operator ${index + 1} anchored ${line.count} receipts`);
          if (event === "trouble") say(`operator ${index + 1}: ${line.reason}`);
        },
      });
      await announced.promise;
      return started;
    }),
  );
}

async function configOf(name: OperatorName, providers: Providers): Promise<object> {
  const [port, announced] = await freePorts(2);
  const baseUrls = Object.entries(providers).map(([provider, { baseUrl }]) => [
    provider,
    { baseUrl, apiKeyEnv: KEY_VARIABLE },
  ]);
  // Amounts that don't come out even.
  const price = (model: string) => ({
    input: opg(1_234_567n * BigInt(FACTORS[name](model))),
    output: opg(7_654_321_987n * BigInt(FACTORS[name](model))),
  });
  const models = [...CHAT_MODELS, ...OWN_MODELS.map((model) => `onnx/${model}`)];
  return {
    listen: { port },
    publicUrl: `http://127.0.0.1:${name === "tampers" ? announced : port}`,
    providers: Object.fromEntries(baseUrls),
    models: Object.fromEntries(models.map((model) => [model, { price: price(model), maxOutput: 1_000 }])),
  };
}

function opg(units: bigint): string {
  return `0.${String(units).padStart(18, "0")}`;
}

/** Ports of the loopback that nobody listens on now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export const foldersOf = ({ folder }: Pick<CallsStage, "folder">) => OPERATORS.map((name) => join(folder, name));
