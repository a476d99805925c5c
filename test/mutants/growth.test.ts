import { expect } from "chai";
import hre from "hardhat";
import { ADD, type Add, growthProblems, measureBeside } from "../../bench/gas/growth.ts";
import { setStage } from "../../bench/gas/scenario.ts";
import { compileMutant, type Patch } from "../support/authority/mutate.ts";

const VERIFIER = "contracts/verifiers/CommitRevealVerifier.sol";
const ESCROW = "contracts/jobs/JobEscrow.sol";
const FEW = 2;
const MANY = 60;

/** Each makes a step look at everything there is of something. */
const MUTANTS: { what: string; add: Add; contract: string; source: string; patch: Patch; finds: RegExp }[] = [
  {
    what: "operators",
    add: ADD.operators,
    contract: "CommitRevealVerifier",
    source: VERIFIER,
    patch: {
      file: VERIFIER,
      from: "        if (operatorId == 0) revert NotASigner(msg.sender);",
      to: "        for (uint256 i = 0; i < STAKING.operatorCount(); ++i) if (_shares.holders[i].state.share() == operatorId) revert NotASigner(msg.sender);",
    },
    finds: /^operators: commit grew by/,
  },
  {
    what: "pastJobs",
    add: ADD.pastJobs,
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "        jobId = jobIdOf(job);\n        _open(jobId, job.words(), input);\n    }\n\n    /// @inheritdoc IJobEscrow\n    function openWithSignature(",
      to: "        jobId = jobIdOf(job);\n        while (_accrued[bytes32(++_accrued[0])] != 0) {}\n        for (uint256 i = 0; i < _accrued[0]; ++i) jobId ^= bytes32(_accrued[bytes32(i + 1)]);\n        _open(jobIdOf(job), job.words(), input);\n    }\n\n    /// @inheritdoc IJobEscrow\n    function openWithSignature(",
    },
    finds: /^pastJobs: open grew by/,
  },
];

describe("a job that grows dearer with", function () {
  this.timeout(180_000);

  it("nothing there is, is none that this finds", async () => {
    for (const [what, add] of Object.entries(ADD)) {
      expect(growthProblems(what, await measureBeside(await setStage(hre), add, FEW, MANY))).to.deep.equal([]);
    }
  });

  for (const { what, add, contract, source, patch, finds } of MUTANTS) {
    it(`the ${what} there are, is found`, async () => {
      const stage = await setStage(hre, { [contract]: compileMutant(source, contract, patch) });
      const problems = growthProblems(what, await measureBeside(stage, add, FEW, MANY));
      expect(
        problems.filter((problem) => finds.test(problem)),
        problems.join("\n"),
      ).to.have.length(1);
    });
  }
});
