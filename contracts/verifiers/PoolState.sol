// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice All shares together, and the lower bounds of payers' terms: in one word, all that opening a job reads.
/// @dev From the high end:
///
///     minCommitWindowSeconds 16 | minRevealWindowSeconds 16 | minSettleWindowSeconds 16 | minBondPpm 24 |
///     minBondUnits 32 | share 56 | shareBefore 56 | changedAt 40
///
/// share: all members' shares, stake units. shareBefore: the same, strictly before `changedAt`, unix seconds.
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

    /// @notice All shares strictly before now.
    function shareBeforeNow(PoolState self) internal view returns (uint256) {
        uint256 changedAt = uint40(PoolState.unwrap(self));
        return changedAt < block.timestamp ? share(self) : (PoolState.unwrap(self) >> 40) & MAX_UNITS;
    }

    function withShare(PoolState self, uint256 units) internal view returns (PoolState) {
        if (units > MAX_UNITS) revert PoolShareOverflow(units, MAX_UNITS);
        uint256 bounds = (PoolState.unwrap(self) >> BOUNDS_SHIFT) << BOUNDS_SHIFT;
        return PoolState.wrap(bounds | (units << 96) | (shareBeforeNow(self) << 40) | uint40(block.timestamp));
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
