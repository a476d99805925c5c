// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitRevealTerms, CommitRevealTermsLib} from "../../../contracts/types/CommitRevealTerms.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `CommitRevealTermsLib` against the values `src/protocol/commitRevealTerms.ts` computes.
contract CommitRevealTermsVectorsTest is Vectors {
    CommitRevealTerms[] private _terms;

    function unpack(bytes32 data) external pure returns (CommitRevealTerms memory) {
        return CommitRevealTermsLib.unpack(data);
    }

    function test_PackAndUnpackMatchTypeScript() public {
        _readTerms();
        bytes32[] memory packed = _words("packed");
        _assertEnough(packed.length);
        for (uint256 i = 0; i < packed.length; ++i) {
            assertEq(CommitRevealTermsLib.pack(_terms[i]), packed[i]);
            assertEq(keccak256(abi.encode(this.unpack(packed[i]))), keccak256(abi.encode(_terms[i])));
        }
    }

    function test_RevertWhen_NotCanonical() public {
        _open("commitRevealTerms");
        bytes32[] memory words = _words("notCanonical");
        _assertEnough(words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(CommitRevealTermsLib.TermsNotCanonical.selector, words[i]));
            this.unpack(words[i]);
        }
    }

    function _readTerms() private {
        _open("commitRevealTerms");
        uint256[] memory sizes = _uints("committeeSize");
        uint256[] memory widenings = _uints("maxWidening");
        for (uint256 i = 0; i < sizes.length; ++i) {
            _terms.push().committeeSize = uint8(sizes[i]);
            _terms[i].maxWidening = uint8(widenings[i]);
        }
        uint256[] memory commits = _uints("commitWindowSeconds");
        uint256[] memory reveals = _uints("revealWindowSeconds");
        uint256[] memory settles = _uints("settleWindowSeconds");
        uint256[] memory bounds = _uints("maxResultBytes");
        uint256[] memory bonds = _uints("bondUnits");
        for (uint256 i = 0; i < sizes.length; ++i) {
            _terms[i].commitWindowSeconds = uint32(commits[i]);
            _terms[i].revealWindowSeconds = uint32(reveals[i]);
            _terms[i].settleWindowSeconds = uint32(settles[i]);
            _terms[i].maxResultBytes = uint24(bounds[i]);
            _terms[i].bondUnits = uint56(bonds[i]);
        }
    }
}
