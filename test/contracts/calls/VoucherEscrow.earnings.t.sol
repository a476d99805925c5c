// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IVoucherEscrow} from "../../../contracts/calls/IVoucherEscrow.sol";
import {IJobEscrow} from "../../../contracts/jobs/IJobEscrow.sol";
import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {Funding} from "../../../contracts/types/Channel.sol";
import {FeeToken} from "../../mocks/FeeToken.sol";
import {OddToken} from "../../mocks/OddToken.sol";
import {ReenteringToken} from "../../mocks/ReenteringToken.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Earnings on their way out, and tokens that aren't OPG.
contract VoucherEscrowEarningsTest is CallsFixture {
    uint96 private constant TOTAL = 10 ether;

    /* HARVEST */

    function test_EarningsGoToTheOwnersWallet() public {
        _earn(4 ether);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.EarningsReleased(operators[0].id, 4 ether);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.Deposited(address(staking), address(vouchers), 4 ether);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Harvested(operators[0].id, address(vouchers), 4 ether);
        vm.prank(stranger);
        assertEq(staking.harvest(operators[0].id, address(vouchers)), 4 ether);
        assertEq(_earnings(), 0);
        assertEq(opg.balanceOf(address(vouchers)), TOTAL - 4 ether);
        assertEq(opg.allowance(address(vouchers), address(escrow)), 0);
        assertEq(escrow.balanceOf(address(staking)), 0);
        vm.prank(operators[0].owner);
        assertEq(staking.withdraw(operators[0].owner), 4 ether);
        assertEq(opg.balanceOf(operators[0].owner), 4 ether);
    }

    function test_EarningsAreReleasedOnce() public {
        _earn(4 ether);
        staking.harvest(operators[0].id, address(vouchers));
        assertEq(staking.harvest(operators[0].id, address(vouchers)), 0);
        assertEq(staking.stakeOf(operators[0].id).claimable, 4 ether);
        _claim(_voucher(1, 4 ether + 1));
        assertEq(staking.harvest(operators[0].id, address(vouchers)), 1);
    }

    function test_OperatorsEarnApart() public {
        _earn(4 ether);
        assertEq(staking.harvest(operators[1].id, address(vouchers)), 0);
        assertEq(_earnings(), 4 ether);
    }

    function testFuzz_RevertWhen_SomebodyElseReleases(address caller) public {
        vm.assume(caller != address(staking));
        _earn(4 ether);
        uint32 id = operators[0].id;
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.NotStaking.selector, caller));
        vouchers.releaseEarnings(id);
    }

    function test_PausesDoNotStopEarnings() public {
        _earn(4 ether);
        vm.startPrank(GOVERNOR);
        staking.setPaused(true);
        escrow.setJobsPaused(true);
        vouchers.setChannelsPaused(true);
        vm.stopPrank();
        assertEq(staking.harvest(operators[0].id, address(vouchers)), 4 ether);
    }

    /* OTHER TOKENS */

    function testFuzz_RevertWhen_TheTokenTakesAFee(uint256 amount, uint256 ppm) public {
        amount = bound(amount, 1e6, 1e24);
        ppm = bound(ppm, 1, 1e6);
        _deployOver(new OddToken(18, 1e26, ppm));
        opg.transfer(payer, 1e25);
        uint256 there = opg.balanceOf(payer);
        vm.assume(there >= amount);
        vm.prank(payer);
        opg.approve(address(vouchers), amount);
        Funding memory funding = _funding(uint96(amount));
        uint256 received = amount - (amount * ppm) / 1e6;
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.TokenTookFee.selector, received, amount));
        _fund(funding);
    }

    function test_RevertWhen_TheTokenKeepsAUnit() public {
        _deployOver(new FeeToken(1e26));
        opg.transfer(payer, 101);
        vm.prank(payer);
        opg.approve(address(vouchers), 100);
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.TokenTookFee.selector, 99, 100));
        _fund(_funding(100));
    }

    /// A token that calls back finds every door locked through which money goes: while a channel is funded, closed and earnings
    /// are released.
    function test_ATokenCannotReenter() public {
        ReenteringToken token = new ReenteringToken(1e26);
        _deployOver(token);
        _giveTokens(payer);
        token.prepare(address(vouchers), _doors());
        _fund(TOTAL);
        _assertLocked(token);
        _claim(_voucher(1, 4 ether));
        token.prepare(address(vouchers), _doors());
        staking.harvest(operators[0].id, address(vouchers));
        _assertLocked(token);
        _startExit();
        vm.warp(block.timestamp + EXIT_SECONDS);
        token.prepare(address(vouchers), _doors());
        _close();
        _assertLocked(token);
        assertEq(opg.balanceOf(payer), WALLET - 4 ether);
        assertEq(opg.balanceOf(address(vouchers)), 0);
    }

    /// Even where the token is the payer itself. All it can do from within is to start its exit, which it could do before.
    function test_ATokenThatIsThePayerCannotReenter() public {
        ReenteringToken token = new ReenteringToken(1e26);
        _deployOver(token);
        payer = address(token);
        token.transfer(payer, WALLET);
        token.execute(address(token), abi.encodeCall(IERC20.approve, (address(vouchers), type(uint256).max)));
        uint32 id = operators[0].id;
        bytes memory voucher = _voucher(1, 4 ether);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(IVoucherEscrow.startExit, (payer, id, voucherSigner));
        calls[1] = abi.encodeCall(IVoucherEscrow.claim, (id, voucher));
        calls[2] = abi.encodeCall(IVoucherEscrow.fund, (_funding(2 * TOTAL)));
        calls[3] = abi.encodeCall(IVoucherEscrow.close, (payer, id, voucherSigner));
        token.prepare(address(vouchers), calls);
        token.execute(address(vouchers), abi.encodeCall(IVoucherEscrow.fund, (_funding(TOTAL))));
        assertTrue(token.succeeded(0));
        _assertRefused(token, 1);
        _assertChannel(1, TOTAL, 0, block.timestamp + EXIT_SECONDS);
        assertEq(opg.balanceOf(address(vouchers)), TOTAL);
        vm.warp(block.timestamp + EXIT_SECONDS);
        assertEq(_claim(voucher), 4 ether);
        calls[0] = calls[1];
        token.prepare(address(vouchers), calls);
        _close();
        _assertRefused(token, 0);
        assertEq(opg.balanceOf(address(vouchers)), 4 ether, "what is earned");
        bytes[] memory again = new bytes[](1);
        again[0] = abi.encodeCall(IOperatorStaking.harvest, (id, address(vouchers)));
        token.prepare(address(staking), again);
        staking.harvest(id, address(vouchers));
        assertFalse(token.succeeded(0));
        assertEq(staking.stakeOf(id).claimable, 4 ether);
        assertEq(opg.balanceOf(address(vouchers)), 0);
    }

    function _assertRefused(ReenteringToken token, uint256 from) private view {
        assertEq(token.triedCalls(), 4);
        for (uint256 i = from; i < 4; ++i) {
            assertFalse(token.succeeded(i));
            assertEq(bytes4(token.answers(i)), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
    }

    function _doors() private view returns (bytes[] memory calls) {
        Funding memory funding = _funding(TOTAL);
        (address from, uint32 id, address key) = (payer, operators[0].id, voucherSigner);
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(IVoucherEscrow.fund, (funding));
        calls[1] = abi.encodeCall(IVoucherEscrow.fundWithPermit, (funding, _noPermit()));
        calls[2] = abi.encodeCall(IVoucherEscrow.fundWithSignature, (funding, "", _noPermit()));
        calls[3] = abi.encodeCall(IVoucherEscrow.claim, (id, _voucher(1, TOTAL)));
        calls[4] = abi.encodeCall(IVoucherEscrow.close, (from, id, key));
        calls[5] = abi.encodeCall(IVoucherEscrow.releaseEarnings, (id));
    }

    function _assertLocked(ReenteringToken token) private view {
        assertEq(token.triedCalls(), 6);
        for (uint256 i = 0; i < 6; ++i) {
            assertFalse(token.succeeded(i));
            assertEq(bytes4(token.answers(i)), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
    }

    /// @dev The network over another token; the operators are registered, without stake.
    function _deployOver(IERC20 token) private {
        opg = token;
        escrow = JobEscrow(_deploy("JobEscrow", abi.encode(token, authority, PROTOCOL, 0)));
        staking = OperatorStaking(_deploy("OperatorStaking", abi.encode(token, escrow, authority, UNBONDING_SECONDS)));
        _wireCalls();
        vm.startPrank(operators[0].owner);
        staking.register(operators[0].owner, 0, "");
        vm.stopPrank();
    }

    function _earn(uint96 amount) private {
        _fund(TOTAL);
        _claim(_voucher(1, amount));
    }
}
