// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice All a commit-reveal job keeps beside its seats, in one word, so that every step reads one slot. Written
/// when the job opens, when its last seat is taken and when it is resolved.
/// @dev From the high end:
///
///     termsHash 184 | openedAt 32 | openedBlock 21 | totalShare 16 | phase 3
///
/// termsHash: top 184 bits of keccak256(jobId, terms), which bind every step to what the job was opened with.
/// openedAt: unix seconds (until 2106); no two jobs of a key have the same, so it marks their seats apart.
/// openedBlock: low bits; a job lives far shorter than 2^21 blocks.
/// totalShare: all shares before the job opened, rounded down to ten binary digits: mantissa 10 | exponent 6.
/// phase: 0 seats are free, 1 + s all were taken in widening step s, 7 resolved.
type JobState is uint256;

using JobStateLib for JobState global;

/// @notice Reading and writing of `JobState`.
library JobStateLib {
    uint256 private constant RESOLVED = 7;

    function start(
        bytes32 jobId,
        bytes32 terms,
        uint256 openedAt_,
        uint256 blockNumber,
        uint256 totalShare_
    ) internal pure returns (JobState) {
        return
            JobState.wrap(
                (_termsHash(jobId, terms) << 72) |
                    (uint256(uint32(openedAt_)) << 40) |
                    ((blockNumber & 0x1fffff) << 19) |
                    (_toFloat(totalShare_) << 3)
            );
    }

    /// @notice Whether the word is that of this job under these terms.
    function belongsTo(JobState self, bytes32 jobId, bytes32 terms) internal pure returns (bool) {
        return JobState.unwrap(self) >> 72 == _termsHash(jobId, terms);
    }

    function openedAt(JobState self) internal pure returns (uint256) {
        return uint32(JobState.unwrap(self) >> 40);
    }

    /// @notice The block the job opened in, as a full number.
    function openedBlock(JobState self) internal view returns (uint256) {
        uint256 low = JobState.unwrap(self) >> 19;
        unchecked {
            return block.number - ((block.number - low) & 0x1fffff); // wraps on purpose
        }
    }

    /// @notice All shares strictly before the job opened, rounded down to ten binary digits, stake units.
    function totalShare(JobState self) internal pure returns (uint256) {
        uint256 float = uint16(JobState.unwrap(self) >> 3);
        return (float >> 6) << (float & 63);
    }

    /// @notice Whether every seat is taken; false once the job is resolved.
    function isFilled(JobState self) internal pure returns (bool) {
        uint256 phase = JobState.unwrap(self) & 7;
        return phase != 0 && phase != RESOLVED;
    }

    /// @notice The widening step in which the last seat was taken. Only while `isFilled`.
    function filledStep(JobState self) internal pure returns (uint256) {
        return (JobState.unwrap(self) & 7) - 1;
    }

    function isResolved(JobState self) internal pure returns (bool) {
        return JobState.unwrap(self) & 7 == RESOLVED;
    }

    /// @notice Whether nothing of an earlier job is left to resolve, so that the next one can start.
    function isFree(JobState self) internal pure returns (bool) {
        return JobState.unwrap(self) == 0 || isResolved(self);
    }

    /// @notice The last seat is taken, in this widening step (at most 3).
    function filled(JobState self, uint256 step) internal pure returns (JobState) {
        return JobState.wrap(JobState.unwrap(self) | (step + 1));
    }

    function resolved(JobState self) internal pure returns (JobState) {
        return JobState.wrap(JobState.unwrap(self) | RESOLVED);
    }

    function _termsHash(bytes32 jobId, bytes32 terms) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(jobId, terms))) >> 72;
    }

    /// @dev Ten significant bits. At most 2^56 comes in, so the exponent is at most 46.
    function _toFloat(uint256 value) private pure returns (uint256) {
        uint256 exponent = value < 1 << 10 ? 0 : Math.log2(value) - 9;
        return ((value >> exponent) << 6) | exponent;
    }
}
