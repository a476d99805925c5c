// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A verifier that owes earnings to operators
interface IEarningsSource {
    /// @notice Forgets what it owes the operator and moves it, inside the escrow's ledger, to the caller.
    /// `OperatorStaking` only.
    /// @return amount OPG base units
    function releaseEarnings(uint32 operatorId) external returns (uint256 amount);
}

/// @title The part of the escrow's ledger that staking uses
interface IEarningsLedger {
    function withdraw(address to, uint256 amount) external;
}
