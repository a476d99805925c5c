// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitRevealTerms} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {Sortition} from "../../../contracts/types/Sortition.sol";
import {ICommitRevealVerifier, JobRef, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// The seed, the draw, and who gets which seat.
contract CommitRevealVerifierCommitTest is JobFixture {
    /* SEED */

    function test_AnyonePinsTheSeed() public {
        Job memory job = _opened();
        bytes32 jobId = escrow.jobIdOf(job);
        uint192 seed = Sortition.seed(_seedHash(job), jobId);
        assertEq(verifier.seedOf(job), seed);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SeedPinned(jobId, seed);
        vm.prank(stranger);
        verifier.pinSeed(_ref(job));
        assertEq(verifier.seedOf(job), seed);
    }

    /// One block's hash, biased or lucky, doesn't decide the committees of all jobs of a block alike.
    function test_JobsOfOneBlockHaveSeedsOfTheirOwn() public {
        Job memory one = _job();
        Job memory other = _jobOfKey(1);
        _open(one);
        _open(other);
        _passSeedBlock(other);
        assertEq(_schedule(one).seedBlock, _schedule(other).seedBlock);
        assertTrue(verifier.seedOf(one) != verifier.seedOf(other));
    }

    /// A pinned seed outlives the chain's memory, and is never another.
    function test_APinnedSeedOutlivesItsBlock() public {
        Job memory job = _opened();
        uint192 seed = verifier.seedOf(job);
        uint64 prefix = _seed(job);
        uint256 seedBlock = _schedule(job).seedBlock;
        verifier.pinSeed(_ref(job));
        vm.etch(0x0000F90827F1C53a10cb7A02335B175320002935, "");
        vm.roll(seedBlock + 300);
        assertEq(verifier.seedOf(job), seed);
        verifier.pinSeed(_ref(job));
        assertEq(verifier.seedOf(job), seed);
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), prefix, _top("commitment"));
    }

    function test_RevertWhen_TheSeedBlockIsNotOverYet() public {
        Job memory job = _job();
        uint256 seedBlock = block.number + 2;
        _open(job);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ICommitRevealVerifier.SeedUnavailable.selector, seedBlock, block.number)
            );
            verifier.pinSeed(_ref(job));
            if (block.number < seedBlock) vm.roll(block.number + 1);
        }
        vm.roll(seedBlock + 1);
        verifier.pinSeed(_ref(job));
    }

    /// Blocks older than 256 are read from the history contract (EIP-2935), where the chain has it.
    function test_AnOldSeedIsReadFromHistory() public {
        Job memory job = _job();
        uint256 seedBlock = block.number + 2;
        _open(job);
        vm.roll(seedBlock + 300);
        _fakeHistory("an old hash");
        uint192 seed = Sortition.seed("an old hash", escrow.jobIdOf(job));
        assertEq(verifier.seedOf(job), seed);
        verifier.pinSeed(_ref(job));
        assertEq(verifier.seedOf(job), seed);
    }

    function test_RevertWhen_TheSeedBlockIsForgotten() public {
        Job memory job = _job();
        uint256 seedBlock = block.number + 2;
        _open(job);
        vm.roll(seedBlock + 300);
        vm.etch(0x0000F90827F1C53a10cb7A02335B175320002935, "");
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.SeedUnavailable.selector, seedBlock, block.number)
        );
        verifier.pinSeed(_ref(job));

        // Never drawn again: nobody can commit, and the payer gets the fee back.
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.SeedUnavailable.selector, seedBlock, block.number)
        );
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), 1, _top(0));
        _closeCommits(job);
        escrow.settle("", "", job);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    /// After a reorg the operator's seed isn't the chain's: its commit is void instead of wrong.
    function test_RevertWhen_DrawnUnderAnotherSeed() public {
        Job memory job = _opened();
        uint192 seed = verifier.seedOf(job);
        uint64 other = _prefixOf(keccak256("other branch"), job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.SeedMismatch.selector, other, seed));
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), other, _top("commitment"));
        assertEq(_member(0).locked, 0);
    }

    /* COMMIT */

    function test_ACommitTakesASeatAndLocksTheBond() public {
        Job memory job = _opened();
        bytes32 commitment = _commitmentOf(0, job, RESULT);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.ResultCommitted(escrow.jobIdOf(job), operators[0].id);
        _commit(0, job, RESULT);

        Seat[] memory seats = verifier.committeeOf(job);
        assertEq(seats.length, 1);
        assertEq(seats[0].operatorId, operators[0].id);
        assertFalse(seats[0].revealed);
        assertEq(seats[0].hash, bytes32((uint256(commitment) >> 64) << 64));
        assertEq(_member(0).locked, BOND_UNITS);
        assertEq(_member(0).share, STAKE_UNITS);
        assertEq(_schedule(job).committed, 1);
    }

    function test_AFullCommitteeClosesCommitsWithItsStep() public {
        Job memory job = _opened();
        uint256 openedAt = _schedule(job).openedAt;
        _commit(0, job, RESULT);
        _commit(1, job, RESULT);
        assertEq(_schedule(job).commitsCloseAt, openedAt + 3 * WINDOW);
        _passTo(openedAt + WINDOW);
        _commit(2, job, RESULT);
        assertEq(_schedule(job).commitsCloseAt, openedAt + 2 * WINDOW);
    }

    /// What is brought of a job is bound to what it was opened with.
    function testFuzz_RevertWhen_TheReferenceIsAnothers(uint256 field, uint256 flip) public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        JobRef memory ref = _ref(job);
        field %= 4;
        if (field == 0) ref.jobId ^= bytes32(1 << (flip % 256));
        if (field == 1) ref.payer = address(uint160(ref.payer) ^ uint160(1 << (flip % 160)));
        if (field == 2) ref.key ^= uint224(1 << (flip % 224));
        if (field == 3) ref.terms ^= bytes32(1 << (flip % 256));
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.UnknownJob.selector, ref.jobId);
        vm.expectRevert(wanted);
        vm.prank(operators[0].signer);
        verifier.commit(ref, seed, _top("commitment"));
        vm.expectRevert(wanted);
        verifier.reveal(keccak256(RESULT), ref, 0, 0);
        vm.expectRevert(wanted);
        verifier.pinSeed(ref);
        assertEq(_member(0).locked, 0);
    }

    function test_RevertWhen_TheCallerIsNoSigner() public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotASigner.selector, operators[0].owner));
        vm.prank(operators[0].owner);
        verifier.commit(_ref(job), seed, _top("commitment"));
    }

    function test_RevertWhen_SeatedAlready() public {
        Job memory job = _opened();
        _commit(1, job, RESULT);
        _commit(0, job, RESULT);
        uint64 seed = _seed(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.AlreadySeated.selector, operators[0].id, 1));
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), seed, _top("another"));
        assertEq(_member(0).locked, BOND_UNITS);
    }

    function test_RevertWhen_CommitsAreClosed() public {
        Job memory job = _opened();
        uint256 closesAt = _schedule(job).commitsCloseAt;
        uint64 seed = _seed(job);
        _passTo(closesAt);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.CommitsClosed.selector, closesAt));
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
    }

    function test_ACommitIsTakenInTheLastSecond() public {
        Job memory job = _opened();
        _passTo(_schedule(job).commitsCloseAt - 1);
        _commit(0, job, RESULT);
    }

    function test_RevertWhen_TheBondIsMoreThanTheFreeShare() public {
        CommitRevealTerms memory terms = _terms();
        terms.bondUnits = STAKE_UNITS / 2 + 1;
        Job memory first = _job();
        (first.verifierData, first.fee) = (_pack(terms), 51 ether); // a bond is at most ten times the fee
        _open(first);
        Job memory second = _jobOfKey(1);
        (second.verifierData, second.fee) = (_pack(terms), 51 ether);
        _open(second);
        _passSeedBlock(second);
        _commit(0, first, RESULT);
        uint64 seed = _seed(second);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.InsufficientShare.selector, STAKE_UNITS, STAKE_UNITS + 2)
        );
        vm.prank(operators[0].signer);
        verifier.commit(_ref(second), seed, _top("commitment"));
    }

    /// What is leaving backs no new bond, though the draw counts it.
    function test_RevertWhen_TheStakeIsLeaving() public {
        Job memory job = _opened();
        _leave(operators[0], STAKE);
        uint64 seed = _seed(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.InsufficientShare.selector, 0, BOND_UNITS));
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
    }

    /* WHO MAY SIT */

    /// V3
    function test_RevertWhen_TheStakeArrivedAfterOpening() public {
        Job memory job = _job();
        _open(job);
        _addOperator(STAKE * 100);
        _passSeedBlock(job);
        uint64 seed = _seed(job);
        uint32 newcomer = operators[5].id;
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotDrawn.selector, newcomer, 0));
        vm.prank(operators[5].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
    }

    /// V3: stake of the opening block itself came too late as well.
    function test_RevertWhen_TheStakeArrivedInTheOpeningBlock() public {
        _addOperator(STAKE);
        Job memory job = _opened();
        uint64 seed = _seed(job);
        uint32 newcomer = operators[5].id;
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotDrawn.selector, newcomer, 0));
        vm.prank(operators[5].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
        assertEq(_schedule(job).totalShare, _tenDigits(5 * STAKE_UNITS));
    }

    /// V3: more stake after opening changes no draw, and stake that has left since keeps its own.
    function test_LaterChangesOfStakeMoveNoDraw() public {
        Job memory job = _opened();
        _pass(1);
        _stake(operators[0], STAKE);
        _join(operators[0], STAKE);
        _leave(operators[1], STAKE / 2);
        uint48 before = _schedule(job).openedAt - 1;
        assertEq(verifier.shareAt(operators[0].id, before), STAKE_UNITS);
        assertEq(verifier.shareAt(operators[1].id, before), STAKE_UNITS);
        assertEq(_schedule(job).totalShare, _tenDigits(5 * STAKE_UNITS));
        _commit(0, job, RESULT);
        _commit(1, job, RESULT);
    }

    /// A draw above the threshold waits for a wider step; each step lasts a whole window.
    function test_TheThresholdWidensInSteps() public {
        Job memory job = _jobOfOne(2);
        _open(job);
        _passSeedBlock(job);
        uint256 openedAt = _schedule(job).openedAt;
        // Five equal stakes and one seat: a draw may sit below 2/5 of the range, then below 4/5, then always.
        bytes32 seed = _seedWithTicketsOf(job, 0, 4, 5);
        vm.setBlockhash(_schedule(job).seedBlock, seed);
        bytes32 commitment = _commitmentOf(0, job, RESULT);
        for (uint8 step = 0; step < 2; ++step) {
            _passTo(openedAt + uint256(step + 1) * WINDOW - 1);
            vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotDrawn.selector, operators[0].id, step));
            vm.prank(operators[0].signer);
            verifier.commit(_ref(job), _prefixOf(seed, job), _top(commitment));
        }
        _passTo(openedAt + 2 * WINDOW);
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), _prefixOf(seed, job), _top(commitment));
        assertEq(_schedule(job).commitsCloseAt, openedAt + 3 * WINDOW);
    }

    /* EVICTION */

    /// V1: not a race. Whoever comes later with a lower draw takes the highest seat.
    function test_ALowerDrawEvictsTheHighest() public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        uint256[] memory ranked = _ranked(job, _seedHash(job));
        for (uint256 i = 4; i >= 2; --i) {
            _commit(ranked[i], job, RESULT);
        }
        _passTo(_schedule(job).commitsCloseAt - 1);

        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SeatEvicted(escrow.jobIdOf(job), operators[ranked[4]].id, 0);
        _commit(ranked[1], job, RESULT);
        assertEq(_seatOf(ranked[1], job), 0);
        assertEq(_member(ranked[4]).locked, 0, "bond released");
        assertEq(_member(ranked[1]).locked, BOND_UNITS);

        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SeatEvicted(escrow.jobIdOf(job), operators[ranked[3]].id, 1);
        _commit(ranked[0], job, RESULT);

        // The evicted can't come back.
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotLower.selector, operators[ranked[3]].id));
        vm.prank(operators[ranked[3]].signer);
        verifier.commit(_ref(job), seed, _top("again"));
        assertEq(_schedule(job).committed, 3);
    }

    /// Whoever takes the place of the last seat, or of one taken in an earlier step, moves no closing time.
    function testFuzz_AnEvictionKeepsTheClosingTime(bool last) public {
        Job memory job = _opened();
        uint256[] memory ranked = _ranked(job, _seedHash(job));
        uint256 openedAt = _schedule(job).openedAt;
        _commit(ranked[last ? 2 : 4], job, RESULT);
        _commit(ranked[3], job, RESULT);
        _passTo(openedAt + WINDOW);
        _commit(ranked[last ? 4 : 2], job, RESULT);
        assertEq(_schedule(job).commitsCloseAt, openedAt + 2 * WINDOW);

        _passTo(openedAt + 2 * WINDOW - 1);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SeatEvicted(escrow.jobIdOf(job), operators[ranked[4]].id, last ? 2 : 0);
        _commit(ranked[1], job, RESULT);
        assertEq(_seatOf(ranked[1], job), last ? 2 : 0);
        assertEq(_schedule(job).commitsCloseAt, openedAt + 2 * WINDOW);
        assertEq(_schedule(job).revealsCloseAt, openedAt + 3 * WINDOW);

        _pass(1);
        uint64 seed = _seed(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.CommitsClosed.selector, openedAt + 2 * WINDOW));
        vm.prank(operators[ranked[0]].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
        for (uint256 i = 1; i < 4; ++i) {
            _reveal(ranked[i], job, RESULT);
        }
        _settle(job, RESULT);
        assertEq(_schedule(job).commitsCloseAt, openedAt + 2 * WINDOW, "also afterwards");
    }

    function testFuzz_TheLowestDrawsHoldTheSeats(uint256 seed, uint256 order) public {
        Job memory job = _opened();
        seed = bound(seed, 1, type(uint256).max);
        vm.setBlockhash(_schedule(job).seedBlock, bytes32(seed));
        uint256[5] memory turn = [uint256(0), 1, 2, 3, 4];
        for (uint256 i = 4; i > 0; --i) {
            uint256 j = order % (i + 1);
            order /= i + 1;
            (turn[i], turn[j]) = (turn[j], turn[i]);
        }
        for (uint256 i = 0; i < 5; ++i) {
            vm.prank(operators[turn[i]].signer);
            try verifier.commit(_ref(job), _prefixOf(bytes32(seed), job), _top("commitment")) {} catch {}
        }
        uint256[] memory ranked = _ranked(job, bytes32(seed));
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(_member(ranked[i]).locked, i < 3 ? BOND_UNITS : 0);
        }
        Seat[] memory seats = verifier.committeeOf(job);
        assertEq(seats.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            _seatOf(ranked[i], job);
        }
    }

    /// A job that ended early takes nobody any more, though its widest step isn't over: an eviction now would release
    /// a bond that another job holds.
    function test_RevertWhen_TheJobHasBeenResolved() public {
        Job memory job = _opened();
        bytes32 seedHash = _seedHash(job);
        uint64 seed = _seed(job);
        uint256[] memory ranked = _ranked(job, seedHash);
        for (uint256 i = 2; i < 5; ++i) {
            _commit(ranked[i], job, RESULT);
        }
        _closeCommits(job);
        for (uint256 i = 2; i < 5; ++i) {
            _reveal(ranked[i], job, RESULT);
        }
        _settle(job, RESULT);

        Job memory other = _jobOfKey(1);
        _open(other);
        _passSeedBlock(other);
        vm.setBlockhash(_schedule(other).seedBlock, seedHash);
        _commit(ranked[4], other, RESULT);

        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.JobResolved.selector, escrow.jobIdOf(job)));
        vm.prank(operators[ranked[0]].signer);
        verifier.commit(_ref(job), seed, _top("late"));
        assertEq(_member(ranked[4]).locked, BOND_UNITS);
        assertEq(_member(ranked[0]).locked, 0);
    }

    /* SIGNERS */

    function test_ARotatedSignerCommitsOnceItIsKnown() public {
        Job memory job = _opened();
        uint64 seed = _seed(job);
        (address next, uint256 nextKey) = makeAddrAndKey("next signer");
        bytes memory consent = _consent(operators[0].owner, next, nextKey);
        vm.prank(operators[0].owner);
        staking.rotateSigner(next, type(uint256).max, consent);

        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotASigner.selector, next));
        vm.prank(next);
        verifier.commit(_ref(job), seed, _top("commitment"));

        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SignerSynced(operators[0].id, next);
        vm.prank(stranger);
        verifier.syncSigner(operators[0].id);
        assertEq(verifier.operatorOfSigner(next), operators[0].id);
        assertEq(verifier.operatorOfSigner(operators[0].signer), 0);

        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotASigner.selector, operators[0].signer));
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), seed, _top("commitment"));
        vm.prank(next);
        verifier.commit(_ref(job), seed, _top("commitment"));
        assertEq(_member(0).locked, BOND_UNITS);
    }

    /// Until somebody tells the verifier, the old signer still speaks for its operator; it can take no second seat.
    function test_BeforeTheSyncTheOldSignerCommits() public {
        Job memory job = _opened();
        (address next, uint256 nextKey) = makeAddrAndKey("next signer");
        bytes memory consent = _consent(operators[0].owner, next, nextKey);
        vm.prank(operators[0].owner);
        staking.rotateSigner(next, type(uint256).max, consent);
        _commit(0, job, RESULT);
        verifier.syncSigner(operators[0].id);
        uint64 seed = _seed(job);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.AlreadySeated.selector, operators[0].id, 0));
        vm.prank(next);
        verifier.commit(_ref(job), seed, _top("commitment"));
    }

    /* SEEDS AND RANKS */

    function _jobOfOne(uint8 maxWidening) private view returns (Job memory job) {
        job = _job();
        CommitRevealTerms memory terms = _terms();
        (terms.committeeSize, terms.maxWidening) = (1, maxWidening);
        job.verifierData = _pack(terms);
    }

    /// @dev A block hash under which operator i's ticket is in the last part of the range.
    function _seedWithTicketsOf(
        Job memory job,
        uint256 i,
        uint256 numerator,
        uint256 denominator
    ) private view returns (bytes32) {
        uint256 least = ((uint256(1) << 128) / denominator) * numerator + denominator;
        for (uint256 hash = 1; ; ++hash) {
            if (_ticket(job, bytes32(hash), i) >= least) return bytes32(hash);
        }
    }

    /// @dev Operators' indices, lowest ticket first (their stakes are equal).
    function _ranked(Job memory job, bytes32 seed) private view returns (uint256[] memory ranked) {
        ranked = new uint256[](5);
        for (uint256 i = 0; i < 5; ++i) {
            uint256 rank = 0;
            for (uint256 j = 0; j < 5; ++j) {
                if (_ticket(job, seed, j) < _ticket(job, seed, i)) ++rank;
            }
            ranked[rank] = i;
        }
    }

    function _ticket(Job memory job, bytes32 blockHash, uint256 i) private view returns (uint256) {
        return Sortition.ticket(Sortition.seed(blockHash, escrow.jobIdOf(job)), operators[i].id);
    }

    function _fakeHistory(bytes32 hash) private {
        // PUSH32 hash PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
        vm.etch(0x0000F90827F1C53a10cb7A02335B175320002935, abi.encodePacked(hex"7f", hash, hex"5f5260205ff3"));
    }
}
