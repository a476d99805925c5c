// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVoucherEscrow, Skipped} from "../../../contracts/calls/IVoucherEscrow.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Out of a channel: asking, waiting, closing, and what is left behind.
contract VoucherEscrowExitTest is CallsFixture {
    uint96 private constant TOTAL = 10 ether;

    function setUp() public override {
        super.setUp();
        _fund(TOTAL);
    }

    /* ASKING */

    function test_ThePayerStartsTheExit() public {
        uint256 exitsAt = block.timestamp + EXIT_SECONDS;
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelExiting(_channelId(1), exitsAt);
        _startExit();
        _assertChannel(1, TOTAL, 0, exitsAt);
    }

    /// Who holds the key could give the money away as well.
    function test_TheVoucherKeyStartsTheExit() public {
        uint256 exitsAt = block.timestamp + EXIT_SECONDS;
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelExiting(_channelId(1), exitsAt);
        _startExitBy(voucherSigner);
        _assertChannel(1, TOTAL, 0, exitsAt);
    }

    function test_RevertWhen_SomebodyElseStartsTheExit() public {
        address[4] memory others = [stranger, operators[0].owner, operators[0].signer, GOVERNOR];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.NotPayer.selector, others[i], payer));
            _startExitBy(others[i]);
        }
        _assertChannel(1, TOTAL, 0, 0);
    }

    function test_RevertWhen_NoChannelIsOpen() public {
        uint32 other = operators[1].id;
        bytes memory wanted = abi.encodeWithSelector(
            IVoucherEscrow.ChannelNotOpen.selector,
            payer,
            other,
            voucherSigner
        );
        vm.expectRevert(wanted);
        vm.prank(payer);
        vouchers.startExit(payer, other, voucherSigner);
        vm.expectRevert(wanted);
        vouchers.close(payer, other, voucherSigner);
    }

    /// Asking again would move the time.
    function test_RevertWhen_AskedTwice() public {
        _startExit();
        bytes memory wanted = abi.encodeWithSelector(
            IVoucherEscrow.ChannelAlreadyExiting.selector,
            block.timestamp + EXIT_SECONDS
        );
        vm.expectRevert(wanted);
        _startExit();
        vm.warp(block.timestamp + 2 * EXIT_SECONDS);
        vm.expectRevert(wanted);
        _startExitBy(voucherSigner);
    }

    /* CLOSING */

    function test_AnyoneClosesWhenTheTimeIsOver() public {
        _claim(_voucher(1, 4 ether));
        _startExit();
        vm.warp(block.timestamp + EXIT_SECONDS);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelClosed(_channelId(1), 6 ether, 4 ether);
        vm.prank(stranger);
        assertEq(_close(), 6 ether);
        assertEq(opg.balanceOf(payer), WALLET - 4 ether);
        assertEq(opg.balanceOf(address(vouchers)), 4 ether);
        assertEq(_earnings(), 4 ether);
    }

    function test_RevertWhen_NobodyAsked() public {
        vm.warp(block.timestamp + 10 * EXIT_SECONDS);
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.ChannelNotExiting.selector, _channelId(1)));
        _close();
    }

    function test_RevertWhen_ClosedTooEarly() public {
        _startExit();
        uint256 exitsAt = block.timestamp + EXIT_SECONDS;
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.StillExiting.selector, block.timestamp, exitsAt));
        _close();
        vm.warp(exitsAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.StillExiting.selector, exitsAt - 1, exitsAt));
        _close();
        vm.warp(exitsAt);
        assertEq(_close(), TOTAL);
    }

    function test_RevertWhen_ClosedTwice() public {
        _exit();
        bytes memory wanted = abi.encodeWithSelector(
            IVoucherEscrow.ChannelNotOpen.selector,
            payer,
            operators[0].id,
            voucherSigner
        );
        vm.expectRevert(wanted);
        _close();
        vm.expectRevert(wanted);
        _startExit();
    }

    function test_AnEmptiedChannelCloses() public {
        _claim(_voucher(1, TOTAL));
        _startExit();
        vm.warp(block.timestamp + EXIT_SECONDS);
        assertEq(_close(), 0);
        _assertChannel(1, 0, 0, 0);
    }

    /// Whatever was promised and claimed, in and out are the same to the unit.
    function testFuzz_ClosingReturnsWhatIsNotClaimed(uint96 total, uint96 promised, uint96 late) public {
        total = uint96(bound(total, TOTAL + 1, WALLET));
        _fund(total);
        uint256 claimed = _claim(_voucher(1, promised));
        _startExit();
        claimed += _claim(_voucher(1, late));
        vm.warp(block.timestamp + EXIT_SECONDS);
        assertEq(_close(), total - claimed);
        uint256 highest = promised > late ? promised : late;
        assertEq(claimed, highest < total ? highest : total);
        assertEq(opg.balanceOf(payer), WALLET - claimed);
        assertEq(opg.balanceOf(address(vouchers)), claimed);
    }

    /// Other channels' money stays where it is.
    function test_ClosingTouchesNoOtherChannel() public {
        _giveTokens(stranger);
        vm.prank(stranger);
        opg.transfer(address(vouchers), 3 ether);
        _exit();
        assertEq(opg.balanceOf(payer), WALLET);
        assertEq(opg.balanceOf(address(vouchers)), 3 ether);
    }

    /* TOMBSTONES */

    function test_AClosedChannelLeavesItsNumber() public {
        _claim(_voucher(1, 4 ether));
        _exit();
        _assertChannel(1, 0, 0, 0);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelOpened(_channelId(2), payer, operators[0].id, voucherSigner, 2);
        _reopen(2, 1 ether);
        _assertChannel(2, 1 ether, 0, 0);
        assertTrue(_channelId(1) != _channelId(2));
        _expectSkip(0, payer, Skipped.OtherOpening);
        assertEq(_claim(_voucher(1, 5 ether)), 0);
        assertEq(_claim(_voucher(2, 1 ether)), 1 ether);
        _exit();
        _reopen(3, 1 ether);
        _assertChannel(3, 1 ether, 0, 0);
        assertEq(_earnings(), 5 ether);
    }

    function _startExitBy(address caller) private {
        vm.prank(caller);
        vouchers.startExit(payer, operators[0].id, voucherSigner);
    }
}
