import { type CallsStage, connectAs } from "../../../scripts/calls/stage.ts";
import { createRandom } from "../../../scripts/training/random.ts";
import { receiptLogEvents } from "../../../src/chain/receiptLogEvents.ts";
import type { GatewayPlace } from "../../../src/connect/operators.ts";
import { type FakeGateway, startFakeGateway } from "../../mocks/FakeGateway.ts";
import { openTemporaryStore } from "../temporaryStore.ts";
import { checkPayer } from "./books.ts";
import { comesTrue, createPayer, type Lane } from "./lane.ts";
import { createApp, type Played } from "./play.ts";
import { MODEL } from "./question.ts";
import type { Scenario } from "./scenarios.ts";

/** An operator that changes what it has signed, or anchors nothing, as its fault says; and what payers meet there. */
export type Liar = { gateway: FakeGateway; close(): Promise<void> };

const UNTIL_CAUGHT_MS = 45_000;
const UPHELD_MS = 60_000;

export async function startLiar(stage: CallsStage, operatorId: number, signer: number): Promise<Liar> {
  const store = await openTemporaryStore();
  const chain = await connectAs(stage.rpcUrl, stage.addresses, signer);
  const gateway = await startFakeGateway({ chain, store, operatorId, models: [MODEL] });
  return {
    gateway,
    async close() {
      await gateway.close();
      await store.close();
    },
  };
}

export type LiarScenario = { stage: CallsStage; lane: Lane; liar: Liar; scenario: Scenario; account: number };

/** A payer of its own, to whom the liar is the cheapest, ends when it has caught it: its next life knows. */
export async function playLie({ stage, lane, liar, scenario, account }: LiarScenario): Promise<Played & Checked> {
  const honest = { operatorId: lane.operator.operatorId, url: lane.proxy.url };
  const payer = await createPayer(stage, `${lane.name}-lied-to-${scenario.seed}`, {
    account,
    gateways: [placeOf(liar), honest],
  });
  liar.gateway.fault = "changed-body";
  payer.arm(scenario);
  await payer.start();
  const app = createApp(payer, createRandom(scenario.seed), `${scenario.seed}`);
  // One at a time: its other answers would be as true as they are signed.
  const asking = app.askWhole();
  const isKilled = await payer.ends(UNTIL_CAUGHT_MS);
  await asking;
  payer.disarm();
  await payer.start();
  const { calls } = liar.gateway;
  const goesOn = await app.isAnswered();
  const wrong = [
    ...(await checkPayer(payer)),
    ...(liar.gateway.calls === calls ? [] : ["the liar was asked again in the next life"]),
  ];
  await payer.kill();
  return { scenario, isKilled, goesOn, ...app.got, wrong };
}

export type Checked = { wrong: string[] };

/** A payer of its own ends when it challenges receipts that were never anchored; its next life sees it through. */
export async function playOmission({ stage, lane, liar, scenario, account }: LiarScenario): Promise<Played & Checked> {
  const payer = await createPayer(stage, `${lane.name}-left-out-${scenario.seed}`, {
    account,
    gateways: [placeOf(liar)],
    challenge: true,
  });
  liar.gateway.reset();
  payer.arm(scenario);
  await payer.start();
  const truth = {
    say: (text: string) => `echo: ${JSON.stringify([{ role: "user", content: text }])}`,
    totalTokens: 12,
  };
  const app = createApp(payer, createRandom(scenario.seed), `${scenario.seed}`, truth);
  await comesTrue(async () => (await app.askWhole()) === "true", UPHELD_MS);
  const isKilled = await payer.ends(UPHELD_MS);
  payer.disarm();
  await payer.start();
  const isUpheld = async () => (await payer.books()).receipts.every(({ proof }) => proof === "upheld");
  const wrong = (await comesTrue(isUpheld, UPHELD_MS)) ? [] : ["a challenge wasn't seen through"];
  const { receipts } = await payer.books();
  const ids = new Set<string>(receipts.map(({ receiptId }) => receiptId));
  const challenges = (await receiptLogEvents(stage.payer, { fromBlock: 0n, toBlock: "latest" })).filter(
    (event) => event.kind === "challenged" && ids.has(event.receiptId),
  );
  if (challenges.length !== receipts.length) wrong.push(`${receipts.length} receipts, ${challenges.length} challenges`);
  wrong.push(...(await checkPayer(payer)));
  const goesOn = (await app.askWhole()) === "true";
  await payer.kill();
  return { scenario, isKilled, goesOn, ...app.got, wrong };
}

const placeOf = ({ gateway: { operatorId, url } }: Liar): GatewayPlace => ({ operatorId, url });
