// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DigitReader} from "../../../contracts/examples/DigitReader.sol";
import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {JobFixture} from "../../support/JobFixture.sol";

contract DigitReaderTest is JobFixture {
    DigitReader private reader;

    function setUp() public override {
        super.setUp();
        reader = new DigitReader(escrow);
        _fund(address(reader), DEPOSIT);
    }

    function test_ReadsADigit() public {
        (bytes32 jobId, Job memory job) = _ask();
        bytes memory logits = _logits(7, 1000);
        _run(job, logits);
        vm.expectEmit(address(reader));
        emit DigitReader.DigitRead(jobId, 7);
        escrow.settle(logits, "", job);
        (bool asked, bool answered, uint8 digit) = reader.answers(jobId);
        assertTrue(asked);
        assertTrue(answered);
        assertEq(digit, 7);
        _assertStatus(job, JobStatus.Settled);
    }

    function testFuzz_TheLargestLogitWins(int32[10] memory logits) public {
        uint8 wanted = 0;
        bytes memory result;
        for (uint8 i = 0; i < 10; ++i) {
            if (logits[i] > logits[wanted]) wanted = i;
            result = bytes.concat(result, _littleEndian(logits[i]));
        }
        (bytes32 jobId, Job memory job) = _ask();
        vm.prank(address(escrow));
        reader.onJobResult(jobId, job, result);
        (, , uint8 digit) = reader.answers(jobId);
        assertEq(digit, wanted);
    }

    function test_RevertWhen_TheCallerIsNotTheEscrow() public {
        (bytes32 jobId, Job memory job) = _ask();
        vm.expectRevert(abi.encodeWithSelector(DigitReader.NotEscrow.selector, address(this)));
        reader.onJobResult(jobId, job, _logits(7, 1));
    }

    /// Anybody can open a job that names the reader; it believes only its own.
    function test_SomebodyElsesJobIsNotBelieved() public {
        Job memory job = _job();
        (job.consumer, job.consumerGasLimit) = (address(reader), 100_000);
        bytes32 jobId = _open(job);
        _run(job, _logits(7, 1));
        escrow.settle(_logits(7, 1), "", job);
        _assertStatus(job, JobStatus.Undelivered);
        (bool asked, bool answered, ) = reader.answers(jobId);
        assertFalse(asked);
        assertFalse(answered);
        vm.prank(address(escrow));
        vm.expectRevert(abi.encodeWithSelector(DigitReader.NotOurJob.selector, jobId));
        reader.onJobResult(jobId, job, _logits(7, 1));
    }

    function test_RevertWhen_TheLogitsAreNotTen() public {
        (bytes32 jobId, Job memory job) = _ask();
        vm.prank(address(escrow));
        vm.expectRevert(abi.encodeWithSelector(DigitReader.LogitsLengthMismatch.selector, 39, 40));
        reader.onJobResult(jobId, job, new bytes(39));
    }

    function test_OnlyTheOwnerAsksAndWithdraws() public {
        bytes memory wanted = abi.encodeWithSelector(DigitReader.NotOwner.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(wanted);
        reader.ask(_request(), INPUT);
        vm.expectRevert(wanted);
        reader.withdraw(stranger, 1);
        vm.stopPrank();
        reader.withdraw(stranger, DEPOSIT);
        assertEq(opg.balanceOf(stranger), DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, 0, 1));
        reader.withdraw(stranger, 1);
    }

    /// An unanswered question costs nothing.
    function test_ARefundComesBackToTheReader() public {
        (, Job memory job) = _ask();
        _passTo(job.expiresAt);
        _refund(job);
        assertEq(escrow.balanceOf(address(reader)), DEPOSIT);
        reader.withdraw(address(this), DEPOSIT);
    }

    function test_AsksAgainUnderTheSameKey() public {
        (bytes32 first, Job memory job) = _ask();
        _closeCommits(job);
        _settle(job, "");
        (bytes32 second, ) = _ask();
        assertNotEq(first, second);
    }

    function _request() private view returns (DigitReader.Request memory) {
        return
            DigitReader.Request({
                modelId: modelId,
                verifier: address(verifier),
                verifierData: _pack(_terms()),
                fee: FEE,
                expiresAt: uint40(block.timestamp) + JOB_SECONDS,
                key: 3,
                royaltyPpm: ROYALTY_PPM,
                protocolFeePpm: PROTOCOL_FEE_PPM
            });
    }

    function _ask() private returns (bytes32 jobId, Job memory job) {
        job = _job();
        (uint32 sequence, ) = escrow.nextSequence(address(reader), 3);
        (job.payer, job.consumer, job.consumerGasLimit) = (address(reader), address(reader), 100_000);
        job.nonce = (uint256(3) << 32) | sequence;
        jobId = reader.ask(_request(), INPUT);
        assertEq(jobId, escrow.jobIdOf(job));
    }

    function _run(Job memory job, bytes memory result) private {
        _passSeedBlock(job);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, result);
        }
        _closeCommits(job);
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, result);
        }
    }

    function _logits(uint256 digit, int32 value) private pure returns (bytes memory result) {
        for (uint256 i = 0; i < 10; ++i) {
            result = bytes.concat(result, _littleEndian(i == digit ? value : -value));
        }
    }

    function _littleEndian(int32 value) private pure returns (bytes4) {
        uint32 bits = uint32(value);
        return
            bytes4(((bits & 0xff) << 24) | (((bits >> 8) & 0xff) << 16) | (((bits >> 16) & 0xff) << 8) | (bits >> 24));
    }
}
