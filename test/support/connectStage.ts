import type { SigningChain } from "../../src/chain/clients.ts";
import type { Connect, OpenConnectOptions } from "../../src/connect/openConnect.ts";
import { openConnect } from "../../src/connect/openConnect.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { registerOperator } from "../../src/sdk/registerOperator.ts";
import { addStandingBond } from "../../src/sdk/standingBond.ts";
import { type FakeGateway, type FakeGatewayOptions, startFakeGateway } from "../mocks/FakeGateway.ts";
import { putEmptyDatabase } from "./emptyDatabase.ts";
import { openTemporaryStore, temporaryFolder } from "./temporaryStore.ts";
import { startTestNetwork, type TestNetwork } from "./testNetwork.ts";

/** A chain, operators with FAKE gateways, and a payer with OPG. */
export type ConnectStage = {
  network: TestNetwork;
  payer: SigningChain;
  operators: { chain: SigningChain; operatorId: number }[];
  /** A gateway of the n-th operator; it ends with the stage. */
  gateway(index: number, options?: Partial<FakeGatewayOptions>): Promise<FakeGateway>;
  /** A local end that knows these gateways; it ends with the stage. Without a folder it gets one of its own. */
  connect(gateways: readonly FakeGateway[], options?: Partial<OpenConnectOptions>): Promise<Connect>;
  /** One with an empty database. */
  folder(): Promise<string>;
  end(): Promise<void>;
};

const PURSE = parseOpg("1000");
const FIRST_OPERATOR = 4;

export async function startConnectStage(operatorCount: number): Promise<ConnectStage> {
  const network = await startTestNetwork();
  await network.fund(1, parseOpg("10000"));
  const payer = await network.connectAs(1);
  const operators: ConnectStage["operators"] = [];
  for (let index = 0; index < operatorCount; index++) {
    await network.fund(FIRST_OPERATOR + index, PURSE);
    const chain = await network.connectAs(FIRST_OPERATOR + index);
    const signer = chain.account.address;
    const { operatorId } = await registerOperator(chain, { signer, stake: PURSE, allocate: 0n });
    await addStandingBond(chain, PURSE);
    operators.push({ chain, operatorId });
  }
  const store = await openTemporaryStore();
  const ends: (() => Promise<unknown>)[] = [() => store.close()];
  const folder = async () => {
    const { folder: path, remove } = await temporaryFolder();
    ends.push(remove);
    await putEmptyDatabase(path);
    return path;
  };
  return {
    ...{ network, payer, operators, folder },
    async gateway(index, options = {}) {
      const operator = operators[index];
      if (operator === undefined) throw new Error(`there is no operator ${index}`);
      const gateway = await startFakeGateway({ ...operator, store, ...options });
      ends.push(() => gateway.close());
      return gateway;
    },
    async connect(gateways, options = {}) {
      const connect = await openConnect({
        ...{
          chain: payer,
          dataDir: options.dataDir ?? (await folder()),
          budget: parseOpg("100"),
          deposit: parseOpg("5"),
        },
        ...{ operators: gateways, allowPrivateGateways: true },
        ...options,
        intervals: { pollingMs: 20, resolveMs: 50, idleMs: 100_000, proveMs: 0, ...options.intervals },
      });
      let isOpen = true;
      const close = async () => {
        if (isOpen) await connect.close();
        isOpen = false;
      };
      ends.push(close);
      return { ...connect, close };
    },
    async end() {
      for (const end of ends.splice(0).reverse()) await end();
    },
  };
}
