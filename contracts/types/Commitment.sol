// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The hash that fixes an operator's result before showing it; one-to-one with `src/protocol/commitment.ts`.
library Commitment {
    /// @notice `jobId` binds chain, escrow and terms; the operator id makes a copied commitment worthless; the salt
    /// (256 bits, secret until the reveal) keeps a small set of possible results from being guessed.
    function hash(bytes32 jobId, uint256 operatorId, bytes32 resultHash, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(jobId, operatorId, resultHash, salt));
    }
}
