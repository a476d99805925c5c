// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Who may sit on a job's committee; one-to-one with `src/protocol/sortition.ts`.
/// @dev A draw is `ticket / stake`: the lower the better, and twice the stake halves it. Comparisons are done by
/// cross-multiplication. Widths: ticket 128 bits, stakes 56 bits, so no product exceeds 197 bits.
library Sortition {
    /// @notice A job's seed. The jobId is in it, so that jobs of one block are drawn apart.
    function seed(bytes32 blockHash, bytes32 jobId) internal pure returns (uint192) {
        return uint192(uint256(keccak256(abi.encode(blockHash, jobId))) >> 64);
    }

    /// @notice An operator's ticket under a seed: uniform over 128 bits.
    function ticket(uint192 seed_, uint32 operatorId) internal pure returns (uint128) {
        return uint128(uint256(keccak256(abi.encode(seed_, operatorId))) >> 128);
    }

    /// @notice Whether a ticket with this stake may sit at a widening step. Twice the committee is eligible in
    /// expectation at step 0, and twice as many with every step.
    /// @param stake The operator's stake before the job opened, in stake units
    /// @param totalStake All stake then, in the same units
    function mayCommit(
        uint128 ticket_,
        uint56 stake,
        uint56 totalStake,
        uint8 committeeSize,
        uint8 wideningStep
    ) internal pure returns (bool) {
        uint256 width = (uint256(committeeSize) * 2) << wideningStep;
        return uint256(ticket_) * totalStake < (uint256(stake) * width) << 128;
    }

    /// @notice Whether draw a is strictly lower (better) than draw b.
    function isLower(uint128 ticketA, uint56 stakeA, uint128 ticketB, uint56 stakeB) internal pure returns (bool) {
        return uint256(ticketA) * stakeB < uint256(ticketB) * stakeA;
    }
}
