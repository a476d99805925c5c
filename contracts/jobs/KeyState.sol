// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobStatus} from "./IJobEscrow.sol";

/// @notice What a payer's key holds of its latest job, in one word.
/// @dev From the high end:
///
///     jobHash 200 | nextSequence 40 | zero 8 | status 8
///
/// jobHash: the jobId's top 200 bits. nextSequence: 2^32 after the last, which no job can carry.
type KeyState is uint256;

using KeyStateLib for KeyState global;

/// @notice Reading and writing of `KeyState`.
library KeyStateLib {
    /// @notice The state of a key whose job of this sequence (32 bits) is open.
    function open(bytes32 jobId, uint256 sequence) internal pure returns (KeyState) {
        unchecked {
            return KeyState.wrap((_truncated(jobId) << 56) | ((sequence + 1) << 16) | uint8(JobStatus.Open));
        }
    }

    function isOf(KeyState self, bytes32 jobId) internal pure returns (bool) {
        return KeyState.unwrap(self) >> 56 == _truncated(jobId);
    }

    /// @notice The latest jobId's first 25 bytes.
    function jobIdPrefix(KeyState self) internal pure returns (bytes25) {
        return bytes25(bytes32(KeyState.unwrap(self)));
    }

    function nextSequence(KeyState self) internal pure returns (uint256) {
        return uint40(KeyState.unwrap(self) >> 16);
    }

    function status(KeyState self) internal pure returns (JobStatus) {
        return JobStatus(uint8(KeyState.unwrap(self)));
    }

    function isOpen(KeyState self) internal pure returns (bool) {
        return uint8(KeyState.unwrap(self)) == uint8(JobStatus.Open);
    }

    /// @notice Whether the latest job is open, or ended without its result having been delivered.
    function isUnfinished(KeyState self) internal pure returns (bool) {
        return KeyState.unwrap(self) & 1 != 0; // the two odd ones of `JobStatus`
    }

    function withStatus(KeyState self, JobStatus status_) internal pure returns (KeyState) {
        return KeyState.wrap(((KeyState.unwrap(self) >> 8) << 8) | uint8(status_));
    }

    function withNextSequence(KeyState self, uint32 sequence) internal pure returns (KeyState) {
        uint256 kept = KeyState.unwrap(self) & ~(uint256(type(uint40).max) << 16);
        return KeyState.wrap(kept | (uint256(sequence) << 16));
    }

    function _truncated(bytes32 jobId) private pure returns (uint256) {
        return uint256(jobId) >> 56;
    }
}
