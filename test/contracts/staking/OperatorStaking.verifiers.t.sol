// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allocation, IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {LyingEarningsSource} from "../../mocks/LyingEarningsSource.sol";
import {IJobEscrow} from "../../../contracts/jobs/IJobEscrow.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Allocating, deallocating, slashing and harvesting, with accounts in the verifiers' places.
contract OperatorStakingVerifiersTest is JobFixture {
    address private judge = makeAddr("judge");
    address private rival = makeAddr("rival judge");
    Operator private operator;

    function setUp() public override {
        super.setUp();
        operator = _newOperator();
        _stake(operator, 100);
        vm.startPrank(GOVERNOR);
        staking.permitVerifier(judge, true);
        staking.permitVerifier(rival, true);
        vm.stopPrank();
        _allow(judge, 100);
    }

    /* ALLOW AND ALLOCATE */

    function test_TheAuthorityPermitsVerifiers() public {
        vm.expectEmit(address(staking));
        emit IOperatorStaking.VerifierPermitted(stranger, true);
        vm.startPrank(GOVERNOR);
        staking.permitVerifier(stranger, true);
        assertTrue(staking.isPermitted(stranger));
        staking.permitVerifier(stranger, false);
        assertFalse(staking.isPermitted(stranger));
        vm.expectRevert(IOperatorStaking.ZeroAddress.selector);
        staking.permitVerifier(address(0), true);
        vm.stopPrank();
    }

    function test_AnOwnerAllowsAVerifier() public {
        vm.expectEmit(address(staking));
        emit IOperatorStaking.VerifierAllowed(operator.id, rival, 7);
        _allow(rival, 7);
        assertEq(staking.allowanceOf(operator.id, rival), 7);
    }

    function test_RevertWhen_AllowingAVerifierThatIsNotPermitted() public {
        vm.startPrank(operator.owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.VerifierNotPermitted.selector, stranger));
        staking.allowVerifier(stranger, 1);
        staking.allowVerifier(stranger, 0); // forbidding is always possible
        vm.stopPrank();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotRegistered.selector, stranger));
        staking.allowVerifier(judge, 1);
    }

    function test_AllocatingTakesFreeStake() public {
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Allocated(operator.id, judge, 60);
        _allocate(60);
        assertEq(_of(judge).active, 60);
        assertEq(staking.stakeOf(operator.id).unallocated, 40);
        assertEq(staking.stakeOf(operator.id).active, 100);
    }

    function test_RevertWhen_AllocatingWithoutPermission() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.VerifierNotPermitted.selector, stranger));
        staking.allocate(operator.id, 0);
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientAllowance.selector, 0, 1));
        staking.allocate(operator.id, 1);
    }

    function test_RevertWhen_AllocatingMoreThanAllowedOrFree() public {
        _allow(judge, 50);
        _allocate(30);
        vm.prank(judge);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientAllowance.selector, 50, 51));
        staking.allocate(operator.id, 21);
        _allow(judge, type(uint96).max);
        vm.prank(judge);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 70, 71));
        staking.allocate(operator.id, 71);
    }

    /// Stake that backs one verifier backs no other.
    function test_RevertWhen_TheStakeBacksAnother() public {
        _allocate(100);
        _allow(rival, 100);
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 0, 1));
        staking.allocate(operator.id, 1);
    }

    function test_RevertWhen_DeallocatingMoreThanAllocated() public {
        _allocate(60);
        vm.prank(judge);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 60, 61));
        staking.deallocate(operator.id, 61);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 0, 1));
        staking.deallocate(operator.id, 1);
    }

    function test_AForbiddenVerifierStillLetsGo() public {
        _allocate(60);
        vm.prank(GOVERNOR);
        staking.permitVerifier(judge, false);
        _deallocate(60);
        assertEq(_of(judge).leaving, 60);
        assertEq(staking.stakeOf(operator.id).active, 40);
    }

    /* SLASH */

    /// S1: never more than what is allocated to the slasher; the active part first, then what is leaving.
    function testFuzz_ASlashTakesOnlyItsOwn(uint96 allocated, uint96 leaving, uint96 amount) public {
        allocated = uint96(bound(allocated, 0, 100));
        leaving = uint96(bound(leaving, 0, allocated));
        _allocate(allocated);
        _deallocate(leaving);
        uint96 active = allocated - leaving;
        vm.prank(judge);
        (uint96 fromActive, uint96 fromLeaving) = staking.slash(operator.id, amount, new uint32[](0));
        assertEq(fromActive, amount < active ? amount : active);
        uint96 rest = amount - fromActive;
        assertEq(fromLeaving, rest < leaving ? rest : leaving);
        assertEq(_of(judge).active, active - fromActive);
        assertEq(_of(judge).leaving, leaving - fromLeaving);
        assertEq(staking.stakeOf(operator.id).unallocated, 100 - allocated);
        assertEq(staking.stakeOf(operator.id).active, 100 - leaving - fromActive);
        assertEq(staking.awaitingBurn(), fromActive + fromLeaving);
        assertEq(staking.stakeAt(operator.id, uint48(block.timestamp)), staking.stakeOf(operator.id).active);
    }

    /// At least half is burnt, and what doesn't divide as well.
    function testFuzz_AtLeastHalfIsBurnt(uint96 amount, uint8 winners) public {
        amount = uint96(bound(amount, 0, 100));
        winners = uint8(bound(winners, 1, 5));
        _allocate(100);
        uint32[] memory beneficiaries = new uint32[](winners);
        for (uint256 i = 0; i < winners; ++i) {
            beneficiaries[i] = operators[i].id;
        }
        vm.prank(judge);
        staking.slash(operator.id, amount, beneficiaries);
        uint256 rewarded = 0;
        for (uint256 i = 0; i < winners; ++i) {
            assertEq(staking.stakeOf(operators[i].id).claimable, amount / 2 / winners);
            rewarded += amount / 2 / winners;
        }
        assertEq(staking.awaitingBurn(), amount - rewarded);
        assertGe(staking.awaitingBurn(), rewarded);
    }

    function test_ASlashSaysWhatItTook() public {
        _allocate(100);
        uint32[] memory beneficiaries = new uint32[](1);
        beneficiaries[0] = operators[0].id;
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Rewarded(operators[0].id, 4);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Slashed(operator.id, judge, 9, 5);
        vm.prank(judge);
        staking.slash(operator.id, 9, beneficiaries);
    }

    function test_RevertWhen_AnUnknownOperatorIsRewarded() public {
        _allocate(100);
        uint32[] memory beneficiaries = new uint32[](1);
        beneficiaries[0] = 99;
        vm.prank(judge);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.UnknownOperator.selector, 99));
        staking.slash(operator.id, 9, beneficiaries);
    }

    function test_AStrangerSlashesNothing() public {
        _allocate(100);
        vm.prank(stranger);
        (uint96 fromActive, uint96 fromLeaving) = staking.slash(operator.id, 100, new uint32[](0));
        assertEq(fromActive + fromLeaving, 0);
        vm.prank(rival);
        (fromActive, fromLeaving) = staking.slash(operator.id, 100, new uint32[](0));
        assertEq(fromActive + fromLeaving, 0);
        assertEq(_of(judge).active, 100);
        assertEq(staking.awaitingBurn(), 0);
    }

    /// Unbonding just before a slash saves nothing; after its time it is the owner's.
    function test_LeavingStakeIsSlashableUntilItMatures() public {
        _allocate(100);
        _deallocate(100);
        uint40 releasesAt = _of(judge).releasesAt;
        _passTo(releasesAt - 1);
        vm.prank(judge);
        (, uint96 fromLeaving) = staking.slash(operator.id, 30, new uint32[](0));
        assertEq(fromLeaving, 30);
        _pass(1);
        vm.prank(judge);
        (, fromLeaving) = staking.slash(operator.id, 30, new uint32[](0));
        assertEq(fromLeaving, 0);
        assertEq(staking.release(operator.id, judge), 70);
    }

    function test_AForbiddenVerifierStillSlashes() public {
        _allocate(100);
        vm.prank(GOVERNOR);
        staking.permitVerifier(judge, false);
        _allow(judge, 0);
        vm.prank(judge);
        (uint96 fromActive, ) = staking.slash(operator.id, 10, new uint32[](0));
        assertEq(fromActive, 10);
    }

    /// M2, over any order of a few steps
    function testFuzz_TheBooksBalance(uint8[12] memory steps, uint96[12] memory amounts) public {
        uint256 elsewhere = 5 * STAKE;
        uint256 withdrawn = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint96 amount = amounts[i] % 60;
            uint256 step = steps[i] % 6;
            if (step == 0) _try(judge, abi.encodeCall(staking.allocate, (operator.id, amount)));
            if (step == 1) _try(judge, abi.encodeCall(staking.deallocate, (operator.id, amount)));
            if (step == 2) _try(judge, abi.encodeCall(staking.slash, (operator.id, amount, new uint32[](0))));
            if (step == 3) _try(operator.owner, abi.encodeCall(staking.unbond, (amount)));
            if (step == 4) _pass(uint256(amount) * 1 days);
            if (step == 5) {
                _try(stranger, abi.encodeCall(staking.release, (operator.id, judge)));
                vm.prank(operator.owner);
                withdrawn += staking.withdraw(operator.owner);
            }
            Allocation memory allocation = _of(judge);
            uint256 own = staking.stakeOf(operator.id).active;
            assertEq(own, uint256(staking.stakeOf(operator.id).unallocated) + allocation.active);
            uint256 accounted =
                own +
                    allocation.leaving +
                    staking.allocationOf(operator.id, address(0)).leaving +
                    staking.stakeOf(operator.id).claimable +
                    staking.awaitingBurn();
            assertEq(accounted, 100 - withdrawn);
            assertEq(opg.balanceOf(address(staking)), elsewhere + accounted);
        }
    }

    /* HARVEST */

    function test_AnyoneHarvestsWhatWasEarned() public {
        _settle(_agreed(), RESULT);
        uint256 earned = _member(0).earnings;
        uint256 held = opg.balanceOf(address(staking));
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Harvested(operators[0].id, address(verifier), earned);
        vm.prank(stranger);
        staking.harvest(operators[0].id, address(verifier));
        assertEq(staking.stakeOf(operators[0].id).claimable, earned);
        assertEq(opg.balanceOf(address(staking)), held + earned);
        assertEq(escrow.balanceOf(address(staking)), 0);
        vm.prank(operators[0].owner);
        assertEq(staking.withdraw(operators[0].owner), earned);
        assertEq(opg.balanceOf(operators[0].owner), earned);
    }

    function test_RevertWhen_HarvestingForAnUnknownOperator() public {
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.UnknownOperator.selector, 99));
        staking.harvest(99, address(verifier));
    }

    /// Whoever says it has moved what it hasn't is contradicted by the ledger.
    function test_RevertWhen_TheSourceLies() public {
        LyingEarningsSource liar = new LyingEarningsSource(1, address(0), "");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, 0, 1));
        staking.harvest(operator.id, address(liar));
        liar = new LyingEarningsSource(type(uint96).max, address(0), "");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, 0, type(uint96).max));
        staking.harvest(operator.id, address(liar));
        liar = new LyingEarningsSource(type(uint256).max, address(0), "");
        vm.expectRevert();
        staking.harvest(operator.id, address(liar));
        assertEq(staking.stakeOf(operator.id).claimable, 0);
    }

    /// Nor does it get in by the back door meanwhile.
    function test_ASourceCantReenter() public {
        _settle(_agreed(), RESULT);
        LyingEarningsSource hostile = new LyingEarningsSource(
            0,
            address(staking),
            abi.encodeCall(staking.harvest, (operators[0].id, address(verifier)))
        );
        staking.harvest(operator.id, address(hostile));
        assertFalse(hostile.succeeded());
        assertEq(
            hostile.answer(),
            abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }

    function test_RevertWhen_TheSourceIsNone() public {
        vm.expectRevert();
        staking.harvest(operator.id, stranger);
        vm.expectRevert();
        staking.harvest(operator.id, address(escrow));
    }

    /* PARTS */

    function _allow(address verifier_, uint96 max) private {
        vm.prank(operator.owner);
        staking.allowVerifier(verifier_, max);
    }

    function _allocate(uint96 amount) private {
        vm.prank(judge);
        staking.allocate(operator.id, amount);
    }

    function _deallocate(uint96 amount) private {
        vm.prank(judge);
        staking.deallocate(operator.id, amount);
    }

    function _try(address by, bytes memory data) private {
        vm.prank(by);
        (bool success, ) = address(staking).call(data);
        success;
    }

    function _of(address verifier_) private view returns (Allocation memory) {
        return staking.allocationOf(operator.id, verifier_);
    }
}
