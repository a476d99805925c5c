// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerifier, Verdict} from "../../contracts/jobs/IVerifier.sol";
import {Job} from "../../contracts/types/Job.sol";

/// @notice A verifier that says and does what a test tells it.
contract ScriptedVerifier is IVerifier {
    enum Mood {
        Calm,
        Reverts,
        BurnsGas,
        ReturnBomb
    }

    Verdict public verdict = Verdict.Final;
    bytes32 public lie; // zero: the offered hash stands
    Mood public openedMood;
    Mood public concludeMood;
    Mood public expireMood;
    uint256 public burnsInConclude;
    uint256 public wantsGas; // with less, `conclude` cheats: it says there is no result
    address public reenterTarget;
    bytes public reenterData;
    bool public reentered;
    uint256 public expired;

    error Refused();

    function opened(uint256, bool, Job calldata, bytes32) external returns (bytes4) {
        _act(openedMood);
        _reenter();
        return IVerifier.opened.selector;
    }

    function conclude(
        Job calldata,
        uint256,
        bytes32,
        bytes calldata,
        uint256,
        bytes32 offeredHash
    ) external returns (Verdict, bytes32) {
        if (gasleft() < wantsGas) return (Verdict.NoResult, 0);
        _act(concludeMood);
        _reenter();
        uint256 end = gasleft() - burnsInConclude;
        while (burnsInConclude > 0 && gasleft() > end) {}
        return (verdict, lie == 0 ? offeredHash : lie);
    }

    function expire(Job calldata) external {
        _act(expireMood);
        _reenter();
        ++expired;
    }

    function setVerdict(Verdict verdict_, bytes32 lie_) external {
        (verdict, lie) = (verdict_, lie_);
    }

    function setMoods(Mood opened_, Mood conclude_, Mood expire_) external {
        (openedMood, concludeMood, expireMood) = (opened_, conclude_, expire_);
    }

    function setGas(uint256 burnsInConclude_, uint256 wantsGas_) external {
        (burnsInConclude, wantsGas) = (burnsInConclude_, wantsGas_);
    }

    function prepare(address target, bytes calldata data) external {
        (reenterTarget, reenterData, reentered) = (target, data, false);
    }

    /// @notice Lets the contract spend what it was credited.
    function execute(address target, bytes calldata data) external {
        (bool success, ) = target.call(data);
        require(success, Refused());
    }

    function _reenter() private {
        if (reenterTarget == address(0)) return;
        (reentered, ) = reenterTarget.call(reenterData);
    }

    function _act(Mood mood) private pure {
        if (mood == Mood.Reverts) revert Refused();
        if (mood == Mood.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.ReturnBomb) {
            assembly {
                revert(0, 200000)
            }
        }
    }
}
