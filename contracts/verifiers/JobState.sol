// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {RoundedShare} from "./RoundedShare.sol";

/// @notice All a commit-reveal job keeps beside its seats, in one word, so that every step reads one slot. Written
/// when the job opens and when it is resolved.
/// @dev From the high end:
///
///     termsHash 184 | openedAt 32 | openedBlock 21 | totalShare 16 | zero 2 | resolved 1
///
/// termsHash: top 184 bits of keccak256(jobId, terms), which bind every step to what the job was opened with.
/// openedAt: unix seconds (until 2106); no two jobs of a key have the same, so it marks their seats apart.
/// openedBlock: low bits; a job lives far shorter than 2^21 blocks.
/// totalShare: all shares before the job opened, as `RoundedShare`.
/// resolved: no bond of this job is locked any more.
type JobState is uint256;

using JobStateLib for JobState global;

/// @notice Reading and writing of `JobState`.
library JobStateLib {
    uint256 private constant RESOLVED = 1;

    /// @param roundedShare All shares strictly before now, as `RoundedShare`
    function start(bytes32 jobId, bytes32 terms, uint256 roundedShare) internal view returns (JobState) {
        uint256 word = _termsHash(jobId, terms) << 72;
        word |= (block.timestamp & type(uint32).max) << 40;
        word |= (block.number & 0x1fffff) << 19;
        return JobState.wrap(word | (roundedShare << 3));
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
        return RoundedShare.unitsOf(uint16(JobState.unwrap(self) >> 3));
    }

    function isResolved(JobState self) internal pure returns (bool) {
        return JobState.unwrap(self) & RESOLVED != 0;
    }

    function resolved(JobState self) internal pure returns (JobState) {
        return JobState.wrap(JobState.unwrap(self) | RESOLVED);
    }

    function _termsHash(bytes32 jobId, bytes32 terms) private pure returns (uint256) {
        return uint256(Hashes.efficientKeccak256(jobId, terms)) >> 72;
    }
}
