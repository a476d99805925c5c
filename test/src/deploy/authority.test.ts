import { isContractFuture } from "@nomicfoundation/ignition-core";
import { expect } from "chai";

import { networkModule } from "../../../deploy/modules/Network.ts";
import { CONTRACT_NAMES } from "../../support/authority/deployed.ts";
import { OPEN_CALLS, tryOpenCall } from "../../support/authority/openCalls.ts";
import { classificationProblems } from "../../support/authority/problems.ts";
import { type Stage, setStage } from "../../support/authority/stage.ts";
import { parseTrustModel, readTrustModel } from "../../support/authority/trustModel.ts";

describe("every function of the network (A1)", () => {
  let stage: Stage;

  before(async () => {
    stage = await setStage();
  });
  after(async () => {
    await stage.close();
  });

  it("is of a contract that is looked at", () => {
    const { futures } = networkModule({ usesExistingOpg: false, governorDeploys: false });
    const names = [...futures].flatMap((future) => (isContractFuture(future) ? [future.contractName] : []));
    expect(names).to.have.members(CONTRACT_NAMES);
  });

  it("stands in docs/trust-model.md with the role and delay it has, or is open to anybody", async () => {
    expect(await classificationProblems(stage, parseTrustModel(readTrustModel()))).to.deep.equal([]);
  });

  for (const [id, call] of Object.entries(OPEN_CALLS)) {
    it(`${id} lets a stranger ${call.may}`, async () => {
      expect(await tryOpenCall(stage, id, call)).to.deep.equal([]);
    });
  }
});
