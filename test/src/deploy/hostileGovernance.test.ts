import { expect } from "chai";

import { ATTACKS, hostileGovernanceProblems } from "../../support/authority/hostileGovernance.ts";
import { setStage } from "../../support/authority/stage.ts";
import { parseTrustModel, readTrustModel } from "../../support/authority/trustModel.ts";

describe("governance that has every role and has waited for every delay", () => {
  it("is tried with every privileged function there is", () => {
    const { privileged } = parseTrustModel(readTrustModel());
    expect(Object.keys(ATTACKS)).to.have.members([...privileged.keys()]);
  });

  it("takes nothing, stops nobody from leaving and changes no open job (A1, E1)", async () => {
    const stage = await setStage();
    expect(await hostileGovernanceProblems(stage)).to.deep.equal([]);
    await stage.close();
  });
});
