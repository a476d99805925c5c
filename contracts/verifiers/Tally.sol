// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A seat in one word, and the count of what seats revealed.
/// @dev From the high end: revealed 1 | operatorId 31 | hash 224 (commitment, then result hash; both truncated).
/// 224 bits leave a collision at 2^112 hashes, all of which would have to be done between opening and revealing.
library Tally {
    struct Count {
        uint8 revealed; // seats that revealed
        uint8 topCount; // seats that revealed `top`
        uint224 top; // the result hash most seats agree on
    }

    function seatOf(uint32 operatorId, uint224 hash, bool revealed) internal pure returns (uint256) {
        return (revealed ? 1 << 255 : 0) | (uint256(operatorId) << 224) | hash;
    }

    function operatorOf(uint256 seat) internal pure returns (uint32) {
        return uint32(seat >> 224) & 0x7fffffff;
    }

    function hashOf(uint256 seat) internal pure returns (uint224) {
        return uint224(seat);
    }

    function isRevealed(uint256 seat) internal pure returns (bool) {
        return seat >> 255 == 1;
    }

    function truncate(bytes32 hash) internal pure returns (uint224) {
        return uint224(uint256(hash) >> 32);
    }

    /// @notice How many seats have revealed, and how many of these this hash.
    function agreeing(uint256[] memory seats, uint224 hash) internal pure returns (uint256 revealed, uint256 agreed) {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!isRevealed(seats[i])) continue;
            ++revealed;
            if (hashOf(seats[i]) == hash) ++agreed;
        }
    }

    /// @notice Counts which result hash most of the revealed seats agree on (the first seat's, among equals).
    /// @dev Quadratic in the committee size, which a constant bounds.
    function count(uint256[] memory seats) internal pure returns (Count memory result) {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!isRevealed(seats[i])) continue;
            ++result.revealed;
            uint8 same = 0;
            for (uint256 j = 0; j < seats.length; ++j) {
                if (isRevealed(seats[j]) && hashOf(seats[j]) == hashOf(seats[i])) ++same;
            }
            if (same > result.topCount) (result.topCount, result.top) = (same, hashOf(seats[i]));
        }
    }
}
