// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Verdict} from "../../../contracts/jobs/IVerifier.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ScriptedVerifier} from "../../mocks/ScriptedVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Settling, under honest and hostile verifiers.
contract JobEscrowSettleTest is JobFixture {
    ScriptedVerifier private scripted;

    function setUp() public override {
        super.setUp();
        scripted = new ScriptedVerifier();
    }

    function test_SettlingPaysEverybodyOnce() public {
        Job memory job = _scriptedJob();
        bytes32 jobId = _open(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.JobSettled(jobId, RESULT);
        vm.prank(stranger);
        escrow.settle(RESULT, "", job);
        (JobStatus status, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(uint8(status), uint8(JobStatus.Settled));
        assertEq(resultHash, keccak256(RESULT));
        (uint256 earners, uint256 royalty, uint256 protocol) = _split(FEE);
        (uint128 accruedRoyalty, uint128 accruedProtocol) = escrow.accrualsOf(modelId);
        assertEq(escrow.balanceOf(address(scripted)), earners);
        assertEq(accruedRoyalty, royalty);
        assertEq(accruedProtocol, protocol);
        assertEq(escrow.balanceOf(payer), DEPOSIT - FEE);
        (, bool busy) = escrow.nextSequence(payer, 0);
        assertFalse(busy);
    }

    /// M4: whatever came first was the end.
    function test_RevertWhen_TheJobHasEnded() public {
        Job memory job = _scriptedJob();
        bytes32 jobId = _open(job);
        _settle(job, RESULT);
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, jobId);
        vm.expectRevert(wanted);
        _settle(job, RESULT);
        _passTo(job.expiresAt + 2 days);
        vm.expectRevert(wanted);
        _refund(job);

        Job memory other = _scriptedJob();
        _open(other);
        _passTo(other.expiresAt);
        _refund(other);
        wanted = abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, escrow.jobIdOf(other));
        vm.expectRevert(wanted);
        _settle(other, RESULT);
        vm.expectRevert(wanted);
        _refund(other);
    }

    function test_RevertWhen_TheJobWasNeverOpened() public {
        Job memory job = _scriptedJob();
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, escrow.jobIdOf(job));
        vm.expectRevert(wanted);
        _settle(job, RESULT);
        vm.expectRevert(wanted);
        _refund(job);
    }

    /// Nobody settles a job under changed terms: they are another job.
    function test_RevertWhen_TheTermsAreNotTheOpenedOnes() public {
        Job memory job = _scriptedJob();
        _open(job);
        job.fee += 1;
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, escrow.jobIdOf(job)));
        _settle(job, RESULT);
    }

    function test_RevertWhen_TheVerifierIsPending() public {
        scripted.setVerdict(Verdict.Pending, 0);
        Job memory job = _scriptedJob();
        bytes32 jobId = _open(job);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.ResultPending.selector, jobId));
        _settle(job, RESULT);
    }

    function test_NoResultRefundsAtOnce() public {
        scripted.setVerdict(Verdict.NoResult, 0);
        Job memory job = _scriptedJob();
        bytes32 jobId = _open(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.JobRefunded(jobId, false);
        _settle(job, RESULT);
        (JobStatus status, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(uint8(status), uint8(JobStatus.Refunded));
        assertEq(resultHash, 0);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
        assertEq(escrow.balanceOf(address(scripted)), 0);
    }

    function test_RevertWhen_TheVerifierLiesAboutTheHash() public {
        scripted.setVerdict(Verdict.Final, "lie");
        Job memory job = _scriptedJob();
        _open(job);
        vm.expectRevert(
            abi.encodeWithSelector(IJobEscrow.ResultHashMismatch.selector, keccak256(RESULT), bytes32("lie"))
        );
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Open);
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    function test_RevertWhen_TheVerifierReverts() public {
        scripted.setMoods(ScriptedVerifier.Mood.Calm, ScriptedVerifier.Mood.Reverts, ScriptedVerifier.Mood.Calm);
        Job memory job = _scriptedJob();
        _open(job);
        vm.expectRevert(ScriptedVerifier.Refused.selector);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Open);
    }

    function test_RevertWhen_TheResultIsLargerThanAnyMayBe() public {
        Job memory job = _scriptedJob();
        _open(job);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.ResultTooLarge.selector, 16_385, 16_384));
        _settle(job, new bytes(16_385));
        _settle(job, new bytes(16_384));
        _assertStatus(job, JobStatus.Settled);
    }

    /// M5 over all fees and terms, credited to the last unit.
    function testFuzz_TheFeeIsDividedExactly(uint128 fee, uint32 royaltyPpm, uint32 protocolFeePpm) public {
        royaltyPpm = uint32(bound(royaltyPpm, 0, 300_000));
        protocolFeePpm = uint32(bound(protocolFeePpm, 0, 50_000));
        vm.prank(publisher);
        models.setPrice(modelId, 0, royaltyPpm);
        vm.prank(GOVERNOR);
        escrow.setProtocolFee(PROTOCOL, protocolFeePpm);
        Job memory job = _scriptedJob();
        job.fee = uint128(bound(fee, 0, DEPOSIT));
        (job.royaltyPpm, job.protocolFeePpm) = (royaltyPpm, protocolFeePpm);
        _open(job);
        _settle(job, RESULT);
        uint256 royalty = escrow.claimRoyalty(modelId);
        uint256 protocol = escrow.claimProtocolFee(modelId);
        assertEq(royalty, (uint256(job.fee) * royaltyPpm) / 1e6);
        assertEq(protocol, (uint256(job.fee) * protocolFeePpm) / 1e6);
        uint256 paid =
            escrow.balanceOf(address(scripted)) + escrow.balanceOf(royaltyRecipient) + escrow.balanceOf(PROTOCOL);
        assertEq(paid, job.fee);
        assertEq(escrow.balanceOf(payer), DEPOSIT - job.fee);
    }

    /// A1: nothing anybody governs or publishes changes what an open job pays.
    function test_TermsAreFixedWhenItOpens() public {
        Job memory job = _scriptedJob();
        _open(job);
        vm.startPrank(publisher);
        models.setPrice(modelId, type(uint96).max, 300_000);
        models.retire(modelId);
        vm.stopPrank();
        vm.startPrank(GOVERNOR);
        escrow.setProtocolFee(stranger, 50_000);
        escrow.setJobsPaused(true);
        vm.stopPrank();
        _settle(job, RESULT);
        (uint256 earners, uint256 royalty, uint256 protocol) = _split(FEE);
        (uint128 accruedRoyalty, uint128 accruedProtocol) = escrow.accrualsOf(modelId);
        assertEq(escrow.balanceOf(address(scripted)), earners);
        assertEq(accruedRoyalty, royalty);
        assertEq(accruedProtocol, protocol);
    }

    /// The verifier is called with all of its stipend or not at all: a settler that brings too little gas fails,
    /// even where the verifier would turn a lack of gas into a verdict.
    function testFuzz_AStarvedVerifierIsNeverHeard(uint256 gasGiven, uint256 evidenceBytes) public {
        scripted.setGas(0, 2_990_000);
        Job memory job = _scriptedJob();
        _open(job);
        bytes memory evidence = new bytes(bound(evidenceBytes, 0, 20_000));
        bytes memory data = abi.encodeCall(escrow.settle, (RESULT, evidence, job));
        (bool success, ) = address(escrow).call{gas: bound(gasGiven, 2_500_000, 4_000_000)}(data);
        _assertStatus(job, success ? JobStatus.Settled : JobStatus.Open);
    }

    /// The same with evidence so long that copying it costs more than the escrow keeps in reserve.
    function test_LongEvidenceStarvesNobody() public {
        scripted.setGas(0, 2_990_000);
        Job memory job = _scriptedJob();
        _open(job);
        bytes memory data = abi.encodeCall(escrow.settle, (RESULT, new bytes(400_000), job));
        uint256 snapshot = vm.snapshotState();
        for (uint256 gasGiven = 3_100_000; gasGiven < 5_500_000; gasGiven += 20_000) {
            (bool success, ) = address(escrow).call{gas: gasGiven}(data);
            _assertStatus(job, success ? JobStatus.Settled : JobStatus.Open);
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
        }
    }

    function _scriptedJob() private view returns (Job memory job) {
        job = _job();
        job.verifier = address(scripted);
    }
}
