// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {Fault, ICommitRevealVerifier} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// What a refund resolves.
contract CommitRevealVerifierExpireTest is JobFixture {
    function test_RevertWhen_TheJobIsOpen() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _passTo(job.expiresAt);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.JobStillOpen.selector, escrow.jobIdOf(job)));
        verifier.expire(job);
    }

    function test_AnExpiredJobBurnsTheSilentAndReleasesTheRest() public {
        Job memory job = _committed(RESULT, OTHER_RESULT, RESULT);
        _reveal(0, job, RESULT);
        _reveal(1, job, OTHER_RESULT);
        _passTo(job.expiresAt);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(escrow.jobIdOf(job), operators[2].id, Fault.Silence, BOND);
        _refund(job);
        assertEq(_activeAt(0), STAKE);
        assertEq(_activeAt(1), STAKE);
        assertEq(_activeAt(2), STAKE - BOND);
        assertEq(staking.awaitingBurn(), BOND);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
        }
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    /// Nobody settled an agreed job: its majority withheld the bytes.
    function test_AnAgreedJobThatNobodySettledWasWithheld() public {
        Job memory job = _agreed();
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        _assertStatus(job, JobStatus.Refunded);
    }

    function test_TooFewSeatsAreReleased() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(_activeAt(0), STAKE);
        assertEq(_member(0).locked, 0);
    }

    function test_AJobWithoutCommitsIsRefunded() public {
        Job memory job = _opened();
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    function test_TheSecondTimeItDoesNothing() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        vm.prank(stranger);
        verifier.expire(job);
        vm.prank(address(escrow));
        verifier.expire(job);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        assertEq(_activeAt(0), STAKE - BOND);
    }

    function test_ItUndoesNoSettlement() public {
        Job memory job = _agreed();
        _settle(job, RESULT);
        uint256 earned = _member(0).earnings;
        _passTo(job.expiresAt);
        vm.prank(stranger);
        verifier.expire(job);
        assertEq(_member(0).earnings, earned);
        assertEq(staking.awaitingBurn(), 0);
    }

    /// Every lock ends by itself: later than the longest lock nobody is slashed, whatever it did.
    function test_TooLateOnlyReleases() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _passTo(uint256(_schedule(job).openedAt) + staking.MAX_LOCK_SECONDS() + 1);
        _refund(job);
        assertEq(staking.awaitingBurn(), 0);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
            assertEq(_activeAt(i), STAKE);
        }
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    function test_AtTheLongestLockItStillSlashes() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _passTo(uint256(_schedule(job).openedAt) + staking.MAX_LOCK_SECONDS());
        _refund(job);
        assertEq(staking.awaitingBurn(), 3 * BOND);
    }

    /// The verifier could not be asked when the grace was over; the bonds are resolved afterwards, by anyone, and
    /// the key is free only then.
    function test_AnUnresolvedKeyIsBusyUntilAnyoneExpiresIt() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _passTo(job.expiresAt + escrow.REFUND_GRACE_SECONDS());
        vm.mockCallRevert(address(verifier), abi.encodeCall(verifier.expire, (job)), "down");
        _refund(job);
        vm.clearMockedCalls();
        assertEq(escrow.balanceOf(payer), DEPOSIT);

        Job memory next = _job();
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.KeyUnresolved.selector, payer, uint224(0)));
        vm.prank(payer);
        escrow.open(next, INPUT);

        vm.prank(stranger);
        verifier.expire(job);
        assertEq(_member(0).locked, 0);
        assertEq(staking.awaitingBurn(), 3 * BOND);
        _open(next);
    }
}
