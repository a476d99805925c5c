// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice All the receipt log reads of an operator when it anchors, in one word.
/// @dev From the high end:
///
///     signer 160 | batchCount 48 | incarnation 24 | zero 24
///
/// signer: the operator's, as last copied from `OperatorStaking`; zero: it never joined. batchCount: batches anchored so far.
/// incarnation: the one its gateway's sequences carry now.
type LogState is uint256;

using LogStateLib for LogState global;

/// @notice Reading and writing of `LogState`. Counters are checked against their field's width before they are written.
library LogStateLib {
    error LogFieldOverflow(uint256 value, uint256 limit);

    function signer(LogState self) internal pure returns (address) {
        return address(uint160(LogState.unwrap(self) >> 96));
    }

    function batchCount(LogState self) internal pure returns (uint256) {
        return (LogState.unwrap(self) >> 48) & type(uint48).max;
    }

    function incarnation(LogState self) internal pure returns (uint256) {
        return (LogState.unwrap(self) >> 24) & type(uint24).max;
    }

    function withSigner(LogState self, address account) internal pure returns (LogState) {
        return LogState.wrap((LogState.unwrap(self) & type(uint96).max) | (uint256(uint160(account)) << 96));
    }

    function withOneMoreBatch(LogState self) internal pure returns (LogState) {
        uint256 next = batchCount(self) + 1;
        if (next > type(uint48).max) revert LogFieldOverflow(next, type(uint48).max);
        unchecked {
            return LogState.wrap(LogState.unwrap(self) + (1 << 48)); // fits, as the line above says
        }
    }

    function withIncarnation(LogState self, uint256 number) internal pure returns (LogState) {
        if (number > type(uint24).max) revert LogFieldOverflow(number, type(uint24).max);
        return LogState.wrap((LogState.unwrap(self) & ~(uint256(type(uint24).max) << 24)) | (number << 24));
    }
}
