// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RoundedShare} from "./RoundedShare.sol";

/// @notice All shares together, and the lower bounds of payers' terms: in one word, all that opening a job reads.
/// @dev From the high end:
///
///     minCommitWindowSeconds 16 | minRevealWindowSeconds 16 | minSettleWindowSeconds 16 | minBondPpm 24 |
///     minBondUnits 32 | share 56 | rounded 16 | roundedBefore 16 | changedAt 40 | zero 24
///
/// share: all members' shares, stake units. rounded: the same, as `RoundedShare`. roundedBefore: the same, strictly
/// before `changedAt`, unix seconds.
type PoolState is uint256;

using PoolStateLib for PoolState global;

/// @notice Reading and writing of `PoolState`.
library PoolStateLib {
    uint256 private constant BOUNDS_SHIFT = 152;
    uint256 private constant MAX_UNITS = type(uint56).max;

    error PoolShareOverflow(uint256 value, uint256 limit);

    function minCommitWindowSeconds(PoolState self) internal pure returns (uint256) {
        return PoolState.unwrap(self) >> 240;
    }

    function minRevealWindowSeconds(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> 224) & type(uint16).max;
    }

    function minSettleWindowSeconds(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> 208) & type(uint16).max;
    }

    function minBondPpm(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> 184) & type(uint24).max;
    }

    function minBondUnits(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> BOUNDS_SHIFT) & type(uint32).max;
    }

    function share(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> 96) & MAX_UNITS;
    }

    /// @notice All shares strictly before now, as `RoundedShare`.
    function roundedBeforeNow(PoolState self) internal view returns (uint256) {
        uint256 word = PoolState.unwrap(self);
        return uint16(uint40(word >> 24) < block.timestamp ? word >> 80 : word >> 64);
    }

    function withShare(PoolState self, uint256 units) internal view returns (PoolState) {
        if (units > MAX_UNITS) revert PoolShareOverflow(units, MAX_UNITS);
        uint256 bounds = (PoolState.unwrap(self) >> BOUNDS_SHIFT) << BOUNDS_SHIFT;
        return
            PoolState.wrap(
                bounds |
                    (units << 96) |
                    (RoundedShare.round(units) << 80) |
                    (roundedBeforeNow(self) << 64) |
                    (uint256(uint40(block.timestamp)) << 24)
            );
    }

    /// @dev The caller has checked that each bound fits its width.
    function withBounds(
        PoolState self,
        uint16 minCommitWindowSeconds_,
        uint16 minRevealWindowSeconds_,
        uint16 minSettleWindowSeconds_,
        uint24 minBondPpm_,
        uint32 minBondUnits_
    ) internal pure returns (PoolState) {
        uint256 shares = (PoolState.unwrap(self) << 104) >> 104;
        return
            PoolState.wrap(
                (uint256(minCommitWindowSeconds_) << 240) |
                    (uint256(minRevealWindowSeconds_) << 224) |
                    (uint256(minSettleWindowSeconds_) << 208) |
                    (uint256(minBondPpm_) << 184) |
                    (uint256(minBondUnits_) << BOUNDS_SHIFT) |
                    shares
            );
    }
}
