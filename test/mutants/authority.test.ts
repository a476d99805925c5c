import { expect } from "chai";

import type { ContractName } from "../support/authority/deployed.ts";
import { hostileGovernanceProblems } from "../support/authority/hostileGovernance.ts";
import { compileMutant, type Patch, patched } from "../support/authority/mutate.ts";
import { OPEN_CALLS, tryOpenCall } from "../support/authority/openCalls.ts";
import { classificationProblems } from "../support/authority/problems.ts";
import { type Stage, setStage } from "../support/authority/stage.ts";
import { parseTrustModel, readTrustModel } from "../support/authority/trustModel.ts";
import { sampleOf } from "../support/sample.ts";

// AUTHORITY_MUTANTS of the defects in the contracts, all of them unless told; AUTHORITY_SEED picks others.
const SAMPLE = process.env.AUTHORITY_MUTANTS === undefined ? undefined : Number(process.env.AUTHORITY_MUTANTS);
const SEED = Number(process.env.AUTHORITY_SEED ?? 20_261_121);

type Check = (stage: Stage) => Promise<string[]>;
/** A defect, and what the check that must find it says of it. */
type Mutant<C> = { defect: string; patch: Patch; check: C; finds: RegExp };

const ESCROW = "contracts/jobs/JobEscrow.sol";
const MODELS = "contracts/models/ModelRegistry.sol";
const STAKING = "contracts/staking/OperatorStaking.sol";
const VERIFIER = "contracts/verifiers/CommitRevealVerifier.sol";
const VOUCHERS = "contracts/calls/VoucherEscrow.sol";
const RECEIPTS = "contracts/calls/ReceiptLog.sol";
const TRUST_MODEL = "docs/trust-model.md";

const classified: Check = (stage) => classificationProblems(stage, parseTrustModel(readTrustModel()));
const stranger =
  (id: string): Check =>
  async (stage) => {
    const call = OPEN_CALLS[id];
    if (call === undefined) throw new Error(`${id} isn't tried`);
    return await tryOpenCall(stage, id, call);
  };

