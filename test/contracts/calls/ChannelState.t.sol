// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {ChannelState, ChannelStateLib} from "../../../contracts/calls/ChannelState.sol";
import {ChannelStatus} from "../../../contracts/calls/IVoucherEscrow.sol";

/// The packed word against a plain struct.
contract ChannelStateTest is Test {
    function opened(ChannelState state) external pure returns (ChannelState) {
        return state.opened();
    }

    function withDeposited(ChannelState state, uint256 amount) external pure returns (ChannelState) {
        return state.withDeposited(amount);
    }

    function withExitsAt(ChannelState state, uint256 timestamp) external pure returns (ChannelState) {
        return state.withExitsAt(timestamp);
    }

    function testFuzz_EachChangeTouchesItsFieldsOnly(ChannelStatus memory channel, uint256[6] memory how) public pure {
        ChannelState state = _pack(channel);
        _assertSame(state, channel);
        for (uint256 i = 0; i < how.length; ++i) {
            uint256 value = how[i] >> 8;
            if (how[i] % 5 == 0) {
                channel.deposited = uint96(value);
                state = state.withDeposited(channel.deposited);
            } else if (how[i] % 5 == 1) {
                channel.claimed = uint96(value);
                state = state.withClaimed(channel.claimed);
            } else if (how[i] % 5 == 2) {
                channel.exitsAt = uint40(value);
                state = state.withExitsAt(channel.exitsAt);
            } else if (how[i] % 5 == 3) {
                (channel.deposited, channel.claimed, channel.exitsAt) = (0, 0, 0);
                state = state.closed();
            } else if (channel.opening < type(uint24).max) {
                channel = ChannelStatus(channel.opening + 1, 0, 0, 0);
                state = state.opened();
            }
            _assertSame(state, channel);
        }
    }

    function testFuzz_RevertWhen_AFieldWouldOverflow(ChannelStatus memory channel, uint256 value) public {
        ChannelState state = _pack(channel);
        value = bound(value, uint256(type(uint96).max) + 1, type(uint256).max);
        _expectOverflow(value, type(uint96).max);
        this.withDeposited(state, value);
        _expectOverflow(uint256(type(uint96).max) + 1, type(uint96).max);
        this.withDeposited(state, uint256(type(uint96).max) + 1);
        _expectOverflow(value, type(uint40).max);
        this.withExitsAt(state, value);
        _expectOverflow(uint256(type(uint40).max) + 1, type(uint40).max);
        this.withExitsAt(state, uint256(type(uint40).max) + 1);
        channel.opening = type(uint24).max;
        state = _pack(channel);
        _expectOverflow(1 << 24, type(uint24).max);
        this.opened(state);
    }

    function test_AWordNeverUsedIsClosed() public pure {
        ChannelState state;
        assertFalse(state.isOpen());
        assertEq(ChannelState.unwrap(state.opened()), 1);
        assertFalse(state.opened().isOpen(), "without a deposit");
    }

    function _expectOverflow(uint256 value, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(ChannelStateLib.ChannelFieldOverflow.selector, value, limit));
    }

    /// @dev By the layout that is drawn.
    function _pack(ChannelStatus memory channel) private pure returns (ChannelState) {
        bytes memory fields = abi.encodePacked(channel.deposited, channel.claimed, channel.exitsAt, channel.opening);
        return ChannelState.wrap(uint256(bytes32(fields)));
    }

    function _assertSame(ChannelState state, ChannelStatus memory channel) private pure {
        assertEq(state.deposited(), channel.deposited, "deposited");
        assertEq(state.claimed(), channel.claimed, "claimed");
        assertEq(state.exitsAt(), channel.exitsAt, "exitsAt");
        assertEq(state.opening(), channel.opening, "opening");
        assertEq(state.isOpen(), channel.deposited != 0, "isOpen");
        assertEq(ChannelState.unwrap(state), ChannelState.unwrap(_pack(channel)), "layout");
    }
}
