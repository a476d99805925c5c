// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ModelListing} from "../../../contracts/models/IModelRegistry.sol";
import {Network} from "../../support/Network.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `ModelRegistry.modelIdOf` against the values `src/protocol/model.ts` computes.
contract ModelIdVectorsTest is Vectors, Network {
    ModelListing[] private _listings;

    function test_ModelIdMatchesTypeScript() public {
        _readListings();
        _deployNetwork();
        address[] memory publishers = _addresses("publisher");
        bytes32[] memory modelIds = _words("modelId");
        _assertEnough(modelIds.length);
        for (uint256 i = 0; i < modelIds.length; ++i) {
            assertEq(models.modelIdOf(publishers[i], _listings[i]), modelIds[i]);
        }
    }

    function _readListings() private {
        _open("modelId");
        bytes32[] memory manifestHashes = _words("manifestHash");
        bytes32[] memory graphRoots = _words("graphRoot");
        bytes32[] memory weightRoots = _words("weightRoot");
        bool[] memory bitExacts = _bools("bitExact");
        uint256[] memory bounds = _uints("maxResultBytes");
        for (uint256 i = 0; i < bounds.length; ++i) {
            ModelListing storage listing = _listings.push();
            listing.manifestHash = manifestHashes[i];
            listing.graphRoot = graphRoots[i];
            listing.weightRoot = weightRoots[i];
            listing.bitExact = bitExacts[i];
            listing.maxResultBytes = uint32(bounds[i]);
        }
    }
}
