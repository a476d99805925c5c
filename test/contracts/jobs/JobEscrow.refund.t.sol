// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ScriptedVerifier} from "../../mocks/ScriptedVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Refunding, under honest and hostile verifiers.
contract JobEscrowRefundTest is JobFixture {
    ScriptedVerifier private scripted;

    function setUp() public override {
        super.setUp();
        scripted = new ScriptedVerifier();
    }

    function test_AnyoneRefundsAnExpiredJob() public {
        Job memory job = _openScripted();
        _passTo(job.expiresAt);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.JobRefunded(escrow.jobIdOf(job), true);
        vm.prank(stranger);
        escrow.refund(job);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        assertEq(scripted.expired(), 1);
        vm.prank(payer);
        escrow.withdraw(payer, DEPOSIT);
        assertEq(opg.balanceOf(address(escrow)), 0);
    }

    function test_RevertWhen_TheJobHasNotExpired() public {
        Job memory job = _openScripted();
        _passTo(job.expiresAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.JobNotExpired.selector, job.expiresAt - 1, job.expiresAt));
        vm.prank(payer);
        escrow.refund(job);
        _pass(1);
        _refund(job);
    }

    /// An expired job that nobody refunds waits; it can still be settled, and refunded for ever.
    function testFuzz_ARefundIsNeverTooLate(uint256 wait) public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _passTo(uint256(job.expiresAt) + bound(wait, 0, 20 * 365 days));
        _refund(job);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        assertEq(_member(0).locked, 0);
    }

    /// Settle and refund race in the seconds after expiry: whoever is first ends the job, and the other reverts.
    function test_TheFirstOfSettleAndRefundWins() public {
        Job memory job = _agreed();
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, escrow.jobIdOf(job));
        _passTo(job.expiresAt);
        uint256 snapshot = vm.snapshotState();
        _settle(job, RESULT);
        vm.expectRevert(wanted);
        _refund(job);
        assertEq(escrow.balanceOf(payer), DEPOSIT - FEE);
        vm.revertToState(snapshot);
        _refund(job);
        vm.expectRevert(wanted);
        _settle(job, RESULT);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        assertEq(escrow.balanceOf(address(verifier)), 0);
    }

    function test_PausingStopsNoExit() public {
        Job memory job = _agreed();
        Job memory expiring = _jobOfKey(1);
        _open(expiring);
        vm.prank(GOVERNOR);
        escrow.setJobsPaused(true);
        _settle(job, RESULT);
        _passTo(expiring.expiresAt);
        _refund(expiring);
        vm.prank(payer);
        escrow.withdraw(payer, DEPOSIT - FEE);
        escrow.claimRoyalty(modelId);
        escrow.claimProtocolFee(modelId);
        staking.harvest(operators[0].id, address(verifier));
        _fund(payer, 1);
    }

    /* HOSTILE VERIFIERS */

    /// A verifier refuses until the grace is over, and not a second longer.
    function test_ARefusalHoldsOnlyDuringTheGrace() public {
        ScriptedVerifier.Mood[3] memory moods = [
            ScriptedVerifier.Mood.Reverts,
            ScriptedVerifier.Mood.BurnsGas,
            ScriptedVerifier.Mood.ReturnBomb
        ];
        for (uint256 i = 0; i < moods.length; ++i) {
            scripted.setMoods(ScriptedVerifier.Mood.Calm, ScriptedVerifier.Mood.Calm, moods[i]);
            Job memory job = _openScripted();
            uint256 graceEndsAt = job.expiresAt + escrow.REFUND_GRACE_SECONDS();
            _passTo(job.expiresAt);
            bytes memory wanted = abi.encodeWithSelector(IJobEscrow.RefundRefused.selector, graceEndsAt);
            vm.expectRevert(wanted);
            _refund(job);
            _passTo(graceEndsAt - 1);
            vm.expectRevert(wanted);
            _refund(job);
            _passTo(graceEndsAt);
            _refund(job);
            _assertStatus(job, JobStatus.Refunded);
            assertEq(escrow.balanceOf(payer), DEPOSIT);
        }
    }

    function test_AVerifierThatVanishedKeepsNoMoney() public {
        Job memory job = _openScripted();
        vm.etch(address(scripted), "");
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    /// After the grace too little gas for the verifier is still a revert, not a way around it.
    function testFuzz_AStarvedVerifierIsNeverPassedOver(uint256 gasGiven) public {
        Job memory job = _openScripted();
        _passTo(job.expiresAt + escrow.REFUND_GRACE_SECONDS());
        bytes memory data = abi.encodeCall(escrow.refund, (job));
        (bool success, ) = address(escrow).call{gas: bound(gasGiven, 30_000, 4_000_000)}(data);
        _assertStatus(job, success ? JobStatus.Refunded : JobStatus.Open);
        assertEq(scripted.expired(), success ? 1 : 0);
    }

    function test_RevertWhen_TooLittleGasIsLeft() public {
        Job memory job = _openScripted();
        _passTo(job.expiresAt);
        vm.expectPartialRevert(IJobEscrow.NotEnoughGas.selector);
        escrow.refund{gas: 3_000_000}(job);
        vm.expectPartialRevert(IJobEscrow.NotEnoughGas.selector);
        escrow.settle{gas: 3_000_000}(RESULT, "", job);
    }

    function _openScripted() private returns (Job memory job) {
        job = _job();
        job.verifier = address(scripted);
        _open(job);
    }
}
