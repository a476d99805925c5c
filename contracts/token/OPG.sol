// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title OPG for local chains and test networks
/// @notice ERC-20 with ERC-2612 permits and ERC-3009 authorisations; 18 decimals, a fixed supply, nobody can mint.
/// Where OPG exists already this contract is not deployed.
contract OPG is ERC20, ERC20Permit, ERC3009 {
    /// @notice The whole supply in base units: 1,000,000,000 OPG.
    uint256 public constant INITIAL_SUPPLY = 1_000_000_000e18;

    /// @param holder Gets the whole supply.
    constructor(address holder) ERC20("OpenGradient", "OPG") ERC20Permit("OpenGradient") {
        _mint(holder, INITIAL_SUPPLY);
    }
}
