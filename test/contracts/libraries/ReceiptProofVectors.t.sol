// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inclusion} from "../../../contracts/calls/IReceiptLog.sol";
import {ReceiptProof} from "../../../contracts/libraries/ReceiptProof.sol";
import {Link} from "../../../contracts/types/Receipt.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `ReceiptProof`'s pure functions against the values `src/protocol/merkle.ts`, `batch.ts` and `contradiction.ts`
/// compute.
contract ReceiptProofVectorsTest is Vectors {
    function isInRoot(bytes32 receiptId, Inclusion calldata inclusion) external pure returns (bool) {
        return ReceiptProof.isInRoot(receiptId, inclusion);
    }

    function rewind(bytes32 runningHash, Link[] calldata links) external pure returns (bytes32) {
        return ReceiptProof.rewind(runningHash, links);
    }

    function test_ProofsLeadFromTheReceiptToTheRoot() public {
        _open("batch");
        bytes32[] memory receiptIds = _words("receiptId");
        bytes32[] memory roots = _words("root");
        bytes[] memory proofs = _byteStrings("proof");
        _assertEnough(roots.length);
        for (uint256 i = 0; i < roots.length; ++i) {
            Inclusion memory inclusion;
            inclusion.batch.root = roots[i];
            inclusion.proof = _list(proofs[i]);
            assertTrue(this.isInRoot(receiptIds[i], inclusion));
            assertFalse(this.isInRoot(~receiptIds[i], inclusion));
            inclusion.batch.root = ~roots[i];
            assertFalse(this.isInRoot(receiptIds[i], inclusion));
        }
    }

    function test_NoNodePassesForAReceipt() public {
        _open("batch");
        bytes32[] memory roots = _words("root");
        bytes[] memory contents = _byteStrings("data");
        _assertEnough(roots.length);
        for (uint256 i = 0; i < roots.length; ++i) {
            Inclusion memory inclusion;
            inclusion.batch.root = roots[i];
            assertFalse(this.isInRoot(roots[i], inclusion));
            bytes32[] memory leaves = _list(contents[i]);
            if (leaves.length != 2) continue;
            inclusion.proof = new bytes32[](1);
            inclusion.proof[0] = leaves[1];
            assertFalse(this.isInRoot(leaves[0], inclusion));
        }
    }

    function test_LinksLeadBackFromTheRootToThePart() public {
        _open("runningHash");
        bytes32[] memory roots = _words("responseRoot");
        uint256[] memory partCounts = _uints("partCount");
        uint256[] memory indices = _uints("index");
        bytes[] memory links = _byteStrings("links");
        bytes[] memory runningHashes = _byteStrings("runningHashes");
        _assertEnough(roots.length);
        for (uint256 i = 0; i < roots.length; ++i) {
            Link[] memory back = _linksOf(links[i]);
            assertEq(back.length, partCounts[i] - 1 - indices[i]);
            assertEq(this.rewind(roots[i], back), _list(runningHashes[i])[indices[i]]);
        }
    }

    function test_RevertWhen_ALinkIsBroken() public {
        _open("runningHash");
        bytes32[] memory roots = _words("responseRoot");
        bytes[] memory links = _byteStrings("links");
        uint256 broken = 0;
        for (uint256 i = 0; i < roots.length; ++i) {
            Link[] memory back = _linksOf(links[i]);
            if (back.length == 0) continue;
            uint256 at = i % back.length;
            back[at].partHash = ~back[at].partHash;
            vm.expectRevert(abi.encodeWithSelector(ReceiptProof.BrokenLink.selector, at));
            this.rewind(roots[i], back);
            ++broken;
        }
        assertGt(broken, 50);
    }

    function _linksOf(bytes memory packed) private pure returns (Link[] memory links) {
        bytes32[] memory words = _list(packed);
        links = new Link[](words.length / 2);
        for (uint256 i = 0; i < links.length; ++i) {
            links[i] = Link(words[2 * i], words[2 * i + 1]);
        }
    }
}
