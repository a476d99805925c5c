// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {IReceiptLog, LogTerms} from "../../contracts/calls/IReceiptLog.sol";
import {VoucherEscrow} from "../../contracts/calls/VoucherEscrow.sol";
import {Vectors} from "./Vectors.sol";

/// @notice The shipped bytecode of the contracts of calls, at the addresses the vectors name: a domain holds its contract's.
abstract contract CallContracts is Vectors {
    function _deployVouchersAt(address where, uint256 chainId) internal returns (VoucherEscrow) {
        vm.chainId(chainId);
        address opg = deployCode("OPG.sol:OPG", abi.encode(address(this)));
        address authority = address(new AccessManager(address(this)));
        address escrow = deployCode("JobEscrow.sol:JobEscrow", abi.encode(opg, authority, address(1), uint32(0)));
        address staking = deployCode(
            "OperatorStaking.sol:OperatorStaking",
            abi.encode(opg, escrow, authority, uint256(14 days))
        );
        deployCodeTo("VoucherEscrow.sol:VoucherEscrow", abi.encode(escrow, staking, authority, uint256(2 days)), where);
        return VoucherEscrow(where);
    }

    function _deployReceiptsAt(address where, uint256 chainId) internal returns (IReceiptLog) {
        address vouchers = address(_deployVouchersAt(makeAddr("vouchers"), chainId));
        address authority = address(new AccessManager(address(this)));
        LogTerms memory terms = LogTerms(1 hours, 1 days, 1 days, 5 days, 100e18, 1_000e18);
        deployCodeTo("ReceiptLog.sol:ReceiptLog", abi.encode(vouchers, authority, terms, uint256(1e18)), where);
        return IReceiptLog(where);
    }
}
