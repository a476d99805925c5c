// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that makes prepared calls from inside the next transfer and keeps what came of them.
contract ReenteringToken is ERC20 {
    address private _target;
    bytes[] private _calls;
    bool[] public succeeded;
    bytes[] public answers;

    constructor(uint256 supply) ERC20("Reentering", "RE") {
        _mint(msg.sender, supply);
    }

    function prepare(address target, bytes[] calldata calls) external {
        delete succeeded;
        delete answers;
        delete _calls;
        _target = target;
        for (uint256 i = 0; i < calls.length; ++i) _calls.push(calls[i]);
    }

    /// @notice The token is an account of its own, too.
    function execute(address target, bytes calldata data) external {
        (bool success, bytes memory answer) = target.call(data);
        require(success, string(answer));
    }

    function triedCalls() external view returns (uint256) {
        return answers.length;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        bytes[] memory calls = _calls;
        delete _calls;
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory answer) = _target.call(calls[i]);
            succeeded.push(success);
            answers.push(answer);
        }
    }
}
