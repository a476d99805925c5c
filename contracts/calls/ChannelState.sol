// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice All the escrow keeps of a payer, an operator and a voucher key, in one word: their channel if one is open, and
/// how many they have opened. A closed channel's tombstone is its number; the next one of the three uses the word again.
/// @dev From the high end:
///
///     deposited 96 | claimed 96 | exitsAt 40 | opening 24
///
/// deposited: taken in since the channel opened, OPG base units; zero: none is open. claimed: of it, by the operator.
/// exitsAt: unix seconds from which the rest can go back to the payer; zero: it hasn't asked. opening: channels opened so
/// far.
type ChannelState is uint256;

using ChannelStateLib for ChannelState global;

/// @notice Reading and writing of `ChannelState`. Fields are uint256 of the widths above; a claim is at most what was
/// deposited, everything else is checked against its field's width before it is written.
library ChannelStateLib {
    error ChannelFieldOverflow(uint256 value, uint256 limit);

    uint256 private constant MAX_AMOUNT = type(uint96).max;

    function deposited(ChannelState self) internal pure returns (uint256) {
        return ChannelState.unwrap(self) >> 160;
    }

    function claimed(ChannelState self) internal pure returns (uint256) {
        return (ChannelState.unwrap(self) >> 64) & MAX_AMOUNT;
    }

    function exitsAt(ChannelState self) internal pure returns (uint256) {
        return (ChannelState.unwrap(self) >> 24) & type(uint40).max;
    }

    function opening(ChannelState self) internal pure returns (uint256) {
        return ChannelState.unwrap(self) & type(uint24).max;
    }

    function isOpen(ChannelState self) internal pure returns (bool) {
        return ChannelState.unwrap(self) >> 160 != 0;
    }

    /// @notice The next channel. There are at most 2^24 - 1.
    function opened(ChannelState self) internal pure returns (ChannelState) {
        uint256 next = opening(self) + 1;
        if (next > type(uint24).max) revert ChannelFieldOverflow(next, type(uint24).max);
        return ChannelState.wrap(next);
    }

    function withDeposited(ChannelState self, uint256 amount) internal pure returns (ChannelState) {
        if (amount > MAX_AMOUNT) revert ChannelFieldOverflow(amount, MAX_AMOUNT);
        return ChannelState.wrap((ChannelState.unwrap(self) & (type(uint256).max >> 96)) | (amount << 160));
    }

    /// @param amount At most what was deposited
    function withClaimed(ChannelState self, uint256 amount) internal pure returns (ChannelState) {
        return ChannelState.wrap((ChannelState.unwrap(self) & ~(MAX_AMOUNT << 64)) | (amount << 64));
    }

    function withExitsAt(ChannelState self, uint256 timestamp) internal pure returns (ChannelState) {
        if (timestamp > type(uint40).max) revert ChannelFieldOverflow(timestamp, type(uint40).max);
        return ChannelState.wrap((ChannelState.unwrap(self) & ~(uint256(type(uint40).max) << 24)) | (timestamp << 24));
    }

    /// @notice The tombstone: nothing but the number.
    function closed(ChannelState self) internal pure returns (ChannelState) {
        return ChannelState.wrap(opening(self));
    }
}
