// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ICommitRevealVerifier, Member, Params} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {MemberStateLib} from "../../../contracts/verifiers/MemberState.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Joining, leaving, history of shares, earnings and parameters.
contract CommitRevealVerifierMembersTest is JobFixture {
    /* JOIN AND LEAVE */

    function test_JoiningAllocatesAndLearnsTheSigner() public {
        Operator memory operator = _newOperator();
        _stake(operator, STAKE);
        vm.startPrank(operator.owner);
        staking.allowVerifier(address(verifier), uint96(STAKE));
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.SignerSynced(operator.id, operator.signer);
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.Joined(operator.id, STAKE);
        verifier.join(STAKE);
        vm.stopPrank();
        Member memory member = verifier.memberOf(operator.id);
        assertEq(member.share, STAKE_UNITS);
        assertEq(member.changedAt, block.timestamp);
        assertEq(verifier.operatorOfSigner(operator.signer), operator.id);
        assertEq(staking.allocationOf(operator.id, address(verifier)).active, STAKE);
        assertEq(verifier.totalShares(), 6 * STAKE_UNITS);
    }

    function test_RevertWhen_AStrangerJoinsOrLeaves() public {
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.NotRegistered.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(wanted);
        verifier.join(UNIT);
        vm.expectRevert(wanted);
        verifier.leave(UNIT);
        vm.stopPrank();
    }

    /// A seat has 29 bits for the operator.
    function test_RevertWhen_TheOperatorIdDoesNotFitASeat() public {
        uint32 id = 1 << 29;
        vm.mockCall(address(staking), abi.encodeCall(staking.operatorOf, (stranger)), abi.encode(id));
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.OperatorIdTooLarge.selector, id));
        vm.prank(stranger);
        verifier.join(UNIT);
    }

    function test_RevertWhen_TheAmountIsNotInUnits() public {
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.AmountNotInUnits.selector, UNIT + 1, UNIT);
        vm.startPrank(operators[0].owner);
        vm.expectRevert(wanted);
        verifier.join(UNIT + 1);
        vm.expectRevert(wanted);
        verifier.leave(UNIT + 1);
        vm.stopPrank();
    }

    function test_RevertWhen_TheAmountOverflowsAShare() public {
        uint256 amount = (uint256(type(uint56).max) + 1) * UNIT;
        vm.prank(operators[0].owner);
        vm.expectRevert(
            abi.encodeWithSelector(
                MemberStateLib.MemberFieldOverflow.selector,
                amount / UNIT + STAKE_UNITS,
                type(uint56).max
            )
        );
        verifier.join(amount);
    }

    function test_RevertWhen_JoiningWithMoreThanIsStaked() public {
        vm.prank(operators[0].owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 0, UNIT));
        verifier.join(UNIT);
        assertEq(_member(0).share, STAKE_UNITS);
    }

    function test_LeavingStartsUnbonding() public {
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.Left(operators[0].id, STAKE / 4);
        _leave(operators[0], STAKE / 4);
        assertEq(_member(0).share, (STAKE_UNITS / 4) * 3);
        assertEq(_activeAt(0), (STAKE / 4) * 3);
        assertEq(staking.allocationOf(operators[0].id, address(verifier)).leaving, STAKE / 4);
        assertEq(verifier.totalShares(), 5 * STAKE_UNITS - STAKE_UNITS / 4);
    }

    function test_RevertWhen_LeavingWithMoreThanTheShare() public {
        vm.prank(operators[0].owner);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitRevealVerifier.InsufficientShare.selector, STAKE_UNITS, STAKE_UNITS + 1)
        );
        verifier.leave(STAKE + UNIT);
    }

    /// Leaving is never refused: not under a lock, not when paused, not when the verifier is forbidden.
    function test_LeavingIsNeverRefused() public {
        _committed(RESULT, RESULT, RESULT);
        vm.startPrank(GOVERNOR);
        staking.permitVerifier(address(verifier), false);
        staking.setPaused(true);
        escrow.setJobsPaused(true);
        vm.stopPrank();
        _leave(operators[0], STAKE);
        assertEq(_member(0).share, 0);
        assertEq(_member(0).locked, BOND_UNITS);
    }

    function test_RevertWhen_SyncingAnUnknownOperator() public {
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotRegistered.selector, address(0)));
        verifier.syncSigner(99);
    }

    function test_SyncingTwiceChangesNothing() public {
        verifier.syncSigner(operators[0].id);
        assertEq(verifier.operatorOfSigner(operators[0].signer), operators[0].id);
    }

    /// A signer that comes back after a rotation speaks for its operator again.
    function test_ASignerRotatesAwayAndBack() public {
        (address next, uint256 nextKey) = makeAddrAndKey("next signer");
        _rotate(next, nextKey);
        _rotate(operators[0].signer, operators[0].signerKey);
        assertEq(verifier.operatorOfSigner(operators[0].signer), operators[0].id);
        assertEq(verifier.operatorOfSigner(next), 0);
    }

    /* HISTORY */

    function testFuzz_SharesAreAnswerableAtAnyTime(uint8[6] memory steps, uint256 when) public {
        uint48[7] memory at;
        uint56[7] memory share;
        (at[0], share[0]) = (uint48(block.timestamp - 1 days), STAKE_UNITS);
        uint256 current = STAKE;
        for (uint256 i = 0; i < 6; ++i) {
            _pass(uint256(steps[i]) + 1);
            uint256 amount = (uint256(steps[i]) + 1) * UNIT;
            if (steps[i] % 2 == 0) {
                _leave(operators[0], amount);
                current -= amount;
            } else {
                _stake(operators[0], amount);
                _join(operators[0], amount);
                current += amount;
            }
            (at[i + 1], share[i + 1]) = (uint48(block.timestamp), uint56(current / UNIT));
        }
        when = bound(when, at[0], block.timestamp);
        uint256 last = 0;
        while (last < 6 && at[last + 1] <= when) ++last;
        assertEq(verifier.shareAt(operators[0].id, uint48(when)), share[last]);
        assertEq(verifier.shareAt(operators[0].id, at[0] - 1), 0);
        assertEq(verifier.totalShares(), share[6] + 4 * STAKE_UNITS);
    }

    /// V3: the total a job is drawn from is that of the second before, however often it changes in the opening one.
    function testFuzz_AJobIsDrawnFromTheTotalBefore(uint64[4] memory amounts) public {
        uint256 total = 5 * STAKE_UNITS;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 before = total;
            uint256 changes = amounts[i] % 3;
            for (uint256 j = 0; j < changes; ++j) {
                uint256 amount = (uint256(amounts[i]) % 1e9) * UNIT;
                _stake(operators[j], amount);
                _join(operators[j], amount);
                total += amount / UNIT;
            }
            Job memory job = _jobOfKey(uint224(i));
            _open(job);
            assertEq(_schedule(job).totalShare, _tenDigits(before));
            _pass(1);
        }
    }

    /* EARNINGS */

    function test_RevertWhen_EarningsAreTakenByAnyoneButStaking() public {
        _settle(_agreed(), RESULT);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.NotStaking.selector, operators[0].owner));
        vm.prank(operators[0].owner);
        verifier.releaseEarnings(operators[0].id);
    }

    function test_EarningsAreHarvestedOnce() public {
        _settle(_agreed(), RESULT);
        uint256 earned = _member(0).earnings;
        vm.prank(stranger);
        assertEq(staking.harvest(operators[0].id, address(verifier)), earned);
        assertEq(_member(0).earnings, 0);
        assertEq(staking.harvest(operators[0].id, address(verifier)), 0);
        assertEq(staking.stakeOf(operators[0].id).claimable, earned);
        assertEq(escrow.balanceOf(address(verifier)), uint256(_member(1).earnings) + _member(2).earnings);
    }

    /* PARAMETERS */

    function test_TheAuthorityChangesTheBounds() public {
        Params memory params = Params({
            minCommitWindowSeconds: 1 hours,
            minRevealWindowSeconds: 1 hours,
            minSettleWindowSeconds: 1 hours,
            minBondPpm: 10_000_000,
            minBondUnits: 1_000_000_000
        });
        vm.expectEmit(address(verifier));
        emit ICommitRevealVerifier.ParamsChanged(params);
        vm.prank(GOVERNOR);
        verifier.setParams(params);
        assertEq(keccak256(abi.encode(verifier.params())), keccak256(abi.encode(params)));
    }

    /// A1: an open job keeps the terms it opened with.
    function test_NewBoundsTouchNoOpenJob() public {
        Job memory job = _opened();
        Params memory params = _params();
        (params.minCommitWindowSeconds, params.minBondUnits) = (1 hours, 1_000_000_000);
        vm.prank(GOVERNOR);
        verifier.setParams(params);
        for (uint256 i = 0; i < 3; ++i) {
            _commit(i, job, RESULT);
        }
        _closeCommits(job);
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, RESULT);
        }
        _settle(job, RESULT);
        assertGt(_member(0).earnings, 0);
    }

    function test_RevertWhen_AStrangerChangesTheBounds() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        verifier.setParams(_params());
    }

    function test_RevertWhen_ABoundIsOutOfRange() public {
        Params memory params = _params();
        params.minCommitWindowSeconds = 0;
        _expectParamsRefused(params, 0, 1 hours);
        params.minCommitWindowSeconds = 1 hours + 1;
        _expectParamsRefused(params, 1 hours + 1, 1 hours);
        params = _params();
        params.minRevealWindowSeconds = 0;
        _expectParamsRefused(params, 0, 1 hours);
        params = _params();
        params.minSettleWindowSeconds = 1 hours + 1;
        _expectParamsRefused(params, 1 hours + 1, 1 hours);
        params = _params();
        params.minBondPpm = 10_000_001;
        _expectParamsRefused(params, 10_000_001, 10_000_000);
        params = _params();
        params.minBondUnits = 1_000_000_001;
        _expectParamsRefused(params, 1_000_000_001, 1_000_000_000);
    }

    function _expectParamsRefused(Params memory params, uint256 got, uint256 limit) private {
        vm.prank(GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.ParamOutOfRange.selector, got, limit));
        verifier.setParams(params);
    }

    function _rotate(address signer, uint256 signerKey) private {
        bytes memory consent = _consent(operators[0].owner, signer, signerKey);
        vm.prank(operators[0].owner);
        staking.rotateSigner(signer, type(uint256).max, consent);
        verifier.syncSigner(operators[0].id);
    }
}
