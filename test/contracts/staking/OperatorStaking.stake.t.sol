// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {OPG} from "../../../contracts/token/OPG.sol";
import {FeeToken} from "../../mocks/FeeToken.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Deploying, staking, unbonding, withdrawing, burning, and the authority.
contract OperatorStakingStakeTest is JobFixture {
    uint32 private id;
    address private owner;
    uint256 private ownerKey;

    function setUp() public override {
        super.setUp();
        (owner, ownerKey) = makeAddrAndKey("owner");
        vm.prank(owner);
        id = staking.register(owner, 0, "");
        opg.transfer(owner, 100 ether);
        vm.prank(owner);
        opg.approve(address(staking), type(uint256).max);
    }

    /* DEPLOY */

    function test_DeployedAsAsked() public view {
        assertEq(address(staking.OPG()), address(opg));
        assertEq(address(staking.LEDGER()), address(escrow));
        assertEq(staking.unbondingSeconds(), UNBONDING_SECONDS);
        assertLt(staking.MAX_LOCK_SECONDS(), staking.MIN_UNBONDING_SECONDS());
    }

    function test_RevertWhen_DeployedWrongly() public {
        bytes memory notAToken = abi.encodeWithSelector(IOperatorStaking.NotAToken.selector, stranger);
        _expectRefusedDeploy(abi.encode(stranger, escrow, authority, 14 days), notAToken);
        FeeToken large = new FeeToken(uint256(type(uint96).max) + 1);
        _expectRefusedDeploy(
            abi.encode(large, escrow, authority, 14 days),
            abi.encodeWithSelector(IOperatorStaking.NotAToken.selector, address(large))
        );
        bytes memory zero = abi.encodeWithSelector(IOperatorStaking.ZeroAddress.selector);
        _expectRefusedDeploy(abi.encode(opg, address(0), authority, 14 days), zero);
        _expectRefusedDeploy(abi.encode(opg, escrow, address(0), 14 days), zero);
        _expectRefusedDeploy(
            abi.encode(opg, escrow, authority, 7 days - 1),
            abi.encodeWithSelector(IOperatorStaking.UnbondingOutOfRange.selector, 7 days - 1, 7 days, 60 days)
        );
    }

    /* STAKE */

    function testFuzz_StakeIsCountedExactly(uint256 amount) public {
        amount = bound(amount, 0, 100 ether);
        uint256 held = opg.balanceOf(address(staking));
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Staked(id, amount);
        vm.prank(owner);
        staking.stake(amount);
        assertEq(staking.stakeOf(id).unallocated, amount);
        assertEq(staking.stakeOf(id).active, amount);
        assertEq(opg.balanceOf(address(staking)), held + amount);
        assertEq(staking.stakeAt(id, uint48(block.timestamp)), amount);
        assertEq(staking.stakeAt(id, uint48(block.timestamp) - 1), 0);
    }

    function test_RevertWhen_AStrangerStakes() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotRegistered.selector, stranger));
        staking.stake(1);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken(1 ether);
        OperatorStaking other = OperatorStaking(
            _deploy("OperatorStaking", abi.encode(token, escrow, authority, 14 days))
        );
        other.register(address(this), 0, "");
        token.approve(address(other), 100);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.TokenTookFee.selector, 99, 100));
        other.stake(100);
    }

    function test_StakesWithAPermitThoughItWasUsed() public {
        vm.prank(owner);
        opg.approve(address(staking), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(5 ether);
        vm.prank(stranger);
        OPG(address(opg)).permit(owner, address(staking), 5 ether, type(uint256).max, v, r, s);
        vm.prank(owner);
        staking.stakeWithPermit(5 ether, type(uint256).max, v, r, s);
        assertEq(staking.stakeOf(id).active, 5 ether);

        (v, r, s) = _permit(6 ether);
        vm.prank(owner);
        staking.stakeWithPermit(6 ether, type(uint256).max, v, r, s);
        assertEq(staking.stakeOf(id).active, 11 ether);
    }

    function test_RevertWhen_ThePermitIsWorthless() public {
        vm.startPrank(owner);
        opg.approve(address(staking), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(staking), 0, 5)
        );
        staking.stakeWithPermit(5, type(uint256).max, 27, "r", "s");
        vm.stopPrank();
    }

    /* OUT */

    function test_UnbondingTakesItsTime() public {
        vm.startPrank(owner);
        staking.stake(10 ether);
        uint40 releasesAt = uint40(block.timestamp) + UNBONDING_SECONDS;
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Deallocated(id, address(0), 4 ether, releasesAt);
        staking.unbond(4 ether);
        vm.stopPrank();
        assertEq(staking.stakeOf(id).unallocated, 6 ether);
        assertEq(staking.stakeOf(id).active, 6 ether);
        assertEq(staking.allocationOf(id, address(0)).leaving, 4 ether);

        _passTo(releasesAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.StillUnbonding.selector, releasesAt));
        staking.release(id, address(0));
        _pass(1);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Released(id, address(0), 4 ether);
        vm.prank(stranger);
        assertEq(staking.release(id, address(0)), 4 ether);
        assertEq(staking.release(id, address(0)), 0);

        vm.expectEmit(address(staking));
        emit IOperatorStaking.Withdrawn(id, stranger, 4 ether);
        vm.startPrank(owner);
        assertEq(staking.withdraw(stranger), 4 ether);
        assertEq(staking.withdraw(stranger), 0);
        vm.stopPrank();
        assertEq(opg.balanceOf(stranger), 4 ether);
    }

    function test_RevertWhen_UnbondingMoreThanIsFree() public {
        vm.prank(operators[0].owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, 0, 1));
        staking.unbond(1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotRegistered.selector, stranger));
        staking.unbond(0);
    }

    function test_RevertWhen_WithdrawingWrongly() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InvalidRecipient.selector, address(0)));
        staking.withdraw(address(0));
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InvalidRecipient.selector, address(staking)));
        staking.withdraw(address(staking));
        vm.stopPrank();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotRegistered.selector, stranger));
        staking.withdraw(stranger);
    }

    /// Parts that leave one after the other wait for the last; what matured before is released, never prolonged.
    function test_LeavingAgainMergesOrReleases() public {
        vm.startPrank(owner);
        staking.stake(10 ether);
        staking.unbond(1 ether);
        _pass(10 days);
        staking.unbond(2 ether);
        assertEq(staking.allocationOf(id, address(0)).leaving, 3 ether);
        uint40 releasesAt = uint40(block.timestamp) + UNBONDING_SECONDS;
        assertEq(staking.allocationOf(id, address(0)).releasesAt, releasesAt);

        _passTo(releasesAt);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Released(id, address(0), 3 ether);
        staking.unbond(4 ether);
        vm.stopPrank();
        assertEq(staking.stakeOf(id).claimable, 3 ether);
        assertEq(staking.allocationOf(id, address(0)).leaving, 4 ether);
        assertEq(staking.allocationOf(id, address(0)).releasesAt, releasesAt + UNBONDING_SECONDS);
    }

    /// A shorter unbonding time shortens nothing that leaves already.
    function test_AShorterTimeIsForWhatLeavesLater() public {
        vm.startPrank(owner);
        staking.stake(10 ether);
        staking.unbond(1 ether);
        vm.stopPrank();
        uint40 releasesAt = uint40(block.timestamp) + UNBONDING_SECONDS;
        vm.prank(GOVERNOR);
        staking.setUnbondingSeconds(7 days);
        vm.prank(owner);
        staking.unbond(1 ether);
        assertEq(staking.allocationOf(id, address(0)).releasesAt, releasesAt);
        assertEq(staking.allocationOf(id, address(0)).leaving, 2 ether);
    }

    function test_TheSlashedIsBurntByAnyone() public {
        Operator memory operator = operators[0];
        vm.prank(address(verifier));
        staking.slash(operator.id, 5 ether, new uint32[](0));
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Burnt(5 ether);
        vm.prank(stranger);
        assertEq(staking.burn(), 5 ether);
        assertEq(opg.balanceOf(staking.DEAD()), 5 ether);
        assertEq(staking.awaitingBurn(), 0);
        assertEq(staking.burn(), 0);
    }

    /// E1: everything put in comes out, whoever pauses what.
    function testFuzz_AllOfItComesOut(uint96 amount, uint96 joined) public {
        amount = uint96(bound(amount, UNIT, 100 ether));
        joined = uint96(bound(joined, 0, amount / UNIT) * UNIT);
        vm.startPrank(owner);
        staking.stake(amount);
        staking.allowVerifier(address(verifier), type(uint96).max);
        verifier.join(joined);
        vm.stopPrank();
        vm.startPrank(GOVERNOR);
        staking.setPaused(true);
        staking.permitVerifier(address(verifier), false);
        vm.stopPrank();
        vm.startPrank(owner);
        verifier.leave(joined);
        staking.unbond(amount - joined);
        _pass(UNBONDING_SECONDS);
        staking.release(id, address(verifier));
        staking.release(id, address(0));
        assertEq(staking.withdraw(owner), amount);
        vm.stopPrank();
        assertEq(opg.balanceOf(owner), 100 ether);
    }

    /* AUTHORITY */

    function test_TheAuthorityChangesUnbonding() public {
        vm.expectEmit(address(staking));
        emit IOperatorStaking.UnbondingChanged(60 days);
        vm.startPrank(GOVERNOR);
        staking.setUnbondingSeconds(60 days);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorStaking.UnbondingOutOfRange.selector, 60 days + 1, 7 days, 60 days)
        );
        staking.setUnbondingSeconds(60 days + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorStaking.UnbondingOutOfRange.selector, 7 days - 1, 7 days, 60 days)
        );
        staking.setUnbondingSeconds(7 days - 1);
        vm.stopPrank();
    }

    function test_PausingStopsOnlyWhatIsNew() public {
        vm.expectEmit(address(staking));
        emit IOperatorStaking.NewStakesPaused(true);
        vm.prank(GOVERNOR);
        staking.setPaused(true);
        vm.prank(stranger);
        vm.expectRevert(IOperatorStaking.StakesPaused.selector);
        staking.register(stranger, 0, "");
        vm.prank(owner);
        vm.expectRevert(IOperatorStaking.StakesPaused.selector);
        staking.stake(1);
        vm.prank(address(verifier));
        vm.expectRevert(IOperatorStaking.StakesPaused.selector);
        staking.allocate(id, 0);

        Operator memory operator = operators[0];
        vm.startPrank(operator.owner);
        verifier.leave(UNIT);
        staking.rotateSigner(operator.owner, 0, "");
        staking.allowVerifier(address(verifier), 0);
        staking.withdraw(operator.owner);
        vm.stopPrank();
        vm.prank(address(verifier));
        staking.slash(operator.id, 1, new uint32[](0));
        staking.harvest(operator.id, address(verifier));
        staking.burn();
    }

    function test_RevertWhen_AStrangerGoverns() public {
        bytes memory wanted = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner);
        vm.startPrank(owner);
        vm.expectRevert(wanted);
        staking.setPaused(true);
        vm.expectRevert(wanted);
        staking.setUnbondingSeconds(7 days);
        vm.expectRevert(wanted);
        staking.permitVerifier(owner, true);
        vm.stopPrank();
    }

    function _permit(uint256 amount) private view returns (uint8, bytes32, bytes32) {
        OPG token = OPG(address(opg));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                address(staking),
                amount,
                token.nonces(owner),
                type(uint256).max
            )
        );
        return vm.sign(ownerKey, _digest(token.DOMAIN_SEPARATOR(), structHash));
    }

    function _expectRefusedDeploy(bytes memory args, bytes memory wanted) private {
        _expectRefusedDeploy("OperatorStaking", args, wanted);
    }
}
