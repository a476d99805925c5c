// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice One anchored batch in an operator's ring: a hash of it and of the batch before, and when it was anchored.
/// @dev From the high end:
///
///     hash 216 | anchoredAt 40
///
/// hash: the first 27 bytes of keccak256(previous word, root, count, data hash). So the newest word is the head of a chain
/// over all batches, and whoever replays the log's events can prove an old root against it. anchoredAt: unix seconds. Zero:
/// the slot was never used.
type BatchWord is uint256;

using BatchWordLib for BatchWord global;

/// @notice Making and reading of `BatchWord`; one-to-one with `src/protocol/batch.ts`.
library BatchWordLib {
    uint256 private constant TIME_BITS = 40;

    /// @param timestamp Unix seconds, below 2^40
    function make(
        BatchWord previous,
        bytes32 root,
        uint256 count,
        bytes32 dataHash,
        uint256 timestamp
    ) internal pure returns (BatchWord) {
        uint256 hash = uint256(keccak256(abi.encode(previous, root, count, dataHash)));
        return BatchWord.wrap(((hash >> TIME_BITS) << TIME_BITS) | timestamp);
    }

    function anchoredAt(BatchWord self) internal pure returns (uint256) {
        return BatchWord.unwrap(self) & type(uint40).max;
    }

    function isEmpty(BatchWord self) internal pure returns (bool) {
        return BatchWord.unwrap(self) == 0;
    }

    /// @notice Whether the word is the batch's.
    function isOf(
        BatchWord self,
        BatchWord previous,
        bytes32 root,
        uint256 count,
        bytes32 dataHash
    ) internal pure returns (bool) {
        return BatchWord.unwrap(self) == BatchWord.unwrap(make(previous, root, count, dataHash, anchoredAt(self)));
    }
}
