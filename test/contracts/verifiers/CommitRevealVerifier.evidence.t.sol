// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "@uniswap/v4-core/lib/forge-std/src/Vm.sol";

import {JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {Fault, ICommitRevealVerifier, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// How the reveals that a settlement carries are read.
contract CommitRevealVerifierEvidenceTest is JobFixture {
    /* FORM */

    /// An entry is there whole or not at all; entries before it don't help.
    function testFuzz_RevertWhen_TheEvidenceIsTruncated(uint256 size) public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = _evidence(job);
        size = bound(size, 1, evidence.length - 1);
        if (size % 33 == 0) ++size;
        _expectRefusal(
            job,
            _cut(evidence, size),
            abi.encodeWithSelector(ICommitRevealVerifier.EvidenceMalformed.selector, size)
        );
        escrow.settle(RESULT, evidence, job);
        _assertStatus(job, JobStatus.Settled);
    }

    function testFuzz_RevertWhen_ADissentingEntryIsTruncated(uint256 size) public {
        Job memory job = _committed(OTHER_RESULT, RESULT, RESULT);
        bytes memory evidence = _evidenceOf(0, job, OTHER_RESULT);
        size = bound(size, 1, evidence.length - 1);
        _expectRefusal(
            job,
            _cut(evidence, size),
            abi.encodeWithSelector(ICommitRevealVerifier.EvidenceMalformed.selector, size)
        );
    }

    function test_RevertWhen_SomethingIsLeftOver() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = bytes.concat(_evidence(job), hex"00");
        _expectRefusal(
            job,
            evidence,
            abi.encodeWithSelector(ICommitRevealVerifier.EvidenceMalformed.selector, evidence.length)
        );
    }

    function test_RevertWhen_ASeatIsUnknown() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes32 salt = _salt(0, job);
        _expectUnknown(job, _carried(3, salt), 3);
        _expectUnknown(job, _carried(127, salt), 127);
        _expectUnknown(job, _carriedOther(3, keccak256(RESULT), salt), 3);
        _expectUnknown(job, _carriedOther(127, keccak256(RESULT), salt), 127);
        _expectUnknown(job, bytes.concat(_evidence(job), _carried(3, salt)), 3);
    }

    function test_RevertWhen_ASeatIsNotTaken() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _closeCommits(job);
        _expectUnknown(job, _carried(1, _salt(0, job)), 1);
    }

    /// Whatever is brought, without the salts nothing is revealed.
    function testFuzz_RevertWhen_TheEvidenceIsMadeUp(bytes memory evidence) public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        vm.expectRevert();
        escrow.settle(RESULT, evidence, job);
        if (evidence.length > 0) evidence[0] = bytes1(uint8(evidence[0]) & 0x81);
        vm.expectRevert();
        escrow.settle(RESULT, evidence, job);
        _assertStatus(job, JobStatus.Open);
    }

    /* WHAT IT SAYS */

    function test_WithoutEvidenceNothingIsCarried() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory pending = abi.encodeWithSelector(
            ICommitRevealVerifier.RevealsOpen.selector,
            _schedule(job).revealsCloseAt
        );
        _expectRefusal(job, "", pending);
        _expectRefusal(job, bytes.concat(_evidenceOf(0, job), _evidenceOf(2, job)), pending);
        assertEq(_revealedSeats(job), 0, "undone with the rest");
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, RESULT);
        }
        escrow.settle(RESULT, "", job);
        _assertStatus(job, JobStatus.Settled);
    }

    function test_RevertWhen_CommitsAreOpen() public {
        Job memory job = _opened();
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, RESULT);
        }
        uint256 closesAt = _schedule(job).commitsCloseAt;
        _expectRefusal(
            job,
            _evidence(job),
            abi.encodeWithSelector(ICommitRevealVerifier.CommitsOpen.selector, closesAt)
        );
    }

    /// Entries stand in any order.
    function test_TheOrderDoesNotMatter() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        escrow.settle(RESULT, bytes.concat(_evidenceOf(2, job), _evidenceOf(0, job), _evidenceOf(1, job, RESULT)), job);
        _assertPaid(3, 0);
    }

    /// The second entry of a seat is passed over, whatever it says.
    function test_ASeatIsRevealedOnce() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence = bytes.concat(
            _evidence(job),
            _evidenceOf(0, job),
            _carried(1, "another salt"),
            _carriedOther(2, keccak256(OTHER_RESULT), "another salt")
        );
        vm.recordLogs();
        escrow.settle(RESULT, evidence, job);
        assertEq(_reveals(vm.getRecordedLogs()), 3);
        _assertPaid(3, 0);
    }

    function test_ADissenterIsRevealedAndOutvoted() public {
        Job memory job = _committed(RESULT, OTHER_RESULT, RESULT);
        bytes32 jobId = escrow.jobIdOf(job);
        bytes memory evidence = bytes.concat(
            _evidenceOf(0, job),
            _evidenceOf(1, job, OTHER_RESULT),
            _evidenceOf(2, job)
        );
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.ResultRevealed(jobId, operators[1].id, keccak256(OTHER_RESULT));
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.BondSlashed(jobId, operators[1].id, Fault.Minority, BOND);
        escrow.settle(RESULT, evidence, job);
        _assertPaid(2, 1);
    }

    /// The long form may say what the settlement brings.
    function test_ASeatMaySpellTheSettledHashOut() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.ResultRevealed(escrow.jobIdOf(job), operators[0].id, keccak256(RESULT));
        escrow.settle(
            RESULT,
            bytes.concat(_evidenceOf(0, job, RESULT), _evidenceOf(1, job), _evidenceOf(2, job, RESULT)),
            job
        );
        _assertPaid(3, 0);
    }

    /// A dissenting majority can be shown, but not to settle something else.
    function test_RevertWhen_TheCarriedMajorityIsAnother() public {
        Job memory job = _committed(OTHER_RESULT, RESULT, OTHER_RESULT);
        bytes memory evidence = bytes.concat(
            _evidenceOf(0, job, OTHER_RESULT),
            _evidenceOf(1, job),
            _evidenceOf(2, job, OTHER_RESULT)
        );
        vm.expectPartialRevert(ICommitRevealVerifier.ResultNotMajority.selector);
        escrow.settle(RESULT, evidence, job);
        assertEq(_revealedSeats(job), 0);
    }

    /// Where all that is carried differs, there is no result, and whoever was carried keeps its bond.
    function test_CarriedRevealsCanShowThatThereIsNoResult() public {
        Job memory job = _committed("a", "b", "c");
        bytes memory evidence = bytes.concat(
            _evidenceOf(0, job, "a"),
            _evidenceOf(1, job, "b"),
            _evidenceOf(2, job, "c")
        );
        escrow.settle("", evidence, job);
        _assertStatus(job, JobStatus.Refunded);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_activeAt(i), STAKE);
            assertEq(_member(i).locked, 0);
        }
    }

    /// What is carried is in the events only.
    function test_CarriedRevealsAreNotKept() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(1, job, RESULT);
        escrow.settle(RESULT, bytes.concat(_evidenceOf(0, job), _evidenceOf(2, job)), job);
        Seat[] memory seats = verifier.committeeOf(job);
        assertEq(seats.length, 3);
        assertFalse(seats[0].revealed);
        assertTrue(seats[1].revealed);
        assertFalse(seats[2].revealed);
        bytes32 jobId = escrow.jobIdOf(job);
        bytes32 salt = _salt(0, job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.JobResolved.selector, jobId));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }

    /* INTERNAL */

    function _expectRefusal(Job memory job, bytes memory evidence, bytes memory wanted) private {
        vm.expectRevert(wanted);
        escrow.settle(RESULT, evidence, job);
    }

    function _expectUnknown(Job memory job, bytes memory evidence, uint256 seat) private {
        _expectRefusal(job, evidence, abi.encodeWithSelector(ICommitRevealVerifier.SeatUnknown.selector, seat));
    }

    function _cut(bytes memory data, uint256 size) private pure returns (bytes memory cut) {
        cut = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            cut[i] = data[i];
        }
    }

    function _revealedSeats(Job memory job) private view returns (uint256 count) {
        Seat[] memory seats = verifier.committeeOf(job);
        for (uint256 i = 0; i < seats.length; ++i) {
            if (seats[i].revealed) ++count;
        }
    }

    function _reveals(Vm.Log[] memory logs) private pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == ICommitRevealVerifier.ResultRevealed.selector) ++count;
        }
    }

    /// @dev That so many of the first three were paid, all of the earners' part, and so many slashed.
    function _assertPaid(uint256 paid, uint256 slashed) private view {
        (uint256 earners, , ) = _split(FEE);
        uint256 sum = 0;
        uint256 payees = 0;
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
            sum += _member(i).earnings;
            if (_member(i).earnings > 0) ++payees;
        }
        assertEq(payees, paid);
        assertEq(sum, earners);
        assertEq(staking.awaitingBurn(), slashed * BOND);
    }
}
