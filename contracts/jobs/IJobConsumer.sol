// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job} from "../types/Job.sol";

/// @title A contract that receives a job's result
interface IJobConsumer {
    /// @notice Called once the result is final and paid for, with `job.consumerGasLimit` gas. A revert undoes nothing;
    /// anyone can retry with `JobEscrow.deliver` until the job's key is used again.
    /// @dev MUST check that `msg.sender` is the escrow AND that it opened this `jobId` itself: anyone can open a job
    /// that names any consumer. The escrow's entry points are locked during the call.
    /// @param result Output tensors in the manifest's order, C-contiguous, little-endian
    function onJobResult(bytes32 jobId, Job calldata job, bytes calldata result) external;
}
