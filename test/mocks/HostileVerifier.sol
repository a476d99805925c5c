// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow} from "../../contracts/jobs/IJobEscrow.sol";
import {IVerifier, Verdict} from "../../contracts/jobs/IVerifier.sol";
import {IEarningsSource} from "../../contracts/staking/IEarningsSource.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice A verifier that does what it is told: says anything, refuses, burns all gas, or calls back into the escrow.
contract HostileVerifier is IVerifier, IEarningsSource {
    enum Mood {
        Agree, // says what its caller wants to hear
        Refuse, // reverts
        BurnGas, // uses up the whole stipend
        Reenter, // tries to end the job and take its money while it is being ended
        Deny // never a result; owes more than it has
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

    /// @notice Calls anything as this verifier.
    function execute(address target, bytes calldata data) external returns (bool success, bytes memory returned) {
        (success, returned) = target.call(data);
    }

    function opened(uint256, bool, Job calldata job, bytes32) external returns (bytes4) {
        _act(job);
        return IVerifier.opened.selector;
    }

    function conclude(
        Job calldata job,
        uint256,
        bytes32,
        bytes calldata,
        uint256,
        bytes32 offeredHash
    ) external returns (Verdict, bytes32) {
        _act(job);
        return (mood == Mood.Deny ? Verdict.NoResult : Verdict.Final, offeredHash);
    }

    function expire(Job calldata job) external {
        _act(job);
    }

    function releaseEarnings(uint32) external view returns (uint256) {
        return mood == Mood.Deny ? 1e18 : 0;
    }

    function _act(Job calldata job) private {
        require(mood != Mood.Refuse, Refused());
        if (mood == Mood.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mood != Mood.Reenter) return;
        _try(abi.encodeCall(IJobEscrow.refund, (job)));
        _try(abi.encodeCall(IJobEscrow.settle, ("", "", job)));
        _try(abi.encodeCall(IJobEscrow.transfer, (address(1), 0)));
        _try(abi.encodeCall(IJobEscrow.withdraw, (address(1), 0)));
    }

    function _try(bytes memory data) private {
        (bool success, ) = address(ESCROW).call(data);
        if (success) broken = true;
    }
}