const CONTRACTS: (Mutant<Check> & { contract: ContractName; source: string })[] = [
  {
    defect: "anybody sets the protocol fee",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "uint32 protocolFeePpm) external restricted {",
      to: "uint32 protocolFeePpm) external {",
    },
    check: classified,
    finds: /^JobEscrow\.setProtocolFee stands in the table of privileged functions, but anybody can call it$/,
  },
  {
    defect: "a privileged function that nobody has listed",
    contract: "OperatorStaking",
    source: STAKING,
    patch: {
      file: STAKING,
      from: "    /* AUTHORITY */",
      to: "    function setOwner(uint32 id, address owner) external restricted { _stakes[id].owner = owner; }",
    },
    check: classified,
    finds: /^OperatorStaking\.setOwner \(role ADMIN, delay announced\) is missing in the table$/,
  },
  {
    defect: "a function for anybody that nobody has looked at",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "    /* AUTHORITY */",
      to: "    function sweep(address account) external { _balances[msg.sender].amount += _balances[account].amount; }",
    },
    check: classified,
    finds: /^nobody has looked at JobEscrow\.sweep: anybody can call it$/,
  },
  {
    defect: "withdrawing needs a role",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "function withdraw(address to, uint256 amount) external nonReentrant {",
      to: "function withdraw(address to, uint256 amount) external nonReentrant restricted {",
    },
    check: classified,
    finds: /^JobEscrow\.withdraw \(role ADMIN, delay announced\) is missing in the table$/,
  },
  {
    defect: "anybody takes a model's royalties",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: MODELS,
      from: "_ownModel(modelId);\n        require(royaltyRecipient",
      to: "_models[modelId];\n        require(royaltyRecipient",
    },
    check: stranger("JobEscrow.setRoyaltyRecipient"),
    finds: /^JobEscrow\.setRoyaltyRecipient changed model\.royaltyRecipient /,
  },
  {
    defect: "anybody opens jobs with others' money",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "if (uint160(msg.sender) != job.words().payer) revert NotPayer(msg.sender, job.payer);",
      to: "",
    },
    check: stranger("JobEscrow.open"),
    finds: /^JobEscrow\.open changed ledger\.payer by -/,
  },
  {
    defect: "earnings go to whoever harvests them",
    contract: "OperatorStaking",
    source: STAKING,
    patch: {
      file: STAKING,
      from: "_stakes[operatorId].claimable += SafeCast",
      to: "_stakes[operatorOf[msg.sender]].claimable += SafeCast",
    },
    check: stranger("OperatorStaking.harvest"),
    finds: /^OperatorStaking\.harvest left operator0\.claimable as it was$/,
  },
  {
    defect: "anybody makes the verifier forget what it owes",
    contract: "CommitRevealVerifier",
    source: VERIFIER,
    patch: { file: VERIFIER, from: "require(msg.sender == address(STAKING), NotStaking(msg.sender));", to: "" },
    check: stranger("CommitRevealVerifier.releaseEarnings"),
    finds: /^CommitRevealVerifier\.releaseEarnings changed operator0\.member\.earnings by -/,
  },
  {
    defect: "a pause stops refunds",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "        require(block.timestamp >= job.expiresAt, ",
      to: "        require(!_config.paused, JobsPaused());\n        require(block.timestamp >= job.expiresAt, ",
    },
    check: hostileGovernanceProblems,
    finds: /^JobEscrow\.refund was refused: JobsPaused/,
  },
  {
    defect: "a pause stops stake from coming out",
    contract: "OperatorStaking",
    source: STAKING,
    patch: {
      file: STAKING,
      from: "        require(to != address(0) && to != address(this), InvalidRecipient(to));",
      to: "        require(!paused, StakesPaused());",
    },
    check: hostileGovernanceProblems,
    finds: /^OperatorStaking\.withdraw was refused: StakesPaused/,
  },
  {
    defect: "stake stays with a verifier that isn't permitted any more",
    contract: "OperatorStaking",
    source: STAKING,
    patch: {
      file: STAKING,
      from: "        allocation.active -= amount;\n        _startLeaving",
      to: "        require(isPermitted[msg.sender]);\n        allocation.active -= amount;\n        _startLeaving",
    },
    check: hostileGovernanceProblems,
    finds: /^CommitRevealVerifier\.leave was refused: /,
  },
  {
    defect: "unbonding can be made to last for ever",
    contract: "OperatorStaking",
    source: STAKING,
    patch: { file: STAKING, from: "unbondingSeconds_ <= MAX_UNBONDING_SECONDS,", to: "unbondingSeconds_ > 0," },
    check: hostileGovernanceProblems,
    finds: /^OperatorStaking\.release was refused: StillUnbonding/,
  },
  {
    defect: "a longer unbonding holds what is leaving already",
    contract: "OperatorStaking",
    source: STAKING,
    patch: {
      file: STAKING,
      from: "require(block.timestamp >= allocation.releasesAt, StillUnbonding",
      to: "require(block.timestamp + MIN_UNBONDING_SECONDS >= allocation.releasesAt + unbondingSeconds, StillUnbonding",
    },
    check: hostileGovernanceProblems,
    finds: /^OperatorStaking\.release was refused: StillUnbonding/,
  },
  {
    defect: "open jobs pay the protocol fee of the day",
    contract: "JobEscrow",
    source: ESCROW,
    patch: {
      file: ESCROW,
      from: "            words.royaltyPpm,\n            words.protocolFeePpm\n",
      to: "            words.royaltyPpm,\n            _config.protocolFeePpm\n",
    },
    check: hostileGovernanceProblems,
    finds: /^governance: \d+, not \d+$/,
  },
  {
    defect: "anybody makes the voucher escrow forget what it owes",
    contract: "VoucherEscrow",
    source: VOUCHERS,
    patch: { file: VOUCHERS, from: "require(msg.sender == address(STAKING), NotStaking(msg.sender));", to: "" },
    check: stranger("VoucherEscrow.releaseEarnings"),
    finds: /^VoucherEscrow\.releaseEarnings changed operator1\.callEarnings by -/,
  },
  {
    defect: "anybody brings others' money into a channel",
    contract: "VoucherEscrow",
    source: VOUCHERS,
    patch: {
      file: VOUCHERS,
      from: `require(msg.sender == funding.payer, NotPayer(msg.sender, funding.payer));
        return _fund(funding);`,
      to: "return _fund(funding);",
    },
    check: stranger("VoucherEscrow.fund"),
    finds: /^VoucherEscrow\.fund changed opg\.payer by -/,
  },
  {
    defect: "a pause stops exits from channels",
    contract: "VoucherEscrow",
    source: VOUCHERS,
    patch: {
      file: VOUCHERS,
      from: "require(state.exitsAt() != 0, ChannelNotExiting(channelId));",
      to: "require(state.exitsAt() != 0 && !channelsPaused, ChannelNotExiting(channelId));",
    },
    check: hostileGovernanceProblems,
    finds: /^VoucherEscrow\.close was refused: ChannelNotExiting/,
  },
  {
    defect: "anybody sets what a challenge costs",
    contract: "ReceiptLog",
    source: RECEIPTS,
    patch: {
      file: RECEIPTS,
      from: "function setChallengeBond(uint96 bond) external restricted {",
      to: "function setChallengeBond(uint96 bond) external {",
    },
    check: classified,
    finds: /^ReceiptLog\.setChallengeBond stands in the table of privileged functions, but anybody can call it$/,
  },
  {
    defect: "anybody anchors for an operator",
    contract: "ReceiptLog",
    source: RECEIPTS,
    patch: {
      file: RECEIPTS,
      from: "if (msg.sender != state.signer()) revert NotSigner(msg.sender, state.signer());",
      to: "",
    },
    check: stranger("ReceiptLog.anchor"),
    finds: /^ReceiptLog\.anchor changed operator0\.log\.1 by 1$/,
  },
  {
    defect: "a challenge costs what it costs when it ends",
    contract: "ReceiptLog",
    source: RECEIPTS,
    patch: {
      file: RECEIPTS,
      from: "uint256 bond = challenge.bondUnits * BOND_UNIT;",
      to: "uint256 bond = challengeBond;",
    },
    check: hostileGovernanceProblems,
    finds: /^ReceiptLog\.answerOmission was refused: /,
  },
];

