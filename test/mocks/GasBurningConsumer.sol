// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../../contracts/jobs/IJobConsumer.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice Burns all the gas it is given.
contract GasBurningConsumer is IJobConsumer {
    function onJobResult(bytes32, Job calldata, bytes calldata) external pure {
        assembly {
            invalid()
        }
    }
}
