import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "../../../scripts/training/random.ts";
import { comesTrue, type Lane, type Payer } from "./lane.ts";
import { askAndJudge, type Outcome, type Question, type Truth } from "./question.ts";
import { nameOf, occasionOf, type Scenario } from "./scenarios.ts";

/** What came of a scenario, before the books are looked at. */
export type Played = {
  scenario: Scenario;
  /** Whether the step was come to and the process ended there. */
  isKilled: boolean;
  /** Whether calls were answered again, to their end, afterwards. */
  goesOn: boolean;
  outcomes: Record<Outcome, number>;
  /** What the app got and should never have got. */
  lies: string[];
};

const UNTIL_STEP_MS = 45_000;
const UNTIL_ANSWERED_MS = 40_000;
const DOWN_MS = 400;

/** Plays a scenario of a lane's own two parties: calls, an end in the middle of them, a new life, calls. */
export async function playScenario(lane: Lane, scenario: Scenario): Promise<Played> {
  const { gateway, connect, provider } = lane;
  const occasion = occasionOf(scenario);
  const app = createApp(connect, createRandom(scenario.seed), `${lane.name} ${scenario.seed}`);
  const [victim, other] = scenario.who === "gateway" ? [gateway, connect] : [connect, gateway];
  let isKilled: boolean;
  // One that a scenario before this couldn't start is started here.
  for (const party of [gateway, connect]) if (party.started() === undefined) await party.start();
  if (occasion === "start") {
    await app.askSome(2);
    const asking = app.askSome(4);
    await Promise.all([victim.kill(), scenario.both && other.kill()]);
    await asking;
    victim.arm(scenario);
    isKilled = (await victim.start()) > 0;
    if (scenario.both) await other.start();
  } else {
    if (occasion === "failures") provider.fault = "serverError";
    victim.arm(scenario);
    isKilled = await askUntil(app, victim.ends, occasion === "leaving");
    provider.fault = undefined;
    victim.disarm();
    if (isKilled) {
      if (scenario.both) await other.kill();
      await sleep(app.random.next() * DOWN_MS);
      await Promise.all([victim.start(), scenario.both && other.start()]);
    }
  }
  return { scenario, isKilled, goesOn: await app.isAnswered(), ...app.got };
}

/** Asks, a few at a time, until the one that is to die has died. */
export async function askUntil(
  app: App,
  ends: (timeoutMs: number) => Promise<boolean>,
  leaves: boolean,
): Promise<boolean> {
  const until = performance.now() + UNTIL_STEP_MS;
  while (performance.now() < until) {
    const asking = app.askSome(app.random.integer(2, 4), leaves);
    const hasEnded = await Promise.race([ends(UNTIL_STEP_MS), asking.then(() => false)]);
    await asking;
    // What comes with a block, or when nothing is asked, needs time.
    if (hasEnded || (await ends(app.random.integer(100, 900)))) return true;
  }
  return false;
}

export type App = {
  random: Random;
  got: Pick<Played, "outcomes" | "lies">;
  /** So many at once, some streamed. */
  askSome(count: number, leaves?: boolean): Promise<void>;
  askWhole(): Promise<Outcome>;
  /** Whether one in one piece and one that is streamed are answered to their end, sooner or later. */
  isAnswered(): Promise<boolean>;
};

/** Asks questions of its own and judges what it gets. */
export function createApp(connect: Payer, random: Random, name: string, truth?: Truth): App {
  const got: App["got"] = { outcomes: { true: 0, cut: 0, refused: 0, false: 0 }, lies: [] };
  let asked = 0;

  async function ask(question: Omit<Question, "text">): Promise<Outcome> {
    asked += 1;
    const text = `question ${asked} of ${name}, ${"please ".repeat(random.integer(0, 8))}thank you`;
    const url = connect.started()?.url;
    const outcome = url === undefined ? "refused" : await askAndJudge(url, { ...question, text }, truth);
    got.outcomes[outcome] += 1;
    if (outcome === "false") got.lies.push(text);
    return outcome;
  }

  return {
    random,
    got,
    async askSome(count, leaves = false) {
      const kinds = Array.from({ length: count }, () => leaves || random.next() < 0.6);
      await Promise.all(kinds.map((isStream) => ask({ isStream, leaves })));
    },
    askWhole: () => ask({ isStream: false }),
    async isAnswered() {
      const comes = (isStream: boolean) =>
        comesTrue(async () => (await ask({ isStream })) === "true", UNTIL_ANSWERED_MS);
      return (await comes(false)) && (await comes(true));
    },
  };
}

export const titleOf = ({ seed, nth, both, ...step }: Scenario): string =>
  `seed ${seed}, ${nameOf(step)} no. ${nth}${both ? ", and the other" : ""}`;