const TABLES: Omit<Mutant<never>, "check">[] = [
  {
    defect: "a row is missing",
    patch: { file: TRUST_MODEL, from: "| `OperatorStaking.setUnbondingSeconds` |", to: "| unbonding |" },
    finds: /^OperatorStaking\.setUnbondingSeconds \(role GOVERNOR, delay announced\) is missing in the table$/,
  },
  {
    defect: "a row names another role",
    patch: {
      file: TRUST_MODEL,
      from: "`JobEscrow.setJobsPaused` | PAUSER",
      to: "`JobEscrow.setJobsPaused` | GOVERNOR",
    },
    finds: /^JobEscrow\.setJobsPaused: the table says role GOVERNOR, the network PAUSER$/,
  },
  {
    defect: "a row promises a delay that isn't there",
    patch: { file: TRUST_MODEL, from: "new models only | none", to: "new models only | announced" },
    finds: /^JobEscrow\.setModelsPaused: the table says delay announced, the network none$/,
  },
  {
    defect: "a row is of no function",
    patch: {
      file: TRUST_MODEL,
      from: "`JobEscrow.setProtocolFee` |",
      to: "`JobEscrow.setProtocolFee`, `JobEscrow.sweep` |",
    },
    finds: /^JobEscrow\.sweep doesn't exist$/,
  },
  {
    defect: "a function with one caller isn't listed",
    patch: { file: TRUST_MODEL, from: "`OperatorStaking.deallocate`, ", to: "" },
    finds: /^OperatorStaking\.deallocate is missing in the table of functions with one caller$/,
  },
];

describe("a defect in who may do what is found:", function () {
  this.timeout(180_000);

  it("none, where there is none", async () => {
    const stage = await setStage({
      JobEscrow: compileMutant(ESCROW, "JobEscrow"),
      OperatorStaking: compileMutant(STAKING, "OperatorStaking"),
      CommitRevealVerifier: compileMutant(VERIFIER, "CommitRevealVerifier"),
      VoucherEscrow: compileMutant(VOUCHERS, "VoucherEscrow"),
      ReceiptLog: compileMutant(RECEIPTS, "ReceiptLog"),
    });
    expect(await classified(stage)).to.deep.equal([]);
    for (const id of Object.keys(OPEN_CALLS)) expect(await stranger(id)(stage)).to.deep.equal([]);
    expect(await hostileGovernanceProblems(stage)).to.deep.equal([]);
    await stage.close();
  });

  for (const { defect, contract, source, patch, check, finds } of sampleOf(CONTRACTS, SAMPLE, SEED)) {
    it(defect, async () => {
      const stage = await setStage({ [contract]: compileMutant(source, contract, patch) });
      const problems = await check(stage);
      await stage.close();
      expect(
        problems.filter((problem) => finds.test(problem)),
        problems.join("\n"),
      ).to.have.length.greaterThan(0);
    });
  }

  for (const { defect, patch, finds } of TABLES) {
    it(`in the table: ${defect}`, async () => {
      const stage = await setStage();
      const table = parseTrustModel(patched(readTrustModel(), patch));
      const problems = await classificationProblems(stage, table);
      await stage.close();
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(finds);
    });
  }
});
