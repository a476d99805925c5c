// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A payer's cumulative promise: the channel owes its operator so much since it opened. Signed by the channel's
/// `voucherKey`, which is not named in it: whoever has signed it, it is worth something only in the channel of the payer,
/// the operator and that very key.
struct Voucher {
    address payer;
    uint32 operatorId;
    uint24 opening;
    uint96 cumulativeAmount; // OPG base units
}

/// @notice Hashing of vouchers and reading of batches; one-to-one with `src/protocol/voucher.ts`.
/// @dev A batch is vouchers one after another, each of 99 bytes: payer 20 | opening 3 | cumulative amount 12 | r 32 | vs 32.
/// vs holds the parity in its highest bit and s below it (EIP-2098). The operator is the whole batch's.
/// The words are read and hashed in assembly: one voucher is a fifth dearer with the compiler's slices and encoder, and those
/// never give memory back, which would make a long batch's vouchers dearer than a short one's.
library VoucherLib {
    /// @notice EIP-712 type hash of `Voucher`.
    bytes32 internal constant TYPEHASH = keccak256(
        "Voucher(address payer,uint32 operatorId,uint24 opening,uint96 cumulativeAmount)"
    );
    /// @notice Bytes of a signed voucher in a batch.
    uint256 internal constant SIZE = 99;

    /// @dev s of a canonical signature is at most half the curve's order (EIP-2).
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    error BatchMalformed(uint256 length);

    /// @notice Refuses a batch that ends within a voucher.
    function checkWhole(bytes calldata batch) internal pure {
        if (batch.length % SIZE != 0) revert BatchMalformed(batch.length);
    }

    // Offsets are where a voucher begins in the batch: below its length.

    /// @notice The voucher's EIP-712 digest.
    function digest(
        bytes calldata batch,
        uint256 offset,
        uint256 operatorId,
        bytes32 domainSeparator
    ) internal pure returns (bytes32 digest_) {
        bytes32 typehash = TYPEHASH;
        assembly ("memory-safe") {
            let from := add(batch.offset, offset)
            let pointer := mload(0x40)
            mstore(pointer, typehash)
            mstore(add(pointer, 0x20), shr(96, calldataload(from)))
            mstore(add(pointer, 0x40), operatorId)
            mstore(add(pointer, 0x60), shr(232, calldataload(add(from, 20))))
            mstore(add(pointer, 0x80), shr(160, calldataload(add(from, 23))))
            let structHash := keccak256(pointer, 0xa0)
            mstore(pointer, hex"1901")
            mstore(add(pointer, 0x02), domainSeparator)
            mstore(add(pointer, 0x22), structHash)
            digest_ := keccak256(pointer, 0x42)
        }
    }

    /// @notice Who has signed a voucher; the zero address for what isn't a canonical signature.
    function signer(
        bytes calldata batch,
        uint256 offset,
        uint256 operatorId,
        bytes32 domainSeparator
    ) internal pure returns (address) {
        bytes32 r;
        uint256 vs;
        assembly ("memory-safe") {
            let from := add(batch.offset, offset)
            r := calldataload(add(from, 35))
            vs := calldataload(add(from, 67))
        }
        uint256 s = vs & (type(uint256).max >> 1);
        if (s > HALF_ORDER) return address(0);
        unchecked {
            return
                ecrecover(digest(batch, offset, operatorId, domainSeparator), uint8((vs >> 255) + 27), r, bytes32(s));
        }
    }

    function payer(bytes calldata batch, uint256 offset) internal pure returns (address payer_) {
        assembly ("memory-safe") {
            payer_ := shr(96, calldataload(add(batch.offset, offset)))
        }
    }

    function opening(bytes calldata batch, uint256 offset) internal pure returns (uint256 opening_) {
        assembly ("memory-safe") {
            opening_ := shr(232, calldataload(add(batch.offset, add(offset, 20))))
        }
    }

    function cumulativeAmount(bytes calldata batch, uint256 offset) internal pure returns (uint256 amount) {
        assembly ("memory-safe") {
            amount := shr(160, calldataload(add(batch.offset, add(offset, 23))))
        }
    }
}
