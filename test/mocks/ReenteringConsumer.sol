// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../../contracts/jobs/IJobConsumer.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice Makes one prepared call from inside its callback and keeps what came of it.
contract ReenteringConsumer is IJobConsumer {
    address private _target;
    bytes private _data;
    bool public tried;
    bool public succeeded;
    bytes public answer;

    function onJobResult(bytes32, Job calldata, bytes calldata) external {
        tried = true;
        (succeeded, answer) = _target.call(_data);
    }

    function prepare(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
        (tried, succeeded, answer) = (false, false, "");
    }

    /// @notice Lets the contract be a payer and a party of its own.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory returned) = target.call(data);
        require(success, string(returned));
        return returned;
    }
}
