// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Commitment} from "../../../contracts/types/Commitment.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ICommitRevealVerifier, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

contract CommitRevealVerifierRevealTest is JobFixture {
    function test_AnyoneCarriesAReveal() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        bytes32 salt = _salt(0, job);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.ResultRevealed(escrow.jobIdOf(job), operators[0].id, keccak256(RESULT));
        vm.prank(stranger);
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);

        Seat memory seat = verifier.committeeOf(job)[0];
        assertEq(seat.operatorId, operators[0].id);
        assertTrue(seat.revealed);
        assertEq(seat.hash, bytes32((uint256(keccak256(RESULT)) >> 64) << 64));
    }

    /// V2: while anyone can still commit, nobody can show a result.
    function test_RevertWhen_CommitsAreOpen() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        uint256 closesAt = _schedule(job).commitsCloseAt;
        _passTo(closesAt - 1);
        bytes32 salt = _salt(0, job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.CommitsOpen.selector, closesAt));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
        _pass(1);
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }

    /// V2, also when the committee is full: a lower draw may still come.
    function test_RevertWhen_TheCommitteeIsFullButItsStepIsNotOver() public {
        Job memory job = _opened();
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, RESULT);
        }
        uint256 closesAt = _schedule(job).commitsCloseAt;
        bytes32 salt = _salt(0, job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.CommitsOpen.selector, closesAt));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }

    function test_RevertWhen_RevealsAreClosed() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        uint256 closesAt = _schedule(job).revealsCloseAt;
        bytes32 salt = _salt(0, job);
        _passTo(closesAt);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.RevealsClosed.selector, closesAt));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }

    function test_RevertWhen_RevealedTwice() public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        _reveal(0, job, RESULT);
        bytes32 salt = _salt(0, job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.AlreadyRevealed.selector, 0));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }

    function test_RevertWhen_TheSeatIsEmpty() public {
        Job memory job = _opened();
        _commit(0, job, RESULT);
        _closeCommits(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.SeatUnknown.selector, 1));
        verifier.reveal(0, _ref(job), 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.SeatUnknown.selector, 255));
        verifier.reveal(0, _ref(job), 255, 0);
    }

    /// A seat left from the key's earlier job is no seat of this one.
    function test_RevertWhen_TheSeatIsAnEarlierJobs() public {
        _settle(_agreed(), RESULT);
        Job memory job = _opened();
        assertEq(verifier.committeeOf(job).length, 0);
        _closeCommits(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.SeatUnknown.selector, 0));
        verifier.reveal(0, _ref(job), 0, 0);
    }

    /// A copied commitment opens for nobody else: not with the victim's salt, nor with any result.
    function test_RevertWhen_TheCommitmentWasCopied() public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        bytes32 copied = _commitmentOf(0, job, RESULT);
        _commit(0, job, RESULT);
        vm.prank(operators[1].signer);
        verifier.commit(_ref(job), seed, _top(copied));
        _closeCommits(job);
        _reveal(0, job, RESULT);

        bytes32 salt = _salt(0, job);
        bytes32 got = Commitment.hash(escrow.jobIdOf(job), operators[1].id, keccak256(RESULT), salt);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICommitRevealVerifier.RevealMismatch.selector,
                got,
                bytes32((uint256(copied) >> 64) << 64)
            )
        );
        verifier.reveal(keccak256(RESULT), _ref(job), 1, salt);
    }

    /// The same result and salt under another job is another commitment.
    function test_RevertWhen_TheCommitmentIsForAnotherJob() public {
        Job memory first = _job();
        Job memory second = _jobOfKey(1);
        _open(first);
        _open(second);
        _passSeedBlock(second);
        bytes32 commitment = _commitmentOf(0, first, RESULT);
        bytes32 salt = _salt(0, first);
        uint64 seed = _seed(second);
        vm.prank(operators[0].signer);
        verifier.commit(_ref(second), seed, _top(commitment));
        _closeCommits(second);
        vm.expectPartialRevert(ICommitRevealVerifier.RevealMismatch.selector);
        verifier.reveal(keccak256(RESULT), _ref(second), 0, salt);
    }

    function testFuzz_OnlyTheCommittedOpeningOpens(bytes32 resultHash, bytes32 salt) public {
        Job memory job = _committed(RESULT, RESULT, RESULT);
        vm.assume(resultHash != keccak256(RESULT) || salt != _salt(0, job));
        vm.expectPartialRevert(ICommitRevealVerifier.RevealMismatch.selector);
        verifier.reveal(resultHash, _ref(job), 0, salt);
    }

    function test_RevertWhen_TheJobIsResolved() public {
        Job memory job = _agreed();
        _settle(job, RESULT);
        bytes32 salt = _salt(0, job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.JobResolved.selector, escrow.jobIdOf(job)));
        verifier.reveal(keccak256(RESULT), _ref(job), 0, salt);
    }
}
