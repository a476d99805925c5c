// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {GasBurningConsumer} from "../../mocks/GasBurningConsumer.sol";
import {RecordingConsumer} from "../../mocks/RecordingConsumer.sol";
import {ReenteringConsumer} from "../../mocks/ReenteringConsumer.sol";
import {ReturnBombConsumer} from "../../mocks/ReturnBombConsumer.sol";
import {ScriptedVerifier} from "../../mocks/ScriptedVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Delivering to consumers, good and hostile, at once and later.
contract JobEscrowCallbackTest is JobFixture {
    uint32 private constant GAS_LIMIT = 500_000;
    RecordingConsumer private consumer;
    ScriptedVerifier private scripted;

    function setUp() public override {
        super.setUp();
        consumer = new RecordingConsumer();
        scripted = new ScriptedVerifier();
    }

    /* DELIVERY */

    function test_TheConsumerGetsTheJobAndTheResult() public {
        Job memory job = _openFor(address(consumer));
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.ResultDelivered(jobId, address(consumer));
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Settled);
        assertEq(consumer.calls(), 1);
        assertEq(consumer.lastJobId(), jobId);
        assertEq(consumer.lastJobHash(), keccak256(abi.encode(job)));
        assertEq(consumer.lastResult(), RESULT);
        assertEq(consumer.lastCaller(), address(escrow));
    }

    function test_AJobWithoutAResultCallsNobody() public {
        Job memory job = _openFor(address(consumer));
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(consumer.calls(), 0);
    }

    function test_ARefusalUndoesNoPayment() public {
        consumer.setRefuses(true);
        Job memory job = _openFor(address(consumer));
        vm.expectEmit(address(escrow));
        emit IJobEscrow.DeliveryFailed(escrow.jobIdOf(job), address(consumer));
        _settle(job, RESULT);
        _assertPaidButUndelivered(job);
    }

    function test_AConsumerThatVanishedIsNotCalled() public {
        Job memory job = _openFor(address(consumer));
        vm.etch(address(consumer), "");
        _settle(job, RESULT);
        _assertPaidButUndelivered(job);
    }

    function test_AConsumerWithoutGasIsUndelivered() public {
        Job memory job = _scriptedJob(address(consumer));
        job.consumerGasLimit = 0;
        _open(job);
        _settle(job, RESULT);
        _assertPaidButUndelivered(job);
    }

    /// It burns what it was promised and no more.
    function test_AGasBurnerCostsItsLimit() public {
        Job memory job = _openFor(address(new GasBurningConsumer()));
        uint256 before = gasleft();
        _settle(job, RESULT);
        assertLt(before - gasleft(), uint256(GAS_LIMIT) + 250_000);
        _assertPaidButUndelivered(job);
    }

    function test_ReturnBombsAreNotCopied() public {
        // Half of what 500,000 gas can expand a memory to; copied, it would cost as much again.
        Job memory job = _openFor(address(new ReturnBombConsumer(true, 300_000)));
        uint256 before = gasleft();
        _settle(job, RESULT);
        assertLt(before - gasleft(), 450_000);
        _assertPaidButUndelivered(job);

        job = _openFor(address(new ReturnBombConsumer(false, 300_000)));
        before = gasleft();
        _settle(job, RESULT);
        assertLt(before - gasleft(), 450_000);
        _assertStatus(job, JobStatus.Settled);
    }

    /// EIP-150: a settler that brings too little gas fails; it can't make the callback fail.
    function testFuzz_AStarvedCallbackIsNeverMade(uint256 gasGiven, uint256 burnt) public {
        Job memory job = _scriptedJob(address(consumer));
        job.consumerGasLimit = 2_000_000;
        consumer.setWantsGas(1_990_000);
        scripted.setGas(bound(burnt, 1, 2_900_000), 0);
        _open(job);
        bytes memory data = abi.encodeCall(escrow.settle, (RESULT, "", job));
        (bool success, ) = address(escrow).call{gas: bound(gasGiven, 3_000_000, 6_000_000)}(data);
        _assertStatus(job, success ? JobStatus.Settled : JobStatus.Open);
        assertEq(consumer.calls(), success ? 1 : 0);
    }

    function testFuzz_AStarvedRetryIsNeverMade(uint256 gasGiven) public {
        Job memory job = _undelivered();
        consumer.setRefuses(false);
        consumer.setWantsGas(GAS_LIMIT - 5_000);
        bytes memory data = abi.encodeCall(escrow.deliver, (job, RESULT));
        (bool success, ) = address(escrow).call{gas: bound(gasGiven, 50_000, 900_000)}(data);
        _assertStatus(job, success ? JobStatus.Settled : JobStatus.Undelivered);
        assertEq(consumer.calls(), success ? 1 : 0);
    }

    /* RETRY */

    function test_AnyoneRetriesUntilItIsDelivered() public {
        Job memory job = _undelivered();
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.CallbackFailed.selector, address(consumer)));
        escrow.deliver(job, RESULT);
        _assertStatus(job, JobStatus.Undelivered);

        consumer.setRefuses(false);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.ResultDelivered(jobId, address(consumer));
        vm.prank(stranger);
        escrow.deliver(job, RESULT);
        _assertStatus(job, JobStatus.Settled);
        assertEq(consumer.calls(), 1);

        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.JobNotUndelivered.selector, jobId));
        escrow.deliver(job, RESULT);
    }

    function test_RevertWhen_ThereIsNothingToDeliver() public {
        Job memory job = _scriptedJob(address(consumer));
        bytes32 jobId = escrow.jobIdOf(job);
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.JobNotUndelivered.selector, jobId);
        vm.expectRevert(wanted);
        escrow.deliver(job, RESULT);
        _open(job);
        vm.expectRevert(wanted);
        escrow.deliver(job, RESULT);
        _passTo(job.expiresAt);
        _refund(job);
        vm.expectRevert(wanted);
        escrow.deliver(job, RESULT);
    }

    function test_RevertWhen_AnotherResultIsDelivered() public {
        Job memory job = _undelivered();
        vm.expectRevert(
            abi.encodeWithSelector(IJobEscrow.ResultHashMismatch.selector, keccak256(OTHER_RESULT), keccak256(RESULT))
        );
        escrow.deliver(job, OTHER_RESULT);
    }

    function test_CancelledNoncesKeepTheDelivery() public {
        Job memory job = _undelivered();
        vm.prank(payer);
        escrow.cancelNonces(9, 0);
        consumer.setRefuses(false);
        escrow.deliver(job, RESULT);
        assertEq(consumer.calls(), 1);
    }

    function test_AReusedKeyForfeitsTheDelivery() public {
        Job memory job = _undelivered();
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.DeliveryForfeited(payer, 0, bytes25(jobId));
        _open(_scriptedJob(address(consumer)));
        consumer.setRefuses(false);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.JobNotUndelivered.selector, jobId));
        escrow.deliver(job, RESULT);
    }

    /* REENTERING */

    /// Every entry point that writes is closed while a consumer is called.
    function test_AConsumerCantReenter() public {
        ReenteringConsumer hostile = _party();
        Job memory job = _openFor(address(hostile));
        bytes[] memory calls = _entryPoints(job, address(hostile));
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            hostile.prepare(address(escrow), calls[i]);
            _settle(job, RESULT);
            assertTrue(hostile.tried());
            assertFalse(hostile.succeeded(), vm.toString(i));
            assertEq(
                hostile.answer(),
                abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
            );
            _assertStatus(job, JobStatus.Settled);
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
        }
    }

    function test_AConsumerCantReenterADelivery() public {
        ReenteringConsumer hostile = _party();
        Job memory job = _openFor(address(hostile));
        bytes memory code = address(hostile).code;
        vm.etch(address(hostile), hex"fe");
        _settle(job, RESULT);
        vm.etch(address(hostile), code);
        hostile.prepare(address(escrow), abi.encodeCall(escrow.deliver, (job, RESULT)));
        escrow.deliver(job, RESULT);
        assertTrue(hostile.tried());
        assertFalse(hostile.succeeded());
        _assertStatus(job, JobStatus.Settled);
    }

    /// Staking and the verifier reach the escrow's ledger only through its lock.
    function test_AConsumerCantHarvestMeanwhile() public {
        _settle(_agreed(), RESULT);
        ReenteringConsumer hostile = _party();
        Job memory job = _openFor(address(hostile));
        uint256 earned = _member(0).earnings;
        hostile.prepare(address(staking), abi.encodeCall(staking.harvest, (operators[0].id, address(verifier))));
        _settle(job, RESULT);
        assertTrue(hostile.tried());
        assertFalse(hostile.succeeded());
        assertEq(_member(0).earnings, earned);
    }

    /// What it sees meanwhile is already the end.
    function test_AConsumerSeesTheSettledJob() public {
        ReenteringConsumer curious = _party();
        Job memory job = _openFor(address(curious));
        curious.prepare(address(escrow), abi.encodeCall(escrow.resultOf, (job)));
        _settle(job, RESULT);
        assertTrue(curious.succeeded());
        (JobStatus status, bytes32 resultHash) = abi.decode(curious.answer(), (JobStatus, bytes32));
        assertEq(uint8(status), uint8(JobStatus.Settled));
        assertEq(resultHash, keccak256(RESULT));
    }

    function test_AVerifierCantReenter() public {
        Job memory job = _scriptedJob(address(0));
        _fund(address(scripted), 10 ether);
        bytes[] memory calls = _entryPoints(job, address(scripted));
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            scripted.prepare(address(escrow), calls[i]);
            _open(job);
            assertFalse(scripted.reentered(), vm.toString(i));
            _settle(job, RESULT);
            assertFalse(scripted.reentered(), vm.toString(i));
            Job memory next = _scriptedJob(address(0));
            _open(next);
            _passTo(next.expiresAt);
            _refund(next);
            assertFalse(scripted.reentered(), vm.toString(i));
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
        }
    }

    /* PARTS */

    /// @dev A consumer with money in the ledger and tokens it may deposit.
    function _party() private returns (ReenteringConsumer party) {
        party = new ReenteringConsumer();
        _fund(address(party), 10 ether);
        opg.transfer(address(party), 1 ether);
        party.execute(address(opg), abi.encodeCall(opg.approve, (address(escrow), 1 ether)));
    }

    /// @dev A call of every function of the escrow that writes, each of which `by` could make at another time.
    function _entryPoints(Job memory job, address by) private view returns (bytes[] memory calls) {
        Job memory own = _scriptedJob(address(0));
        (own.payer, own.nonce) = (by, 0);
        calls = new bytes[](12);
        calls[0] = abi.encodeCall(escrow.deposit, (by, 1));
        calls[1] = abi.encodeCall(escrow.depositWithPermit, (by, 1, 0, 0, 0, 0));
        calls[2] = abi.encodeCall(escrow.withdraw, (by, 1));
        calls[3] = abi.encodeCall(escrow.transfer, (by, 1));
        calls[4] = abi.encodeCall(escrow.open, (own, INPUT));
        calls[5] = abi.encodeCall(escrow.openWithSignature, (own, INPUT, ""));
        calls[6] = abi.encodeCall(escrow.cancelNonces, (0, 7));
        calls[7] = abi.encodeCall(escrow.settle, (RESULT, "", job));
        calls[8] = abi.encodeCall(escrow.refund, (job));
        calls[9] = abi.encodeCall(escrow.deliver, (job, RESULT));
        calls[10] = abi.encodeCall(escrow.claimRoyalty, (modelId));
        calls[11] = abi.encodeCall(escrow.claimProtocolFee, (modelId));
    }

    function _scriptedJob(address to) private view returns (Job memory job) {
        job = _job();
        job.verifier = address(scripted);
        (job.consumer, job.consumerGasLimit) = (to, to == address(0) ? 0 : GAS_LIMIT);
    }

    function _openFor(address to) private returns (Job memory job) {
        job = _scriptedJob(to);
        _open(job);
    }

    function _undelivered() private returns (Job memory job) {
        consumer.setRefuses(true);
        job = _openFor(address(consumer));
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Undelivered);
    }

    function _assertPaidButUndelivered(Job memory job) private view {
        (JobStatus status, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(uint8(status), uint8(JobStatus.Undelivered));
        assertEq(resultHash, keccak256(RESULT));
        (uint256 earners, , ) = _split(FEE);
        assertEq(escrow.balanceOf(address(scripted)), earners);
        (, bool busy) = escrow.nextSequence(payer, 0);
        assertFalse(busy);
    }
}
