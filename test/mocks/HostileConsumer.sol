// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../../contracts/jobs/IJobConsumer.sol";
import {IJobEscrow} from "../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice A consumer that takes its result, refuses it, burns its gas, answers with a bomb, or calls back.
contract HostileConsumer is IJobConsumer {
    enum Mood {
        Take,
        Refuse, // reverts
        BurnGas, // uses up the whole stipend
        Bomb, // returns more than anybody wants to copy
        Reenter // tries to end the job again
    }

    IJobEscrow public immutable ESCROW;
    Mood public mood;
    bool public broken; // a call back into the escrow went through

    error Refused();

    constructor(IJobEscrow escrow) {
        ESCROW = escrow;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function onJobResult(bytes32, Job calldata job, bytes calldata result) external {
        require(mood != Mood.Refuse, Refused());
        if (mood == Mood.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mood == Mood.Bomb) {
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
        if (mood != Mood.Reenter) return;
        _try(abi.encodeCall(IJobEscrow.refund, (job)));
        _try(abi.encodeCall(IJobEscrow.settle, (result, "", job)));
        _try(abi.encodeCall(IJobEscrow.deliver, (job, result)));
    }

    function _try(bytes memory data) private {
        (bool success, ) = address(ESCROW).call(data);
        if (success) broken = true;
    }
}
