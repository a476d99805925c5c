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
        uint256 word = uint256(data);
        require(uint64(word) == 0, TermsNotCanonical(data));
        terms.committeeSize = uint8(word >> 248);
        terms.maxWidening = uint8(word >> 240);
        terms.commitWindowSeconds = uint32(word >> 208);
        terms.revealWindowSeconds = uint32(word >> 176);
        terms.settleWindowSeconds = uint32(word >> 144);
        terms.maxResultBytes = uint24(word >> 120);
        terms.bondUnits = uint56(word >> 64);
    }

    function pack(CommitRevealTerms memory terms) internal pure returns (bytes32) {
        return bytes32(
            uint256(terms.committeeSize) << 248 | uint256(terms.maxWidening) << 240
                | uint256(terms.commitWindowSeconds) << 208 | uint256(terms.revealWindowSeconds) << 176
                | uint256(terms.settleWindowSeconds) << 144 | uint256(terms.maxResultBytes) << 120
                | uint256(terms.bondUnits) << 64
        );
    }
}
