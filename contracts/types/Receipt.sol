// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An operator's statement about one call: this request, this model, this answer, this price. Static, so that its
/// calldata is its EIP-712 encoding; the two model names are strings in the EIP-712 type, of which this holds the hashes.
/// Its EIP-712 digest in the receipt log's domain is the `receiptId`.
struct Receipt {
    uint32 operatorId;
    address payer;
    bytes32 channelId; // or the hash of the payment authorisation, for a call that no channel pays
    uint64 sequence; // of the channel: 24 bits of incarnation, 40 bits of counter
    bytes32 modelHash; // keccak256 of the model's name as asked for
    bytes32 servedModelHash; // keccak256 of what the upstream says it served
    bytes32 requestHash; // salted, see docs/receipts.md
    bytes32 responseRoot; // the running hash after the last part
    uint32 partCount; // parts the answer came in, at most 4,096; one if it wasn't streamed
    uint64 inputUnits; // what the price counts: tokens, pictures, rows
    uint64 outputUnits;
    uint128 price; // of this call, OPG base units
    uint128 cumulativeOwed; // by the channel after this call, OPG base units
    uint40 issuedAt; // unix seconds
}

/// @notice A part of a streamed answer, signed before it is handed on. One receipt ends the sequence.
struct Part {
    uint32 operatorId;
    bytes32 channelId;
    uint64 sequence;
    uint32 index; // from zero
    bytes32 runningHash; // after this part
    uint40 issuedAt; // unix seconds
}

/// @notice One step of the running hash: what it was before a part, and the part's own hash.
struct Link {
    bytes32 previousHash;
    bytes32 partHash;
}

/// @notice Hashing of receipts and parts; one-to-one with `src/protocol/receipt.ts`.
library ReceiptLib {
    /// @notice EIP-712 type hash of `Receipt`.
    bytes32 internal constant TYPEHASH = keccak256(
        "Receipt(uint32 operatorId,address payer,bytes32 channelId,uint64 sequence,string model,string servedModel,bytes32 requestHash,bytes32 responseRoot,uint32 partCount,uint64 inputUnits,uint64 outputUnits,uint128 price,uint128 cumulativeOwed,uint40 issuedAt)"
    );
    /// @notice EIP-712 type hash of `Part`.
    bytes32 internal constant PART_TYPEHASH = keccak256(
        "Part(uint32 operatorId,bytes32 channelId,uint64 sequence,uint32 index,bytes32 runningHash,uint40 issuedAt)"
    );

    /// @notice EIP-712 `hashStruct` of the receipt.
    function hash(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, receipt));
    }

    /// @notice EIP-712 `hashStruct` of the part.
    function hash(Part calldata part) internal pure returns (bytes32) {
        return keccak256(abi.encode(PART_TYPEHASH, part));
    }

    /// @notice The running hash after a part. Before the first part it is the request hash.
    function extend(bytes32 runningHash, bytes32 partHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(runningHash, partHash));
    }
}
