import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxWasm } from "../../src/inference/onnxWasm.ts";
import { type CallsStage, stageCalls, startConnect } from "../calls/stage.ts";
import { readVoucherBalance } from "../demo/calls/balance.ts";
import { compileContracts } from "../demo/compile.ts";
import { makeEmptyStores } from "../demo/emptyStores.ts";
import type { Progress } from "../demo/progress.ts";
import { readShippedModel } from "../training/shipped.ts";
import { askAll, type Counts, type OwnRuns } from "./app.ts";
import { type Faults, foldersOf, OPERATORS, startOperators, startProviders } from "./operators.ts";
import { APPS, OWN_MODELS, questionsOf } from "./questions.ts";
import type { DemoCallsOutcome } from "./report.ts";
import { type Books, claimedOf, countProven, proveAll } from "./settle.ts";

/** The demo's own folder. */
export const OUT = fileURLToPath(new URL("../../out/demoCalls/", import.meta.url));

type Stops = (() => Promise<unknown>)[];

/** Plays the whole demo. Whatever happens, nothing is left running. @throws when anything isn't as it should be */
export async function playDemoCalls(progress: Progress, signal: AbortSignal): Promise<DemoCallsOutcome> {
  const startedAt = performance.now();
  const stops: Stops = [];
  try {
    await rm(OUT, { recursive: true, force: true });
    await mkdir(OUT, { recursive: true });
    progress.say("compiling the contracts (once; about half a minute), making empty stores");
    const folders = [...foldersOf({ folder: OUT }), ...appNames().map((name) => join(OUT, name))];
    await Promise.all([compileContracts(), makeEmptyStores(folders)]);
    signal.throwIfAborted();
    const outcome = await playOn(stops, progress, signal);
    outcome.report.durationMs = Math.round(performance.now() - startedAt);
    return outcome;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function playOn(stops: Stops, progress: Progress, signal: AbortSignal): Promise<DemoCallsOutcome> {
  const faults: Faults = { tampered: 0, answeredWrongly: 0, cut: 0 };
  progress.say("starting a local chain with the network on it, and three staked operators");
  const stage = await stageCalls(OUT, OPERATORS.length);
  stops.push(() => stage.stop());
  const providers = await startProviders();
  for (const fake of Object.values(providers)) stops.push(() => fake.close());
  progress.say("starting three gateways: an honest one, one that alters answers, one that cuts streams");
  const gateways = await startOperators(stage, providers, faults, (line) => progress.say(line));
  for (const gateway of gateways) stops.push(() => gateway.kill());
  signal.throwIfAborted();

  const counts: Counts = { calls: 0, answered: 0, retried: 0 };
  const refusedTampered = await askAsApps(stage, counts, progress, signal);
  progress.say("proving every receipt, and letting the gateways end, which anchors and claims what is left");
  const books: Books[] = [];
  for (const name of appNames()) books.push(await proveAll(stage.payer, join(OUT, name)));
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  return await addUp(stage, { counts, refusedTampered, faults, books });
}

/** One app after another, each with a local end that has to find out by itself who lies. @returns answers refused */
async function askAsApps(stage: CallsStage, counts: Counts, progress: Progress, signal: AbortSignal): Promise<number> {
  const runs = await loadOwnModels();
  let refused = 0;
  for (const [index, name] of appNames().entries()) {
    const { own, chats } = questionsOf(index);
    const connect = await startConnect(stage, {
      name,
      onLine({ event, reason }) {
        if (event === "refused") refused += 1;
        if (event === "trouble") progress.say(`${name}: ${reason}`);
      },
    });
    try {
      const { url } = connect.started;
      progress.say(`${name} asks ${own.length} times with a quorum, then ${chats.length} times without, at ${url}`);
      await askAll(url, own, runs, counts, signal);
      await askAll(url, chats, runs, counts, signal);
    } finally {
      await connect.stop();
    }
  }
  return refused;
}

type Played = { counts: Counts; refusedTampered: number; faults: Faults; books: Books[] };

/** @throws when anything isn't as it should be */
async function addUp(
  { payer }: CallsStage,
  { counts, refusedTampered, faults, books }: Played,
): Promise<DemoCallsOutcome> {
  const receipts = books.flatMap((each) => each.receipts);
  const owed = books.reduce((sum, each) => sum + each.owed, 0n);
  const prices = receipts.reduce((sum, { receipt }) => sum + receipt.price, 0n);
  const claimed = await claimedOf(payer);
  requireSame("base units claimed, and the receipts' prices", claimed, prices);
  requireSame("base units claimed, and what the apps owe", claimed, owed);
  requireSame("altered answers, and those refused", faults.tampered, refusedTampered);
  const balance = await readVoucherBalance(payer);
  requireSame("base units the voucher escrow holds, and owes", balance.held, balance.owed);
  const anchored = receipts.filter(({ inclusion }) => inclusion !== undefined).length;
  const report = {
    ...{ calls: counts.calls, answered: counts.answered, refusedTampered, retried: counts.retried },
    receipts: { issued: receipts.length, anchored, proven: await countProven(payer, receipts) },
    channels: { held: String(balance.held), owed: String(balance.owed) },
    durationMs: 0,
  };
  for (const [fault, times] of Object.entries(faults)) if (times === 0) throw new Error(`no answer was ${fault}`);
  return { report, faults, claimed };
}

/** Whoever doubts a quorum runs the model: here on WebAssembly, where the operators ran it natively. */
async function loadOwnModels(): Promise<OwnRuns> {
  const backend = createOnnxWasm();
  const [digits, iris] = await Promise.all(
    OWN_MODELS.map(async (name) => {
      const { artefact, manifest } = await readShippedModel(name);
      return await backend.load(artefact, manifest);
    }),
  );
  if (digits === undefined || iris === undefined) throw new Error("a model is missing");
  return { digits, iris };
}

function appNames(): string[] {
  return Array.from({ length: APPS }, (_, index) => `app${index + 1}`);
}

function requireSame<T extends bigint | number>(what: string, one: T, other: T): void {
  if (one !== other) throw new Error(`these should be the same: ${what}: ${one} and ${other}`);
}
