// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Commitment} from "../../../contracts/types/Commitment.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `Commitment` against the values `src/protocol/commitment.ts` computes.
contract CommitmentVectorsTest is Vectors {
    function test_HashMatchesTypeScript() public {
        _open("commitment");
        bytes32[] memory jobIds = _words("jobId");
        uint256[] memory operatorIds = _uints("operatorId");
        bytes32[] memory resultHashes = _words("resultHash");
        bytes32[] memory salts = _words("salt");
        bytes32[] memory commitments = _words("commitment");
        _assertEnough(commitments.length);
        for (uint256 i = 0; i < commitments.length; ++i) {
            assertEq(Commitment.hash(jobIds[i], uint32(operatorIds[i]), resultHashes[i], salts[i]), commitments[i]);
        }
    }
}
