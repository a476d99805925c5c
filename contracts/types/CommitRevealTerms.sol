// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What the payer of a commit-reveal job signs in `Job.verifierData`.
struct CommitRevealTerms {
    uint8 committeeSize; // odd
    uint8 maxWidening; // how many times the threshold may double
    uint32 commitWindowSeconds; // of each widening step
    uint32 revealWindowSeconds;
    uint32 settleWindowSeconds; // in which the result's bytes must be shown
    uint24 maxResultBytes; // must be the model's
    uint56 bondUnits; // locked by each seat, in stake units
}

/// @notice Packing of the terms into one word; one-to-one with `src/protocol/commitRevealTerms.ts`.
/// @dev From the high end: size 8 | widening 8 | commit 32 | reveal 32 | settle 32 | result bytes 24 | bond 56 | zero 64.
library CommitRevealTermsLib {
    /// @notice Unused low bits must be zero, so that one meaning has one encoding.
    error TermsNotCanonical(bytes32 verifierData);

    function unpack(bytes32 data) internal pure returns (CommitRevealTerms memory terms) {
        checkCanonical(data);
        terms.committeeSize = uint8(committeeSize(data));
        terms.maxWidening = uint8(maxWidening(data));
        terms.commitWindowSeconds = uint32(commitWindowSeconds(data));
        terms.revealWindowSeconds = uint32(revealWindowSeconds(data));
        terms.settleWindowSeconds = uint32(settleWindowSeconds(data));
        terms.maxResultBytes = uint24(maxResultBytes(data));
        terms.bondUnits = uint56(bondUnits(data));
    }

    function pack(CommitRevealTerms memory terms) internal pure returns (bytes32) {
        return
            bytes32(
                (uint256(terms.committeeSize) << 248) |
                    (uint256(terms.maxWidening) << 240) |
                    (uint256(terms.commitWindowSeconds) << 208) |
                    (uint256(terms.revealWindowSeconds) << 176) |
                    (uint256(terms.settleWindowSeconds) << 144) |
                    (uint256(terms.maxResultBytes) << 120) |
                    (uint256(terms.bondUnits) << 64)
            );
    }

    // In assembly because the compiler makes each shift a function of its own, which a long caller calls: opening a job
    // reads all of this.

    function committee(
        bytes32 data
    ) internal pure returns (uint256 committeeSize_, uint256 maxWidening_, uint256 maxResultBytes_) {
        assembly ("memory-safe") {
            committeeSize_ := shr(248, data)
            maxWidening_ := and(shr(240, data), 0xff)
            maxResultBytes_ := and(shr(120, data), 0xffffff)
        }
    }

    function windows(
        bytes32 data
    ) internal pure returns (uint256 commitWindowSeconds_, uint256 revealWindowSeconds_, uint256 settleWindowSeconds_) {
        assembly ("memory-safe") {
            commitWindowSeconds_ := and(shr(208, data), 0xffffffff)
            revealWindowSeconds_ := and(shr(176, data), 0xffffffff)
            settleWindowSeconds_ := and(shr(144, data), 0xffffffff)
        }
    }

    /* ONE TERM AT A TIME */

    function checkCanonical(bytes32 data) internal pure {
        if (uint64(uint256(data)) != 0) revert TermsNotCanonical(data);
    }

    function committeeSize(bytes32 data) internal pure returns (uint256) {
        return uint256(data) >> 248;
    }

    function maxWidening(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 240) & type(uint8).max;
    }

    function commitWindowSeconds(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 208) & type(uint32).max;
    }

    function revealWindowSeconds(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 176) & type(uint32).max;
    }

    function settleWindowSeconds(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 144) & type(uint32).max;
    }

    function maxResultBytes(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 120) & type(uint24).max;
    }

    function bondUnits(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 64) & type(uint56).max;
    }

    /// @notice Seats that must agree: more than half of all, taken or not.
    function majority(bytes32 data) internal pure returns (uint256) {
        return (uint256(data) >> 249) + 1;
    }
}
