import { createRandom } from "../../../scripts/training/random.ts";

/** Who is killed, right after which step of its own, and at which time that it gets there. */
export type Scenario = {
  seed: number;
  who: "gateway" | "connect";
  step: string;
  nth: number;
  /** Whether the other one is killed as soon as it is seen. */
  both: boolean;
};

/**
 * What makes a scenario's step come: calls; a provider that fails; an app that goes away; calls that use up a channel; a start;
 * an operator that lies; one that anchors nothing.
 */
export type Occasion = "calls" | "failures" | "leaving" | "funding" | "start" | "lie" | "omission";

type Step = { who: Scenario["who"]; step: string; occasion: Occasion; mostTimes: number };

const of = (who: Scenario["who"], occasion: Occasion, mostTimes: number, ...steps: string[]): Step[] =>
  steps.map((step) => ({ who, step, occasion, mostTimes }));

export const STEPS: readonly Step[] = [
  ...of("gateway", "calls", 6, "reserved", "upstreamAnswered", "receiptStored"),
  ...of("gateway", "calls", 12, "partSigned"),
  ...of("gateway", "start", 1, "startIncarnationWritten", "startIncarnationSent"),
  ...of("gateway", "calls", 2, "planned", "anchorWritten", "anchorSent", "anchored"),
  ...of("connect", "calls", 6, "recorded", "sent", "receiptChecked", "receiptStored", "answered", "proven"),
  ...of("connect", "calls", 12, "partChecked"),
  ...of("connect", "calls", 2, "settled"),
  ...of("connect", "failures", 2, "freed"),
  ...of("connect", "leaving", 2, "resolved"),
  ...of("connect", "funding", 1, "approveWritten", "approveSent", "fundWritten", "fundSent"),
  ...of("connect", "lie", 1, "refused"),
  ...of("connect", "omission", 1, "challengeOmissionWritten", "challengeOmissionSent", "challenged"),
];

/** Each step is `who:name`. */
export const nameOf = ({ who, step }: Pick<Scenario, "who" | "step">): string => `${who}:${step}`;

export function occasionOf(scenario: Scenario): Occasion {
  const found = STEPS.find((step) => nameOf(step) === nameOf(scenario));
  if (found === undefined) throw new Error(`there is no step ${nameOf(scenario)}`);
  return found.occasion;
}

/** Whether a lane's own two parties play it. */
export const isOfLane = (occasion: Occasion): boolean => occasion !== "lie" && occasion !== "omission";

const BOTH = 0.25;

/** All steps in an order of the seed's, again and again; those for which a challenge has to run its time only once. */
export function pickScenarios(seed: number, count: number): Scenario[] {
  const random = createRandom(seed);
  const picked: Scenario[] = [];
  for (let round = 0; picked.length < count; round++) {
    const order = Uint32Array.from(STEPS.keys());
    random.shuffle(order);
    for (const index of order) {
      const { who, step, occasion, mostTimes } = STEPS[index] as Step;
      if (occasion === "omission" && round > 0) continue;
      const both = isOfLane(occasion) && random.next() < BOTH;
      picked.push({ seed: seed + picked.length, who, step, nth: random.integer(1, mostTimes), both });
    }
  }
  return picked.slice(0, count);
}
