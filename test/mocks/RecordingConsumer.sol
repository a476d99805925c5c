// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../../contracts/jobs/IJobConsumer.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice A consumer that keeps what it was given, unless told to refuse or given less gas than it wants.
contract RecordingConsumer is IJobConsumer {
    uint256 public calls;
    bytes32 public lastJobId;
    bytes32 public lastJobHash;
    bytes public lastResult;
    address public lastCaller;
    bool public refuses;
    uint256 public wantsGas;

    error Refused();
    error GotTooLittleGas(uint256 got);

    function onJobResult(bytes32 jobId, Job calldata job, bytes calldata result) external {
        uint256 gasGiven = gasleft();
        require(!refuses, Refused());
        require(gasGiven >= wantsGas, GotTooLittleGas(gasGiven));
        ++calls;
        (lastJobId, lastJobHash, lastResult, lastCaller) = (jobId, keccak256(abi.encode(job)), result, msg.sender);
    }

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    function setWantsGas(uint256 wantsGas_) external {
        wantsGas = wantsGas_;
    }
}
