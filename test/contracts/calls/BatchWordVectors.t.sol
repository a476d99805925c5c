// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchWord, BatchWordLib} from "../../../contracts/calls/BatchWord.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `BatchWordLib` against the values `src/protocol/batch.ts` computes.
contract BatchWordVectorsTest is Vectors {
    function test_WordsOfRealBatchesMatchTypeScript() public {
        _open("batch");
        _assertWords("root", "count", "dataHash", "word");
    }

    function test_WordsOfAnyBatchesMatchTypeScript() public {
        _open("batch");
        _assertWords("anyRoot", "anyCount", "anyDataHash", "anyWord");
    }

    function test_TheDatasHashIsThatOfItsLeaves() public {
        _open("batch");
        bytes[] memory contents = _byteStrings("data");
        bytes[] memory receiptIds = _byteStrings("receiptIds");
        bytes32[] memory dataHashes = _words("dataHash");
        _assertEnough(contents.length);
        for (uint256 i = 0; i < contents.length; ++i) {
            assertEq(keccak256(contents[i]), dataHashes[i]);
            bytes32[] memory leaves = _list(contents[i]);
            bytes32[] memory ids = _list(receiptIds[i]);
            assertEq(leaves.length, ids.length);
            for (uint256 k = 0; k < ids.length; ++k) {
                assertEq(leaves[k], keccak256(bytes.concat(ids[k])));
            }
        }
    }

    function _assertWords(
        string memory rootColumn,
        string memory countColumn,
        string memory dataHashColumn,
        string memory wordColumn
    ) private view {
        uint256[] memory previousWords = _uints("previousWord");
        uint256[] memory times = _uints("anchoredAt");
        bytes32[] memory roots = _words(rootColumn);
        uint256[] memory counts = _uints(countColumn);
        bytes32[] memory dataHashes = _words(dataHashColumn);
        uint256[] memory words = _uints(wordColumn);
        _assertEnough(words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            BatchWord previous = BatchWord.wrap(previousWords[i]);
            BatchWord word = BatchWordLib.make(previous, roots[i], counts[i], dataHashes[i], times[i]);
            assertEq(BatchWord.unwrap(word), words[i]);
            assertEq(word.anchoredAt(), times[i]);
            assertTrue(word.isOf(previous, roots[i], counts[i], dataHashes[i]));
            assertFalse(word.isOf(previous, roots[i], counts[i] ^ 1, dataHashes[i]));
            assertFalse(word.isOf(previous, dataHashes[i], counts[i], ~roots[i]));
            assertFalse(word.isOf(BatchWord.wrap(previousWords[i] ^ 1), roots[i], counts[i], dataHashes[i]));
        }
    }
}
