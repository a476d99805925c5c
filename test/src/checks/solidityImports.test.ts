import { expect } from "chai";
import { findWrongImports } from "../../../scripts/checks/solidityImports.ts";

const check = (files: Record<string, string>): string[] => findWrongImports(new Map(Object.entries(files)));

describe("Solidity import check", () => {
  it("passes imports that go one way, packages included", () => {
    const wrong = check({
      "contracts/types/Job.sol": 'import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";',
      "contracts/jobs/JobEscrow.sol":
        'import {Job} from "../types/Job.sol";\nimport {IVerifier} from "./IVerifier.sol";',
      "contracts/jobs/IVerifier.sol": 'import {Job} from "../types/Job.sol";',
      "contracts/verifiers/Majority.sol": 'import {IVerifier} from "../jobs/IVerifier.sol";',
    });
    expect(wrong).to.deep.equal([]);
  });

  it("refuses a type that knows a contract, even by its interface", () => {
    const wrong = check({ "contracts/types/Job.sol": 'import {IJobEscrow} from "../jobs/IJobEscrow.sol";' });
    expect(wrong).to.deep.equal(["contracts/types/Job.sol must not import contracts/jobs/IJobEscrow.sol"]);
  });

  it("refuses staking and models that import a job or verifier contract, but lets them know an interface", () => {
    const wrong = check({
      "contracts/staking/OperatorStaking.sol":
        'import {JobEscrow} from "../jobs/JobEscrow.sol";\nimport {IVerifier} from "../jobs/IVerifier.sol";',
      "contracts/models/ModelRegistry.sol": 'import {\n  Majority,\n  Tally\n} from "../verifiers/Majority.sol";',
    });
    expect(wrong).to.deep.equal([
      "contracts/staking/OperatorStaking.sol must not import contracts/jobs/JobEscrow.sol",
      "contracts/models/ModelRegistry.sol must not import contracts/verifiers/Majority.sol",
    ]);
  });

  it("refuses a contract that imports test code, and a folder without a line of its own", () => {
    const wrong = check({
      "contracts/jobs/JobEscrow.sol": 'import "../../test/mocks/Token.sol";',
      "contracts/extras/A.sol": 'import {Job} from "../types/Job.sol";',
    });
    expect(wrong).to.deep.equal([
      "contracts/jobs/JobEscrow.sol must not import test/mocks/Token.sol",
      "contracts/extras/A.sol must not import contracts/types/Job.sol",
    ]);
  });

  it("names the files of a cycle once", () => {
    const wrong = check({
      "contracts/jobs/A.sol": 'import {B} from "./B.sol";',
      "contracts/jobs/B.sol": 'import {C} from "./C.sol";',
      "contracts/jobs/C.sol": 'import {A} from "./A.sol";',
    });
    expect(wrong).to.deep.equal([
      "import cycle: contracts/jobs/A.sol → contracts/jobs/B.sol → contracts/jobs/C.sol → contracts/jobs/A.sol",
    ]);
  });

  it("doesn't take a commented import for one", () => {
    const wrong = check({
      "contracts/types/Job.sol": '// import {A} from "../jobs/A.sol";\n/* \nimport {A} from "../jobs/A.sol"; */',
    });
    expect(wrong).to.deep.equal([]);
  });
});
