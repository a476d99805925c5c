// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice Who may sit on a job's committee; one-to-one with `src/protocol/sortition.ts`.
/// @dev A draw is `ticket / stake`: the lower the better, and twice the stake halves it. Comparisons are done by
/// cross-multiplication. Callers keep the widths: ticket 128 bits, stakes 56 bits, committee size 8 bits, at most 8
/// widening steps; so no product exceeds 200 bits.
library Sortition {
    /// @notice A job's seed. The jobId is in it, so that jobs of one block are drawn apart.
    function seed(bytes32 blockHash, bytes32 jobId) internal pure returns (uint192) {
        return uint192(uint256(Hashes.efficientKeccak256(blockHash, jobId)) >> 64);
    }

    /// @notice An operator's ticket under a seed: uniform over 128 bits.
    function ticket(uint192 seed_, uint256 operatorId) internal pure returns (uint256) {
        return uint256(Hashes.efficientKeccak256(bytes32(uint256(seed_)), bytes32(operatorId))) >> 128;
    }

    /// @notice Whether a ticket with this stake may sit at a widening step. Twice the committee is eligible in
    /// expectation at step 0, and twice as many with every step.
    /// @param stake The operator's stake before the job opened, in stake units
    /// @param totalStake All stake then, in the same units
    function mayCommit(
        uint256 ticket_,
        uint256 stake,
        uint256 totalStake,
        uint256 committeeSize,
        uint256 wideningStep
    ) internal pure returns (bool) {
        unchecked {
            uint256 width = (committeeSize * 2) << wideningStep;
            return ticket_ * totalStake < (stake * width) << 128;
        }
    }

    /// @notice Whether draw a is strictly lower (better) than draw b.
    function isLower(uint256 ticketA, uint256 stakeA, uint256 ticketB, uint256 stakeB) internal pure returns (bool) {
        unchecked {
            return ticketA * stakeB < ticketB * stakeA;
        }
    }
}
