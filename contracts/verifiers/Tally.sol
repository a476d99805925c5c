// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A seat in one word, and the count of what seats revealed.
/// @dev From the high end:
///
///     revealed 1 | step 2 | operatorId 29 | openedAt 32 | hash 192
///
/// step: widening step in which the seat was first taken; the last seat's says when commits close. openedAt: when the
/// job opened, by which a seat of an earlier job of the key, or one never taken, reads as free. hash: the commitment,
/// then the result hash, both truncated: a collision takes 2^96 hashes.
library Tally {
    struct Count {
        uint256 revealed; // seats that revealed
        uint256 topCount; // seats that revealed `top`
        uint256 top; // the result hash most seats agree on
    }

    uint256 private constant REVEALED = 1 << 255;
    uint256 private constant HASH = type(uint192).max;

    function seatOf(uint256 step, uint256 operatorId, uint256 openedAt, uint256 hash) internal pure returns (uint256) {
        return (step << 253) | (operatorId << 224) | (openedAt << 192) | hash;
    }

    /// @notice The seat once its commitment is opened.
    function revealed(uint256 seat, uint256 resultHash) internal pure returns (uint256) {
        return REVEALED | (seat & ~HASH) | resultHash;
    }

    function stepOf(uint256 seat) internal pure returns (uint256) {
        return (seat >> 253) & 3;
    }

    function operatorOf(uint256 seat) internal pure returns (uint256) {
        return (seat >> 224) & 0x1fffffff;
    }

    /// @notice Whether the seat was taken in the job opened then.
    function isOf(uint256 seat, uint256 openedAt) internal pure returns (bool) {
        return uint32(seat >> 192) == openedAt;
    }

    function hashOf(uint256 seat) internal pure returns (uint256) {
        return seat & HASH;
    }

    function isRevealed(uint256 seat) internal pure returns (bool) {
        return seat & REVEALED != 0;
    }

    /// @notice Whether the seat revealed this (truncated) result hash.
    function agrees(uint256 seat, uint256 hash) internal pure returns (bool) {
        return seat & (REVEALED | HASH) == REVEALED | hash;
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
        unchecked {
            // At most one more with each seat.
            uint256 size = seats.length;
            uint256 ballot = REVEALED | hash;
            for (uint256 i = 0; i < size; ++i) {
                uint256 seat = seats[i];
                revealedSeats += seat >> 255;
                if (seat & (REVEALED | HASH) == ballot) ++agreed;
            }
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
                if (agrees(seats[j], hashOf(seats[i]))) ++same;
            }
            if (same > result.topCount) (result.topCount, result.top) = (same, hashOf(seats[i]));
        }
    }
}
