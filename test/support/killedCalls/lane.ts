import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startFakeLlamaServer } from "../../../scripts/calls/providers/FakeLlamaServer.ts";
import type { FakeProvider } from "../../../scripts/calls/providers/providerServer.ts";
import { type CallsStage, connectAs, type StagedOperator } from "../../../scripts/calls/stage.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { encodeTokenTransfer } from "../../../src/chain/token.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { putEmptyDatabase } from "../emptyDatabase.ts";
import type { ConnectBooks, ConnectProcessOptions } from "./connectProcess.ts";
import type { GatewayProcessOptions } from "./gatewayProcess.ts";
import { createParty, type Party } from "./party.ts";
import { MODEL } from "./question.ts";
import { type RecordingProxy, startRecordingProxy } from "./recordingProxy.ts";

export type ConnectStarted = { url: string; booksUrl: string };
export type Payer = Party<ConnectStarted> & {
  dataDir: string;
  /** What it says of itself. */
  books(): Promise<ConnectBooks>;
};

/** An operator's gateway, a payer's local end, and what lies between them: scenarios of one lane are played one after another. */
export type Lane = {
  name: string;
  operator: StagedOperator;
  provider: FakeProvider;
  gateway: Party<{ url: string }> & { dataDir: string; statementsFile: string };
  connect: Payer;
  proxy: RecordingProxy;
  stop(): Promise<void>;
};

export type LaneOptions = {
  operator: StagedOperator;
  /** The local chain's test accounts: the operator's signer, and who pays. */
  signer: number;
  payer: number;
};

const PURSE = parseOpg("1000");
const BUDGET = parseOpg("900");
const DEPOSIT = parseOpg("0.2");
/** A channel's deposit lasts for about ten calls. */
const PRICE = { request: "0.015", input: "0.000001", output: "0.000001" };
const EVENT_DELAY_MS = 4;

export async function startLane(stage: CallsStage, name: string, options: LaneOptions): Promise<Lane> {
  const { operator } = options;
  const { rpcUrl, addressesFile, folder } = stage;
  const provider = await startFakeLlamaServer();
  provider.eventDelayMs = EVENT_DELAY_MS;
  const proxy = await startRecordingProxy();
  const dataDir = join(folder, `${name}-gateway`);
  const statementsFile = join(folder, `${name}-statements`);
  await putEmptyDatabase(dataDir);
  const config = {
    ...{
      listen: { port: 0 },
      providers: { local: { baseUrl: provider.baseUrl } },
      models: { [MODEL]: { price: PRICE } },
    },
    anchoring: { enoughReceipts: 6, waitSeconds: 3 },
  };
  const gateway = createParty<{ url: string }>({
    script: new URL("./gatewayProcess.ts", import.meta.url),
    options: {
      ...{ rpcUrl, addressesFile, account: options.signer, dataDir, config, statementsFile },
    } satisfies Omit<GatewayProcessOptions, "endingFile">,
    endingFile: join(folder, `${name}-gateway-ending`),
    onLife: (started) => proxy.turnTo(started?.url),
  });
  const connect = await createPayer(stage, `${name}-connect`, {
    account: options.payer,
    gateways: [{ operatorId: operator.operatorId, url: proxy.url }],
  });
  await Promise.all([gateway.start(), connect.start()]);
  return {
    ...{ name, operator, provider, connect, proxy },
    gateway: { ...gateway, dataDir, statementsFile },
    async stop() {
      await connect.kill();
      await gateway.kill();
      await proxy.turnTo(undefined);
      await provider.close();
    },
  };
}

type PayerOptions = Pick<ConnectProcessOptions, "account" | "gateways"> & { challenge?: boolean };

/** Gives accounts of payers what they may spend. */
export async function fillPurses({ rpcUrl, addresses }: CallsStage, accounts: readonly number[]): Promise<void> {
  const giver = await connectAs(rpcUrl, addresses, 0);
  for (const account of accounts) {
    await sendCall(giver, encodeTokenTransfer(addresses, localTestAccount(account).address, PURSE));
  }
}

/** A local end with a fresh folder. */
export async function createPayer(
  { rpcUrl, addressesFile, folder }: CallsStage,
  name: string,
  { account, gateways, challenge = false }: PayerOptions,
): Promise<Payer> {
  const dataDir = join(folder, name);
  await putEmptyDatabase(dataDir);
  const party = createParty<ConnectStarted>({
    script: new URL("./connectProcess.ts", import.meta.url),
    options: {
      ...{ rpcUrl, addressesFile, account, dataDir, gateways, challenge },
      ...{ budget: String(BUDGET), deposit: String(DEPOSIT) },
    } satisfies Omit<ConnectProcessOptions, "endingFile">,
    endingFile: join(folder, `${name}-ending`),
  });
  return {
    ...party,
    dataDir,
    async books() {
      const url = party.started()?.booksUrl;
      if (url === undefined) throw new Error(`${name} has no life`);
      return (await (await fetch(url)).json()) as ConnectBooks;
    },
  };
}

/** Asks again and again until it holds. @returns false when it doesn't in time */
export async function comesTrue(holds: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() > until) return false;
    await sleep(100);
  }
}
