// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {BatchWord, BatchWordLib} from "../../../contracts/calls/BatchWord.sol";

/// The packed word against what it is made of.
contract BatchWordTest is Test {
    struct Made {
        uint256 previous;
        bytes32 root;
        uint32 count;
        bytes32 dataHash;
        uint40 anchoredAt;
    }

    function testFuzz_AWordIsAHashAndATime(Made memory made) public pure {
        BatchWord word = _make(made);
        bytes32 hash = keccak256(abi.encode(made.previous, made.root, made.count, made.dataHash));
        assertEq(bytes32(BatchWord.unwrap(word)), bytes32(abi.encodePacked(bytes27(hash), made.anchoredAt)));
        assertEq(word.anchoredAt(), made.anchoredAt);
        assertTrue(_isOf(word, made));
        assertFalse(word.isEmpty());
    }

    /// One bit of anything else is another batch.
    function testFuzz_AWordIsOfNoOtherBatch(Made memory made, uint256 field, uint256 bit) public pure {
        BatchWord word = _make(made);
        field %= 4;
        if (field == 0) made.previous ^= 1 << (bit % 256);
        if (field == 1) made.root ^= bytes32(uint256(1) << (bit % 256));
        if (field == 2) made.count ^= uint32(1 << (bit % 32));
        if (field == 3) made.dataHash ^= bytes32(uint256(1) << (bit % 256));
        assertFalse(_isOf(word, made));
    }

    /// Nor is another word of this one: but for the time, which the hash doesn't hold.
    function testFuzz_AnotherHashIsNotTheBatchs(Made memory made, uint256 bit) public pure {
        bit = bound(bit, 0, 255);
        BatchWord word = BatchWord.wrap(BatchWord.unwrap(_make(made)) ^ (1 << bit));
        assertEq(_isOf(word, made), bit < 40);
    }

    function testFuzz_AnEmptyWordIsOfNoBatch(Made memory made) public pure {
        BatchWord empty;
        assertTrue(empty.isEmpty());
        assertEq(empty.anchoredAt(), 0);
        assertFalse(_isOf(empty, made));
    }

    function _make(Made memory made) private pure returns (BatchWord) {
        return BatchWordLib.make(BatchWord.wrap(made.previous), made.root, made.count, made.dataHash, made.anchoredAt);
    }

    function _isOf(BatchWord word, Made memory made) private pure returns (bool) {
        return word.isOf(BatchWord.wrap(made.previous), made.root, made.count, made.dataHash);
    }
}
