// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice One request paid through the escrow. Static: 13 words, the same in calldata, in the event and in the
/// EIP-712 encoding. Its EIP-712 digest in the escrow's domain is the `jobId`.
struct Job {
    address payer; // whose escrow balance pays
    bytes32 modelId;
    bytes32 inputHash; // keccak256 of the input bytes
    bytes32 inputUriHash; // zero: the input is inline in the event; otherwise keccak256 of the URI's bytes
    address verifier; // the payer's choice
    bytes32 verifierData; // the verifier's terms, packed, or the hash of longer ones
    address consumer; // zero, or the contract called back with the result
    uint32 consumerGasLimit; // gas the callback gets
    uint128 fee; // OPG base units, all in
    uint32 royaltyPpm; // of the fee, to the model's publisher
    uint32 protocolFeePpm; // of the fee, to the protocol
    uint40 expiresAt; // unix seconds
    uint256 nonce; // 224-bit key, 32-bit sequence
}

/// @notice A job as the 13 words it is: looking at one costs a tenth of what Solidity's check of a narrower type does.
/// Only for jobs whose words are known to fit their fields, see `JobLib.words`.
struct JobWords {
    uint256 payer;
    bytes32 modelId;
    bytes32 inputHash;
    bytes32 inputUriHash;
    uint256 verifier;
    bytes32 verifierData;
    uint256 consumer;
    uint256 consumerGasLimit;
    uint256 fee;
    uint256 royaltyPpm;
    uint256 protocolFeePpm;
    uint256 expiresAt;
    uint256 nonce;
}

/// @notice Hashing and the money split of a job; one-to-one with `src/protocol/job.ts`.
library JobLib {
    /// @notice EIP-712 type hash of `Job`.
    bytes32 internal constant TYPEHASH = keccak256(
        "Job(address payer,bytes32 modelId,bytes32 inputHash,bytes32 inputUriHash,address verifier,bytes32 verifierData,address consumer,uint32 consumerGasLimit,uint128 fee,uint32 royaltyPpm,uint32 protocolFeePpm,uint40 expiresAt,uint256 nonce)"
    );

    uint256 private constant PPM = 1_000_000;

    /// @notice EIP-712 `hashStruct` of the job.
    /// @dev The job's calldata is its EIP-712 encoding, so it is hashed in one copy. Words with dirty high bits hash to
    /// something nobody has opened: opening refuses them.
    function hash(Job calldata job) internal pure returns (bytes32 structHash) {
        bytes32 typehash = TYPEHASH;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, typehash)
            calldatacopy(add(pointer, 0x20), job, 0x1a0) // 13 words
            structHash := keccak256(pointer, 0x1c0)
        }
    }

    /// @notice The job's words, unchecked. Whoever uses them knows that they were checked when the job opened, or checks
    /// them first.
    function words(Job calldata job) internal pure returns (JobWords calldata words_) {
        assembly ("memory-safe") {
            words_ := job
        }
    }

    /// @notice The nonce's key: jobs of different keys are independent, a key holds one live job at a time.
    function keyOf(uint256 nonce) internal pure returns (uint224) {
        return uint224(nonce >> 32);
    }

    /// @notice The nonce's sequence within its key.
    function sequenceOf(uint256 nonce) internal pure returns (uint32) {
        return uint32(nonce);
    }

    /// @notice How the fee is divided. The three parts add up to the fee exactly; rounding favours the earners. Of a job
    /// that was opened: both rates together are below the whole.
    /// @return earners What the verifier divides among those who earned it
    /// @return royalty The publisher's part
    /// @return protocolFee The protocol's part
    function split(
        uint256 fee,
        uint256 royaltyPpm,
        uint256 protocolFeePpm
    ) internal pure returns (uint256 earners, uint256 royalty, uint256 protocolFee) {
        unchecked {
            // 128 bits × 32 bits; the escrow bounds the two parts to 30 % and 5 %.
            royalty = (fee * royaltyPpm) / PPM;
            protocolFee = (fee * protocolFeePpm) / PPM;
            earners = fee - royalty - protocolFee;
        }
    }
}
