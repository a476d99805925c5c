// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {CommitRevealTerms} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ICommitRevealVerifier, JobRef, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {ScriptedVerifier} from "../../mocks/ScriptedVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// What a key's earlier job leaves to its next one: nothing.
contract CommitRevealVerifierKeysTest is JobFixture {
    /* SEATS LEFT OVER */

    /// Seats of the earlier job, revealed or with their commitments still in them, read as free.
    function testFuzz_AnEarlierJobsSeatsReadAsFree(uint256 revealed, uint256 size) public {
        Job memory earlier = _endedJob(revealed);
        uint256[3] memory earned = [uint256(_member(0).earnings), _member(1).earnings, _member(2).earnings];
        Job memory job = _openedOfSize(uint8(bound(size, 0, 2) * 2 + 1));

        assertEq(verifier.committeeOf(job).length, 0);
        assertEq(_schedule(job).committed, 0);
        assertEq(_schedule(job).commitsCloseAt, _schedule(job).openedAt + 3 * WINDOW, "no last seat");
        _closeCommits(job);
        for (uint8 seat = 0; seat < 9; ++seat) {
            bytes32 salt = seat < 3 ? _salt(seat, earlier) : bytes32(0);
            _expectNoSeat(job, earlier, seat, salt);
        }

        escrow.settle(RESULT, "", job);
        _assertStatus(job, JobStatus.Refunded);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).earnings, earned[i], "paid twice");
            assertEq(_member(i).locked, 0);
        }
    }

    /// One seat is taken again; two that agreed in the earlier job are no majority with it.
    function testFuzz_AnEarlierJobsSeatsCountForNothing(uint256 revealed) public {
        Job memory earlier = _endedJob(revealed);
        Job memory job = _opened();
        _commit(3, job, RESULT);
        Seat[] memory seats = verifier.committeeOf(job);
        assertEq(seats.length, 1);
        assertEq(seats[0].operatorId, operators[3].id);
        _closeCommits(job);
        _reveal(3, job, RESULT);
        for (uint8 seat = 1; seat < 3; ++seat) {
            _expectNoSeat(job, earlier, seat, _salt(seat, earlier));
        }
        escrow.settle(RESULT, "", job);
        _assertStatus(job, JobStatus.Refunded);
        assertEq(_member(3).earnings, 0);
        assertEq(_member(3).locked, 0);
        assertEq(_activeAt(3), STAKE);
    }

    /// The next committee may be larger: the seats it doesn't take are still the earlier job's.
    function test_ALargerCommitteeFillsUpFromTheStart() public {
        Job memory earlier = _openedOfSize(5);
        for (uint256 i = 0; i < 5; ++i) {
            _commit(i, earlier, RESULT);
        }
        _closeCommits(earlier);
        bytes memory evidence;
        for (uint256 i = 0; i < 5; ++i) {
            evidence = bytes.concat(evidence, _evidenceOf(i, earlier));
        }
        escrow.settle(RESULT, evidence, earlier);
        uint256 earned = _member(3).earnings;

        Job memory job = _openedOfSize(5);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, RESULT);
        }
        assertEq(verifier.committeeOf(job).length, 3);
        assertEq(_schedule(job).commitsCloseAt, _schedule(job).openedAt + 3 * WINDOW, "not full");
        _closeCommits(job);
        for (uint8 seat = 3; seat < 5; ++seat) {
            _expectNoSeat(job, earlier, seat, _salt(seat, earlier));
        }
        escrow.settle(RESULT, _evidence(job), job);
        _assertStatus(job, JobStatus.Settled);
        assertEq(_member(3).earnings, earned);
        assertEq(staking.awaitingBurn(), 0);
    }

    /// Whoever sat in the earlier job may sit in the next, on any seat.
    function test_AnEarlierSeatKeepsNobodyOut() public {
        _endedJob(0);
        Job memory job = _opened();
        _commit(2, job, RESULT);
        _commit(1, job, RESULT);
        _commit(0, job, RESULT);
        assertEq(_seatOf(2, job), 0);
        assertEq(_seatOf(0, job), 2);
        _closeCommits(job);
        escrow.settle(RESULT, _evidence(job), job);
        _assertStatus(job, JobStatus.Settled);
    }

    /// Commitments and seats of an earlier job can't be had under its own reference either.
    function test_RevertWhen_TheEarlierJobIsNamed() public {
        Job memory earlier = _endedJob(0);
        _opened();
        JobRef memory ref = _ref(earlier);
        bytes32 salt = _salt(0, earlier);
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.UnknownJob.selector, ref.jobId);
        vm.expectRevert(wanted);
        verifier.reveal(keccak256(RESULT), ref, 0, salt);
        vm.expectRevert(wanted);
        verifier.pinSeed(ref);
        vm.expectRevert(wanted);
        verifier.expire(earlier);
        vm.expectRevert(wanted);
        verifier.committeeOf(earlier);
        vm.expectRevert(wanted);
        vm.prank(operators[0].signer);
        verifier.commit(ref, 0, 0);
    }

    /* KEYS LEFT UNRESOLVED */

    /// Also where nobody sat: the escrow ended the job, and the verifier has not heard of it.
    function test_AnUnresolvedKeyWithoutSeatsIsBusyUntilAnyoneExpiresIt() public {
        Job memory job = _opened();
        _refundUnheard(job);
        assertFalse(_schedule(job).resolved);
        _expectUnresolved(_job());

        vm.prank(stranger);
        verifier.expire(job);
        assertTrue(_schedule(job).resolved);
        _open(_job());
    }

    /// Another verifier's job on the same key changes nothing.
    function test_AnUnresolvedKeyStaysSoBehindAnotherVerifiersJob() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _refundUnheard(job);
        Job memory between = _job();
        between.verifier = address(new ScriptedVerifier());
        _open(between);
        escrow.settle(RESULT, "", between);
        _expectUnresolved(_job());
        assertEq(_member(0).locked, BOND_UNITS);

        verifier.expire(job);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(_member(i).locked, 0);
        }
        assertEq(staking.awaitingBurn(), 3 * BOND);
        _open(_job());
    }

    /* INTERNAL */

    /// @dev A settled job of three seats, of which these (a bit each) revealed by themselves; the others were carried.
    function _endedJob(uint256 revealed) private returns (Job memory job) {
        job = _committed(RESULT, RESULT, RESULT);
        bytes memory evidence;
        for (uint256 i = 0; i < 3; ++i) {
            if ((revealed >> i) & 1 == 1) _reveal(i, job, RESULT);
            else evidence = bytes.concat(evidence, _evidenceOf(i, job));
        }
        escrow.settle(RESULT, evidence, job);
        _assertStatus(job, JobStatus.Settled);
    }

    function _openedOfSize(uint8 size) private returns (Job memory job) {
        job = _job();
        CommitRevealTerms memory terms = _terms();
        terms.committeeSize = size;
        job.verifierData = _pack(terms);
        _open(job);
        _passSeedBlock(job);
    }

    /// @dev Neither a reveal nor what a settlement carries can open the seat, with what opened it in the earlier job.
    function _expectNoSeat(Job memory job, Job memory earlier, uint8 seat, bytes32 salt) private {
        assertNotEq(job.nonce, earlier.nonce);
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.SeatUnknown.selector, seat);
        vm.expectRevert(wanted);
        verifier.reveal(keccak256(RESULT), _ref(job), seat, salt);
        vm.expectRevert(wanted);
        escrow.settle(RESULT, _carried(seat, salt), job);
        vm.expectRevert(wanted);
        escrow.settle(OTHER_RESULT, _carriedOther(seat, keccak256(RESULT), salt), job);
    }

    /// @dev Refunds a job whose verifier can't be asked.
    function _refundUnheard(Job memory job) private {
        _passTo(job.expiresAt + escrow.REFUND_GRACE_SECONDS());
        vm.mockCallRevert(address(verifier), abi.encodeCall(verifier.expire, (job)), "down");
        _refund(job);
        vm.clearMockedCalls();
        _assertStatus(job, JobStatus.Refunded);
    }

    function _expectUnresolved(Job memory job) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.KeyUnresolved.selector, payer, uint224(0)));
        vm.prank(payer);
        escrow.open(job, INPUT);
    }
}
