// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A payer's escrowed balance toward one operator. Its EIP-712 digest in the voucher escrow's domain is the
/// `channelId`.
struct Channel {
    address payer; // who funds it, and gets back what isn't claimed
    uint32 operatorId; // who is paid
    address voucherKey; // the plain key that signs vouchers, fixed when the channel opens
    uint24 opening; // how many channels the three above have opened, this one included: never reused
}

/// @notice A payer's consent that somebody else brings its OPG into a channel.
struct Funding {
    address payer;
    uint32 operatorId;
    address voucherKey;
    uint24 opening; // of the open channel, or one more than the last one's to open the next
    uint96 totalDeposited; // what the channel will have taken in since it opened, OPG base units
    uint256 deadline; // unix seconds
}

/// @notice Hashing of channels and fundings; one-to-one with `src/protocol/channel.ts`.
library ChannelLib {
    /// @notice EIP-712 type hash of `Channel`.
    bytes32 internal constant TYPEHASH = keccak256(
        "Channel(address payer,uint32 operatorId,address voucherKey,uint24 opening)"
    );
    /// @notice EIP-712 type hash of `Funding`.
    bytes32 internal constant FUNDING_TYPEHASH = keccak256(
        "Funding(address payer,uint32 operatorId,address voucherKey,uint24 opening,uint96 totalDeposited,uint256 deadline)"
    );

    /// @notice EIP-712 `hashStruct` of the channel.
    function hash(Channel memory channel) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, channel));
    }

    /// @notice EIP-712 `hashStruct` of the funding.
    function hash(Funding calldata funding) internal pure returns (bytes32) {
        return keccak256(abi.encode(FUNDING_TYPEHASH, funding));
    }
}
