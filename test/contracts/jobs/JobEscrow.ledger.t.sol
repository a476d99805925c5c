// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IJobEscrow} from "../../../contracts/jobs/IJobEscrow.sol";
import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {OPG} from "../../../contracts/token/OPG.sol";
import {JobFixture} from "../../support/JobFixture.sol";
import {FeeToken} from "../../mocks/FeeToken.sol";

/// Deploying, depositing, withdrawing, transferring.
contract JobEscrowLedgerTest is JobFixture {
    /* DEPLOY */

    function test_DeployedAsAsked() public view {
        assertEq(address(escrow.OPG()), address(opg));
        assertEq(escrow.authority(), address(authority));
        (address recipient, uint32 ppm, bool paused) = escrow.protocolFee();
        assertEq(recipient, PROTOCOL);
        assertEq(ppm, PROTOCOL_FEE_PPM);
        assertFalse(paused);
    }

    function test_RevertWhen_DeployedWithoutAToken() public {
        _expectRefusedDeploy(
            abi.encode(stranger, authority, PROTOCOL, 0),
            abi.encodeWithSelector(IJobEscrow.NotAToken.selector, stranger)
        );
    }

    /// What accrues is kept in halves of a word, what is earned in 96 bits.
    function test_RevertWhen_TheTokensSupplyIsTooLarge() public {
        FeeToken large = new FeeToken(uint256(type(uint96).max) + 1);
        _expectRefusedDeploy(
            abi.encode(large, authority, PROTOCOL, 0),
            abi.encodeWithSelector(IJobEscrow.NotAToken.selector, address(large))
        );
        FeeToken largest = new FeeToken(type(uint96).max);
        _deploy("JobEscrow", abi.encode(largest, authority, PROTOCOL, 0));
    }

    function test_RevertWhen_DeployedWithAZeroAddress() public {
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.ZeroAddress.selector);
        _expectRefusedDeploy(abi.encode(opg, address(0), PROTOCOL, 0), wanted);
        _expectRefusedDeploy(abi.encode(opg, authority, address(0), 0), wanted);
    }

    function test_RevertWhen_DeployedWithTooHighAFee() public {
        _expectRefusedDeploy(
            abi.encode(opg, authority, PROTOCOL, 50_001),
            abi.encodeWithSelector(IJobEscrow.ProtocolFeeTooHigh.selector, 50_001, 50_000)
        );
    }

    /* DEPOSIT */

    function testFuzz_ADepositIsCreditedExactly(address account, uint256 amount) public {
        vm.assume(account != address(0) && account != payer);
        amount = bound(amount, 0, opg.balanceOf(address(this)));
        uint256 held = opg.balanceOf(address(escrow));
        opg.approve(address(escrow), amount);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.Deposited(account, address(this), amount);
        escrow.deposit(account, amount);
        assertEq(escrow.balanceOf(account), amount);
        assertEq(opg.balanceOf(address(escrow)), held + amount);
    }

    function test_RevertWhen_DepositingForNobody() public {
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidRecipient.selector, address(0)));
        escrow.deposit(address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidRecipient.selector, address(escrow)));
        escrow.deposit(address(escrow), 1);
    }

    function test_RevertWhen_DepositingWithoutAllowance() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, 1)
        );
        escrow.deposit(payer, 1);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken(1 ether);
        JobEscrow other = JobEscrow(_deploy("JobEscrow", abi.encode(token, authority, PROTOCOL, 0)));
        token.approve(address(other), 100);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TokenTookFee.selector, 99, 100));
        other.deposit(payer, 100);
    }

    function test_DepositsWithAPermit() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5 ether);
        vm.prank(payer);
        escrow.depositWithPermit(stranger, 5 ether, type(uint256).max, v, r, s);
        assertEq(escrow.balanceOf(stranger), 5 ether);
    }

    /// Somebody carried the permit first: the deposit goes through all the same.
    function test_AUsedPermitDoesNotBlock() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5 ether);
        vm.prank(stranger);
        OPG(address(opg)).permit(payer, address(escrow), 5 ether, type(uint256).max, v, r, s);
        vm.prank(payer);
        escrow.depositWithPermit(payer, 5 ether, type(uint256).max, v, r, s);
        assertEq(escrow.balanceOf(payer), DEPOSIT + 5 ether);
        assertEq(opg.allowance(payer, address(escrow)), 0);
    }

    function test_RevertWhen_ThePermitIsSomebodyElses() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5 ether);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, 5 ether)
        );
        escrow.depositWithPermit(stranger, 5 ether, type(uint256).max, v, r, s);
    }

    /* WITHDRAW AND TRANSFER */

    function testFuzz_AWithdrawalPaysExactly(uint256 amount, address to) public {
        vm.assume(to != address(0) && to != address(escrow) && to != address(this));
        amount = bound(amount, 0, DEPOSIT);
        uint256 before = opg.balanceOf(to);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.Withdrawn(payer, to, amount);
        vm.prank(payer);
        escrow.withdraw(to, amount);
        assertEq(opg.balanceOf(to), before + amount);
        assertEq(escrow.balanceOf(payer), DEPOSIT - amount);
        assertEq(opg.balanceOf(address(escrow)), DEPOSIT - amount);
    }

    function test_RevertWhen_WithdrawingMoreThanTheBalance() public {
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, DEPOSIT, DEPOSIT + 1));
        escrow.withdraw(payer, DEPOSIT + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, 0, type(uint256).max));
        escrow.withdraw(payer, type(uint256).max);
    }

    function test_RevertWhen_WithdrawingToNobody() public {
        vm.startPrank(payer);
        for (uint256 i = 0; i < 2; ++i) {
            address nobody = i == 0 ? address(0) : address(escrow);
            bytes memory refusal = abi.encodeWithSelector(IJobEscrow.InvalidRecipient.selector, nobody);
            vm.expectRevert(refusal);
            escrow.withdraw(nobody, 1);
            vm.expectRevert(refusal);
            escrow.transfer(nobody, 1);
        }
        vm.stopPrank();
    }

    function testFuzz_ATransferMovesNoTokens(uint256 amount) public {
        amount = bound(amount, 0, DEPOSIT);
        uint256 held = opg.balanceOf(address(escrow));
        vm.expectEmit(address(escrow));
        emit IJobEscrow.Transferred(payer, stranger, amount);
        vm.prank(payer);
        escrow.transfer(stranger, amount);
        assertEq(escrow.balanceOf(payer), DEPOSIT - amount);
        assertEq(escrow.balanceOf(stranger), amount);
        assertEq(opg.balanceOf(address(escrow)), held);
    }

    function test_ATransferToOneselfChangesNothing() public {
        vm.prank(payer);
        escrow.transfer(payer, DEPOSIT);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    function test_RevertWhen_TransferringMoreThanTheBalance() public {
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, 0, 1));
        vm.prank(stranger);
        escrow.transfer(payer, 1);
    }

    function _permit(uint256 amount) private returns (uint8 v, bytes32 r, bytes32 s) {
        opg.transfer(payer, amount);
        OPG token = OPG(address(opg));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(escrow),
                amount,
                token.nonces(payer),
                type(uint256).max
            )
        );
        return vm.sign(payerKey, _digest(token.DOMAIN_SEPARATOR(), structHash));
    }

    function _expectRefusedDeploy(bytes memory args, bytes memory wanted) private {
        _expectRefusedDeploy("JobEscrow", args, wanted);
    }
}
