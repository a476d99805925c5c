// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {CommitRevealTerms} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {Fault, ICommitRevealVerifier} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// What `settle` makes of a committee: who is paid, who is slashed, and when there is no result.
contract CommitRevealVerifierConcludeTest is JobFixture {
    /* ONE RESULT */

    /// M5
    function test_AnAgreedResultPaysAllEqually() public {
        Job memory job = _agreed();
        _settle(job, RESULT);
        (uint256 earners, uint256 royalty, uint256 protocol) = _split(FEE);
        uint256 each = earners / 3;
        assertEq(_member(0).earnings, earners - 2 * each);
        assertEq(_member(1).earnings, each);
        assertEq(_member(2).earnings, each);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
            assertEq(_member(i).share, STAKE_UNITS);
        }
        assertEq(escrow.balanceOf(address(verifier)), earners);
        (uint128 accruedRoyalty, uint128 accruedProtocol) = escrow.accrualsOf(modelId);
        assertEq(accruedRoyalty, royalty);
        assertEq(accruedProtocol, protocol);
        assertEq(earners + royalty + protocol, FEE);
        assertTrue(_schedule(job).resolved);
        _assertStatus(job, JobStatus.Settled);
    }

    /// M5, dust and odd amounts included
    function testFuzz_EarnersGetTheRestToTheLastUnit(uint128 fee) public {
        vm.prank(publisher);
        models.setPrice(modelId, 0, ROYALTY_PPM);
        fee = uint128(bound(fee, 0, BOND));
        Job memory job = _job();
        job.fee = fee;
        CommitRevealTerms memory terms = _terms();
        terms.bondUnits = uint56(fee / UNIT + 1);
        job.verifierData = _pack(terms);
        _open(job);
        _passSeedBlock(job);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, RESULT);
        }
        _closeCommits(job);
        escrow.settle(RESULT, _evidence(job), job);
        (uint128 royalty, uint128 protocol) = escrow.accrualsOf(modelId);
        uint256 earned = uint256(_member(0).earnings) + _member(1).earnings + _member(2).earnings;
        assertEq(earned + royalty + protocol, fee);
        assertEq(escrow.balanceOf(address(verifier)), earned);
        assertEq(escrow.balanceOf(payer), DEPOSIT - fee);
    }

    function test_OneSeatDecidesAlone() public {
        Job memory job = _jobOfSize(1);
        _open(job);
        _passSeedBlock(job);
        _passTo(_schedule(job).openedAt + 2 * WINDOW); // the widest step: everybody may sit
        _commit(3, job, RESULT);
        _closeCommits(job);
        _reveal(3, job, RESULT);
        _settle(job, RESULT);
        (uint256 earners, , ) = _split(FEE);
        assertEq(_member(3).earnings, earners);
    }

    function test_AResultMayBeEmpty() public {
        Job memory job = _committed("", "", "");
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, "");
        }
        _settle(job, "");
        (JobStatus status, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(uint8(status), uint8(JobStatus.Settled));
        assertEq(resultHash, keccak256(""));
    }

    function test_RevertWhen_CommitsAreOpen() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.CommitsOpen.selector, _schedule(job).commitsCloseAt)
        );
        _settle(job, RESULT);
    }

    /// Two of three agree, but the third can still speak.
    function test_RevertWhen_SomebodyCanStillReveal() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.RevealsOpen.selector, _schedule(job).revealsCloseAt)
        );
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Open);
    }

    /* CARRIED REVEALS */

    function test_RevealsTravelWithTheSettlement() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = _evidence(job);
        bytes32 jobId = escrow.jobIdOf(job);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(verifier));
            emit ICommitRevealVerifier.ResultRevealed(jobId, operators[i].id, keccak256(RESULT));
        }
        vm.prank(stranger);
        escrow.settle(RESULT, evidence, job);
        _assertStatus(job, JobStatus.Settled);
        assertEq(escrow.balanceOf(stranger), 0, "carrying earns nothing");
    }

    /// Somebody revealed by itself meanwhile, and one is carried twice: both are passed over.
    function test_CarriedRevealsCantBeRaced() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(1, job, RESULT);
        escrow.settle(RESULT, bytes.concat(_evidence(job), _evidenceOf(0, job)), job);
        _assertStatus(job, JobStatus.Settled);
        (uint256 earners, , ) = _split(FEE);
        assertEq(_member(1).earnings, earners / 3);
    }

    function test_RevertWhen_ACarriedRevealIsWrong() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = _evidenceOf(0, job, OTHER_RESULT);
        vm.expectPartialRevert(ICommitRevealVerifier.RevealMismatch.selector);
        escrow.settle(RESULT, evidence, job);
        evidence = _evidenceOf(0, job);
        vm.expectPartialRevert(ICommitRevealVerifier.RevealMismatch.selector);
        escrow.settle(OTHER_RESULT, evidence, job);
    }

    function test_RevertWhen_ACarriedRevealIsLate() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = _evidenceOf(0, job);
        uint256 closesAt = _schedule(job).revealsCloseAt;
        _passTo(closesAt);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.RevealsClosed.selector, closesAt));
        escrow.settle(RESULT, evidence, job);
    }

    function test_RevertWhen_TheEvidenceIsGarbage() public {
        Job memory job = _agreed();
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.EvidenceMalformed.selector, 1));
        escrow.settle(RESULT, hex"01", job);
        _assertStatus(job, JobStatus.Open);
    }

    /* MINORITY AND SILENCE */

    /// At least half of a minority's bond is burnt, the rest goes to the majority; what doesn't divide is burnt too.
    function test_TheMinoritysBondIsBurntWhole() public {
        Job memory job = _committed(RESULT, OTHER_RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, OTHER_RESULT);
        _reveal(2, job, RESULT);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(escrow.jobIdOf(job), operators[1].id, Fault.Minority, BOND);
        _settle(job, RESULT);

        (uint256 earners, , ) = _split(FEE);
        assertEq(_member(0).earnings, earners - earners / 2);
        assertEq(_member(2).earnings, earners / 2);
        assertEq(_member(1).earnings, 0);
        assertEq(_member(1).share, STAKE_UNITS - BOND_UNITS);
        assertEq(_member(1).locked, 0);
        assertEq(_activeAt(1), STAKE - BOND);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0, "outvoting pays nothing");
        assertEq(staking.stakeOf(operators[2].id).claimable, 0, "outvoting pays nothing");
        assertEq(staking.awaitingBurn(), BOND);
        assertEq(verifier.totalShares(), 5 * STAKE_UNITS - BOND_UNITS);
    }

    function test_SilenceIsBurntWhole() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _closeReveals(job);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(escrow.jobIdOf(job), operators[2].id, Fault.Silence, BOND);
        _settle(job, RESULT);
        assertEq(staking.awaitingBurn(), BOND);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0);
        assertEq(_member(2).share, STAKE_UNITS - BOND_UNITS);
        _assertStatus(job, JobStatus.Settled);
    }

    /// Whoever copied a commitment can't open it, and loses its bond.
    function test_ACopiedCommitmentEarnsNothing() public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        bytes32 copied = _commitmentOf(0, job, RESULT);
        _commit(0, job, RESULT);
        vm.prank(operators[1].signer);
        verifier.commit(_ref(job), seed, _top(copied));
        _commit(2, job, RESULT);
        _closeCommits(job);
        _reveal(0, job, RESULT);
        _reveal(2, job, RESULT);
        _closeReveals(job);
        _settle(job, RESULT);
        assertEq(_member(1).earnings, 0);
        assertEq(_activeAt(1), STAKE - BOND);
    }

    function test_StakeThatIsLeavingPaysTheSlash() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _leave(operators[2], STAKE);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _closeReveals(job);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(escrow.jobIdOf(job), operators[2].id, Fault.Silence, BOND);
        _settle(job, RESULT);
        assertEq(staking.allocationOf(operators[2].id, address(verifier)).leaving, STAKE - BOND);
        assertEq(_member(2).share, 0);
        assertEq(_member(2).locked, 0);
        assertEq(staking.awaitingBurn(), BOND);
    }

    /// S1: part has left, part stays; the active part pays first.
    function testFuzz_TheBondIsPaidWhateverLeaves(uint256 leaving) public {
        leaving = bound(leaving, 0, STAKE_UNITS) * UNIT;
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _leave(operators[2], leaving);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _closeReveals(job);
        _settle(job, RESULT);
        uint256 active = STAKE - leaving;
        uint256 fromActive = active < BOND ? active : BOND;
        assertEq(_activeAt(2), active - fromActive);
        assertEq(staking.allocationOf(operators[2].id, address(verifier)).leaving, leaving - (BOND - fromActive));
        assertEq(staking.awaitingBurn(), BOND);
        assertEq(uint256(_member(2).share) * UNIT, _activeAt(2));
    }

    /* NO RESULT */

    function test_NoMajorityRefundsAndReleasesTheRevealers() public {
        Job memory job = _committed("a", "b", "c");
        _reveal(0, job, "a");
        _reveal(1, job, "b");
        _reveal(2, job, "c");
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.JobRefunded(jobId, false);
        _settle(job, "");
        _assertStatus(job, JobStatus.Refunded);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
            assertEq(_activeAt(i), STAKE);
        }
    }

    /// Two agree of five seats: not a strict majority of k, though nobody else revealed anything.
    function test_TheMajorityIsOfAllSeats() public {
        Job memory job = _jobOfSize(5);
        _open(job);
        _passSeedBlock(job);
        for (uint256 i = 0; i < 5; ++i) {
            _commit(i, job, RESULT);
        }
        _closeCommits(job);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _closeReveals(job);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(_activeAt(0), STAKE);
        assertEq(_activeAt(4), STAKE - BOND);
        assertEq(staking.awaitingBurn(), 3 * BOND);
    }

    function test_NobodyCommittedRefundsAtOnce() public {
        Job memory job = _opened();
        _closeCommits(job);
        _settle(job, "");
        _assertStatus(job, JobStatus.Refunded);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        _open(_job()); // the key is free
    }

    function test_TooFewCommittedRefundsAndReleases() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _closeCommits(job);
        _settle(job, "");
        _assertStatus(job, JobStatus.Refunded);
        assertEq(_member(0).locked, 0);
        assertEq(_activeAt(0), STAKE);
        assertTrue(_schedule(job).resolved);
    }

    function test_AnUnderfilledCommitteeConcludesByTheSameMajority() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _commit(1, job, RESULT);
        _closeCommits(job);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _settle(job, RESULT);
        (uint256 earners, , ) = _split(FEE);
        assertEq(_member(0).earnings, earners - earners / 2);
        assertEq(_member(1).earnings, earners / 2);
    }

    function test_AnUnderfilledCommitteeThatDisagreesHasNoResult() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _commit(1, job, OTHER_RESULT);
        _closeCommits(job);
        _reveal(0, job, RESULT);
        _reveal(1, job, OTHER_RESULT);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(_activeAt(0), STAKE);
        assertEq(_activeAt(1), STAKE);
    }

    function test_NobodyRevealedBurnsAll() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _closeReveals(job);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    /* THE RESULT'S BYTES */

    /// Before the bytes' deadline nobody can end a job with other bytes, nor with none.
    function test_RevertWhen_TheBytesAreNotTheMajoritys() public {
        Job memory job = _agreed();
        bytes32 wanted = bytes32((uint256(keccak256(RESULT)) >> 64) << 64);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.ResultNotMajority.selector, keccak256(OTHER_RESULT), wanted)
        );
        _settle(job, OTHER_RESULT);
        _passTo(_schedule(job).settlesBy - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.ResultNotMajority.selector, keccak256(""), wanted)
        );
        _settle(job, "");
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Settled);
    }

    /// A majority whose bytes nobody shows in time loses its bonds; the payer pays nothing.
    function test_WithheldBytesAreNoResult() public {
        Job memory job = _committed(RESULT, OTHER_RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, OTHER_RESULT);
        _reveal(2, job, RESULT);
        _passTo(_schedule(job).settlesBy);
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(jobId, operators[0].id, Fault.Withheld, BOND);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(jobId, operators[2].id, Fault.Withheld, BOND);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(jobId, operators[1].id, Fault.Minority, BOND);
        _settle(job, "");
        _assertStatus(job, JobStatus.Refunded);
        assertEq(_activeAt(0), STAKE - BOND);
        assertEq(_activeAt(1), STAKE - BOND, "holding the truth back saves no liar");
        assertEq(_activeAt(2), STAKE - BOND);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    /// After the deadline the right bytes still stand, if they come first.
    function test_LateBytesStillStand() public {
        Job memory job = _agreed();
        _passTo(_schedule(job).settlesBy + 10);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Settled);
    }

    function test_RevertWhen_TheResultIsTooLarge() public {
        bytes memory large = new bytes(MAX_MODEL_RESULT + 1);
        Job memory job = _committed(large, large, large);
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, large);
        }
        vm.expectRevert(
            abi.encodeWithSelector(
                ICommitRevealVerifier.ResultTooLarge.selector,
                MAX_MODEL_RESULT + 1,
                MAX_MODEL_RESULT
            )
        );
        _settle(job, large);
        _passTo(_schedule(job).settlesBy);
        _settle(job, large);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(staking.awaitingBurn(), 3 * BOND);
    }

    function test_TheLargestResultStands() public {
        bytes memory largest = new bytes(MAX_MODEL_RESULT);
        Job memory job = _committed(largest, largest, largest);
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, largest);
        }
        _settle(job, largest);
        _assertStatus(job, JobStatus.Settled);
    }

    /* BOUNDS */

    /// S2: what locks nothing any more decides nothing any more. By then the stake may have left.
    function test_AJobOlderThanTheLongestLockSlashesNobody() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, RESULT);
        _leave(operators[2], STAKE);
        _pass(UNBONDING_SECONDS);
        staking.release(operators[2].id, address(verifier));
        _settle(job, "");
        _assertStatus(job, JobStatus.Refunded);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
        }
        assertEq(_activeAt(0), STAKE);
        assertEq(_activeAt(1), STAKE);
        assertEq(staking.awaitingBurn(), 0);
    }

    /// Whatever a committee of nine does, the fixed gas of a conclusion is several times what it takes.
    function test_TheLargestCommitteeConcludesFarBelowItsGas() public {
        for (uint256 i = 0; i < 4; ++i) {
            _addOperator(STAKE);
        }
        _pass(1);
        Job memory job = _jobOfSize(9);
        _open(job);
        _passSeedBlock(job);
        for (uint256 i = 0; i < 9; ++i) {
            _commit(i, job, i < 5 ? RESULT : OTHER_RESULT);
        }
        _closeCommits(job);
        bytes memory evidence;
        for (uint256 i = 0; i < 9; ++i) {
            evidence = bytes.concat(evidence, i < 5 ? _evidenceOf(i, job) : _evidenceOf(i, job, OTHER_RESULT));
        }
        uint256 before = gasleft();
        escrow.settle(RESULT, evidence, job);
        assertLt(before - gasleft(), 1_500_000, "half of what a conclusion is given");
        _assertStatus(job, JobStatus.Settled);
        assertEq(staking.awaitingBurn(), 4 * BOND);
    }

    /// V1, over what three seats can do: 0 silent, 1 the result, 2 another.
    function testFuzz_OnlyAStrictMajorityStands(uint8[5] memory acts, uint8 size) public {
        size = uint8(bound(size, 1, 2)) * 2 + 1; // 3 or 5
        Job memory job = _jobOfSize(size);
        _open(job);
        _passSeedBlock(job);
        uint256[3] memory votes;
        for (uint256 i = 0; i < size; ++i) {
            acts[i] %= 3;
            _commit(i, job, acts[i] == 2 ? OTHER_RESULT : RESULT);
            ++votes[acts[i]];
        }
        _closeCommits(job);
        for (uint256 i = 0; i < size; ++i) {
            if (acts[i] > 0) _reveal(i, job, acts[i] == 1 ? RESULT : OTHER_RESULT);
        }
        _closeReveals(job);
        bool one = votes[1] > size / 2;
        bool other = votes[2] > size / 2;
        _settle(job, other ? OTHER_RESULT : RESULT);
        _assertStatus(job, one || other ? JobStatus.Settled : JobStatus.Refunded);
        uint256 faulty =
            votes[0] +
                (
                    one
                        ? votes[2]
                        : other
                            ? votes[1]
                            : 0
                );
        uint256 slashed = 0;
        for (uint256 i = 0; i < size; ++i) {
            assertEq(_member(i).locked, 0);
            slashed += STAKE - _activeAt(i);
        }
        assertEq(slashed, faulty * BOND);
    }

    function _jobOfSize(uint8 size) private view returns (Job memory job) {
        job = _job();
        CommitRevealTerms memory terms = _terms();
        terms.committeeSize = size;
        job.verifierData = _pack(terms);
    }
}
