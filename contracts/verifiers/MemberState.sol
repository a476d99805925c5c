// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice All the verifier keeps of an operator, in one word: committing and settling touch only this.
/// @dev From the high end:
///
///     share 56 | locked 56 | earnings 96 | changedAt 40 | zero 8
///
/// share: allocated to this verifier, stake units. locked: of it, bonds of live jobs. earnings: waiting to be
/// harvested, OPG base units. changedAt: unix seconds, last change of `share`.
type MemberState is uint256;

using MemberStateLib for MemberState global;

/// @notice Reading and writing of `MemberState`. Fields are uint256 of the widths above; every sum is checked against
/// its field's width before it is written.
library MemberStateLib {
    error MemberFieldOverflow(uint256 value, uint256 limit);

    uint256 private constant MAX_UNITS = type(uint56).max;
    uint256 private constant MAX_EARNINGS = type(uint96).max;

    function share(MemberState self) internal pure returns (uint256) {
        return MemberState.unwrap(self) >> 200;
    }

    function locked(MemberState self) internal pure returns (uint256) {
        return (MemberState.unwrap(self) >> 144) & MAX_UNITS;
    }

    function earnings(MemberState self) internal pure returns (uint256) {
        return (MemberState.unwrap(self) >> 48) & MAX_EARNINGS;
    }

    function changedAt(MemberState self) internal pure returns (uint256) {
        return (MemberState.unwrap(self) >> 8) & type(uint40).max;
    }

    function withShare(MemberState self, uint256 units, uint256 timestamp) internal pure returns (MemberState) {
        if (units > MAX_UNITS) revert MemberFieldOverflow(units, MAX_UNITS);
        uint256 kept = ((MemberState.unwrap(self) << 56) >> 104) << 48;
        return MemberState.wrap((units << 200) | kept | (uint256(uint40(timestamp)) << 8));
    }

    /// @dev The caller has made sure that locked + units is at most the share, which fits.
    function lock(MemberState self, uint256 units) internal pure returns (MemberState) {
        unchecked {
            return MemberState.wrap(MemberState.unwrap(self) + (units << 144));
        }
    }

    function unlock(MemberState self, uint256 units) internal pure returns (MemberState) {
        uint256 held = locked(self);
        if (units > held) revert MemberFieldOverflow(units, held);
        unchecked {
            return MemberState.wrap(MemberState.unwrap(self) - (units << 144)); // checked on the line above
        }
    }

    function earn(MemberState self, uint256 amount) internal pure returns (MemberState) {
        unchecked {
            uint256 sum = earnings(self) + amount; // fees have 96 bits
            if (sum > MAX_EARNINGS) revert MemberFieldOverflow(sum, MAX_EARNINGS);
            return MemberState.wrap(MemberState.unwrap(self) + (amount << 48));
        }
    }

    function withoutEarnings(MemberState self) internal pure returns (MemberState) {
        return MemberState.wrap(MemberState.unwrap(self) - (earnings(self) << 48));
    }
}
