// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A seat in one word, and the count of what seats revealed.
/// @dev From the high end: revealed 1 | operatorId 31 | openedAt 32 | hash 192 (commitment, then result hash; both
/// truncated). openedAt says whose seat it is: one of an earlier job of the key reads as free. 192 bits leave a
/// collision at 2^96 hashes, all of which would have to be done between opening and revealing.
library Tally {
    struct Count {
        uint256 revealed; // seats that revealed
        uint256 topCount; // seats that revealed `top`
        uint256 top; // the result hash most seats agree on
    }

    function seatOf(uint256 operatorId, uint256 openedAt, uint256 hash) internal pure returns (uint256) {
        return (operatorId << 224) | (openedAt << 192) | hash;
    }

    /// @notice The seat once its commitment is opened.
    function revealed(uint256 seat, uint256 resultHash) internal pure returns (uint256) {
        return (1 << 255) | ((seat >> 192) << 192) | resultHash;
    }

    function operatorOf(uint256 seat) internal pure returns (uint256) {
        return (seat >> 224) & 0x7fffffff;
    }

    /// @notice Whether the seat was taken in the job opened then.
    function isOf(uint256 seat, uint256 openedAt) internal pure returns (bool) {
        return uint32(seat >> 192) == openedAt;
    }

    function hashOf(uint256 seat) internal pure returns (uint256) {
        return uint192(seat);
    }

    function isRevealed(uint256 seat) internal pure returns (bool) {
        return seat >> 255 == 1;
    }

    function truncate(bytes32 hash) internal pure returns (uint256) {
        return uint256(hash) >> 64;
    }

    /// @notice A truncated hash as the high bits of a word.
    function padded(uint256 hash) internal pure returns (bytes32) {
        return bytes32(hash << 64);
    }

    /// @notice How many seats have revealed, and how many of these this hash.
    function agreeing(
        uint256[] memory seats,
        uint256 hash
    ) internal pure returns (uint256 revealedSeats, uint256 agreed) {
        for (uint256 i = 0; i < seats.length; ++i) {
            uint256 seat = seats[i];
            if (!isRevealed(seat)) continue;
            ++revealedSeats;
            if (hashOf(seat) == hash) ++agreed;
        }
    }

    /// @notice Counts which result hash most of the revealed seats agree on (the first seat's, among equals).
    /// @dev Quadratic in the committee size, which a constant bounds.
    function count(uint256[] memory seats) internal pure returns (Count memory result) {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!isRevealed(seats[i])) continue;
            ++result.revealed;
            uint256 same = 0;
            for (uint256 j = 0; j < seats.length; ++j) {
                if (isRevealed(seats[j]) && hashOf(seats[j]) == hashOf(seats[i])) ++same;
            }
            if (same > result.topCount) (result.topCount, result.top) = (same, hashOf(seats[i]));
        }
    }
}
