// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job} from "../types/Job.sol";

/// @notice What a verifier says when asked to conclude.
enum Verdict {
    Pending, // nothing yet: the escrow reverts
    NoResult, // there will be none: the payer is refunded at once
    Final // the returned hash stands
}

/// @title The part of a verifier the escrow calls
/// @notice All calls carry a fixed gas stipend. Parameters stand in the order whose selector is low: a contract looks
/// through its functions in the order of their selectors, 22 gas each. A verifier that reverts, burns gas or lies hurts only the jobs whose
/// payers chose it, and never longer than until the refund's grace period is over.
interface IVerifier {
    /// @notice A job that names this verifier is being opened; revert to refuse it. Escrow only.
    /// @param maxResultBytes What the model's identity says: upper bound of a result, bytes
    /// @param bitExact What the model's identity says: every machine gives the same bytes
    /// @return taken This function's selector, by which the escrow knows that a verifier has answered
    function opened(
        uint256 maxResultBytes,
        bool bitExact,
        Job calldata job,
        bytes32 jobId
    ) external returns (bytes4 taken);

    /// @notice Decide the job if it can be decided; revert or return `Pending` if not. Escrow only. When it returns
    /// `Final`, `earners` is credited to the verifier's account in the escrow, and the verifier owes it to those who
    /// earned it.
    /// @param earners The fee less royalty and protocol fee, OPG base units
    /// @param evidence Whatever the verifier takes, brought by the caller
    /// @param offeredBytes Length of the result bytes the caller brought
    /// @param offeredHash Their keccak256
    /// @return verdict See `Verdict`
    /// @return resultHash The hash that stands, if final
    function conclude(
        Job calldata job,
        uint256 earners,
        bytes32 jobId,
        bytes calldata evidence,
        uint256 offeredBytes,
        bytes32 offeredHash
    ) external returns (Verdict verdict, bytes32 resultHash);

    /// @notice Resolve whatever the job still locks, by the verifier's own rules. Called by the escrow while it
    /// refunds (revert to refuse, heeded only during the grace period), and by anyone once the job has ended.
    /// Does nothing the second time.
    function expire(Job calldata job) external;
}
