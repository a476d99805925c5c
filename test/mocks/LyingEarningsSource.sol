// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEarningsSource} from "../../contracts/staking/IEarningsSource.sol";

/// @notice Says it has moved earnings, moves none, and makes one prepared call meanwhile.
contract LyingEarningsSource is IEarningsSource {
    uint256 private immutable CLAIMED;
    address private immutable TARGET;
    bytes private _data;
    bool public succeeded;
    bytes public answer;

    constructor(uint256 claimed, address target, bytes memory data) {
        CLAIMED = claimed;
        TARGET = target;
        _data = data;
    }

    function releaseEarnings(uint32) external returns (uint256) {
        if (TARGET != address(0)) (succeeded, answer) = TARGET.call(_data);
        return CLAIMED;
    }
}
