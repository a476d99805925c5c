import { expect } from "chai";
import { encodeAnnounceGateway } from "../../../src/chain/receiptLog.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import type { ApiErrorBody } from "../../../src/protocol/apiError.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import type { FakeGateway } from "../../mocks/FakeGateway.ts";
import { type ConnectStage, startConnectStage } from "../../support/connectStage.ts";
import { createLoopback, type Loopback } from "../../support/loopback.ts";

const ROUTE = "/v1/chat/completions";
const BODY = { model: "fake/echo", messages: [{ role: "user", content: "hello" }] };

describe("operators, as the local end finds them", function () {
  this.timeout(60_000);
  let stage: ConnectStage;
  let first: FakeGateway;
  let second: FakeGateway;
  let loopback: Loopback;

  before(async () => {
    loopback = createLoopback();
    stage = await startConnectStage(3);
    first = await stage.gateway(0);
    second = await stage.gateway(1, { models: ["fake/second"] });
    await announce(0, "http://127.0.0.1:1");
    await announce(0, `${first.url}/`);
    await announce(1, second.url);
    const garbage = await loopback.serve((_, response) => void response.end("<html>"));
    await announce(2, garbage);
  });
  after(async () => {
    loopback.close();
    await stage.end();
  });

  async function announce(index: number, url: string): Promise<void> {
    const { chain, operatorId } = stage.operators[index] as ConnectStage["operators"][number];
    await sendCall(chain, encodeAnnounceGateway(chain.addresses, operatorId, url));
  }

  it("are those that said on chain where they are, at the newest place, and whose models can be read", async () => {
    const errors: unknown[] = [];
    const connect = await stage.connect([], { onError: (error) => errors.push(error) });
    expect(connect.operators.list().map(({ operatorId, url }) => ({ operatorId, url }))).to.deep.equal([
      { operatorId: first.operatorId, url: first.url },
      { operatorId: second.operatorId, url: second.url },
    ]);
    expect(errors).to.have.length(1);
    expect(connect.models().map(({ id }) => id)).to.deep.equal(["fake/echo", "fake/other", "fake/second"]);
    const response = await connect.ask(ROUTE, BODY);
    expect(response.status).to.equal(200);

    await announce(1, ""); // it answers nowhere any more
    await connect.operators.refresh();
    expect(connect.operators.list().map(({ operatorId }) => operatorId)).to.deep.equal([first.operatorId]);
  });

  it("are left alone with too small a bond, and in private networks", async () => {
    const demanding = await stage.connect([first], { minBond: parseOpg("100000") });
    expect(demanding.operators.list()).to.deep.equal([]);
    const careful = await stage.connect([first], { allowPrivateGateways: false });
    expect(careful.operators.list()).to.deep.equal([]);
    const { error } = (await (await careful.ask(ROUTE, BODY)).json()) as ApiErrorBody;
    expect(error.code).to.equal("model_not_found");
  });

  it("stay known when a look at them fails once, and no longer", async () => {
    const gateway = await stage.gateway(2);
    const errors: unknown[] = [];
    const connect = await stage.connect([gateway], { onError: (error) => errors.push(error), minBond: 0n });
    const isKnown = () => connect.operators.list().some(({ url }) => url === gateway.url);
    expect(isKnown()).to.equal(true);
    await gateway.close();
    await connect.operators.refresh();
    expect([isKnown(), errors.length]).to.deep.equal([true, 1]);
    await connect.operators.refresh();
    expect([isKnown(), errors.length]).to.deep.equal([false, 2]);
  });
});
