// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token whose decimals, supply and fee on transfers are chosen: what a deployment must refuse.
contract OddToken is ERC20 {
    uint8 private immutable DECIMALS;
    uint256 private immutable FEE_PPM;

    constructor(uint8 decimals_, uint256 supply, uint256 feePpm) ERC20("Odd", "ODD") {
        DECIMALS = decimals_;
        FEE_PPM = feePpm;
        _mint(msg.sender, supply);
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from == address(0) || to == address(0)) return;
        super._update(to, address(0), (value * FEE_PPM) / 1e6);
    }
}
