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

    // In assembly because the compiler makes each shift a function of its own, which a long caller calls: opening a job
    // reads all of this.

    function minWindows(
        PoolState self
    )
        internal
        pure
        returns (uint256 minCommitWindowSeconds, uint256 minRevealWindowSeconds, uint256 minSettleWindowSeconds)
    {
        assembly ("memory-safe") {
            minCommitWindowSeconds := shr(240, self)
            minRevealWindowSeconds := and(shr(224, self), 0xffff)
            minSettleWindowSeconds := and(shr(208, self), 0xffff)
        }
    }

    function minBond(PoolState self) internal pure returns (uint256 ppm, uint256 units) {
        assembly ("memory-safe") {
            ppm := and(shr(184, self), 0xffffff)
            units := and(shr(152, self), 0xffffffff)
        }
    }

    /// @notice All shares strictly before now, as `RoundedShare`.
    function roundedBeforeNow(PoolState self) internal view returns (uint256 rounded) {
        assembly ("memory-safe") {
            // changedAt stands at bit 24, roundedBefore at bit 64, rounded 16 bits above it
            let isOlder := lt(and(shr(24, self), 0xffffffffff), timestamp())
            rounded := and(shr(add(64, shl(4, isOlder)), self), 0xffff)
        }
    }

    function share(PoolState self) internal pure returns (uint256) {
        return (PoolState.unwrap(self) >> 96) & MAX_UNITS;
    }

    function withShare(PoolState self, uint256 units) internal view returns (PoolState) {
        if (units > MAX_UNITS) revert PoolShareOverflow(units, MAX_UNITS);
        uint256 kept = (PoolState.unwrap(self) >> BOUNDS_SHIFT) << BOUNDS_SHIFT;
        return
            PoolState.wrap(
                kept |
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
