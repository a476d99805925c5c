// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice All a commit-reveal job keeps beside its seats, in one word, so that every step reads one slot.
/// @dev From the high end:
///
///     jobHash 192 | openedAt 32 | openedBlock 24 | committed 4 | filledStep 4
///
/// jobHash: the jobId's top 192 bits, which bind every step to the terms the job was opened with.
/// openedAt: unix seconds (until 2106). openedBlock: low bits; a job lives far shorter than 2^24 blocks.
/// committed: seats taken. filledStep: widening step in which the last one was taken; 15 once the job is resolved.
type JobState is uint256;

using JobStateLib for JobState global;

/// @notice Reading and writing of `JobState`.
library JobStateLib {
    uint256 private constant RESOLVED_STEP = 15;

    function start(bytes32 jobId, uint32 openedAt_, uint256 blockNumber) internal pure returns (JobState) {
        return
            JobState.wrap(
                ((uint256(jobId) >> 64) << 64) | (uint256(openedAt_) << 32) | (uint256(uint24(blockNumber)) << 8)
            );
    }

    /// @notice Whether the word is this job's.
    function belongsTo(JobState self, bytes32 jobId) internal pure returns (bool) {
        return JobState.unwrap(self) >> 64 == uint256(jobId) >> 64;
    }

    function openedAt(JobState self) internal pure returns (uint40) {
        return uint32(JobState.unwrap(self) >> 32);
    }

    /// @notice The block the job opened in, as a full number.
    function openedBlock(JobState self) internal view returns (uint256) {
        uint24 low = uint24(JobState.unwrap(self) >> 8);
        unchecked {
            return block.number - uint24(uint24(block.number) - low); // wraps on purpose
        }
    }

    function committed(JobState self) internal pure returns (uint256) {
        return (JobState.unwrap(self) >> 4) & 15;
    }

    function filledStep(JobState self) internal pure returns (uint256) {
        return JobState.unwrap(self) & 15;
    }

    function isResolved(JobState self) internal pure returns (bool) {
        return filledStep(self) == RESOLVED_STEP;
    }

    /// @notice One more seat is taken, in this widening step (below 15).
    function withSeat(JobState self, uint256 step) internal pure returns (JobState) {
        return JobState.wrap((((JobState.unwrap(self) >> 4) << 4) | step) + 16);
    }

    function resolved(JobState self) internal pure returns (JobState) {
        return JobState.wrap(JobState.unwrap(self) | RESOLVED_STEP);
    }
}
