// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../../contracts/jobs/IJobConsumer.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice Returns or reverts with as many bytes as its gas pays for.
contract ReturnBombConsumer is IJobConsumer {
    bool private immutable REVERTS;
    uint256 private immutable SIZE;

    constructor(bool reverts, uint256 size) {
        REVERTS = reverts;
        SIZE = size;
    }

    function onJobResult(bytes32, Job calldata, bytes calldata) external view {
        uint256 size = SIZE;
        bool reverts = REVERTS;
        assembly {
            if reverts {
                revert(0, size)
            }
            return(0, size)
        }
    }
}
