// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Vm} from "@uniswap/v4-core/lib/forge-std/src/Vm.sol";

import {ChannelStateLib} from "../../../contracts/calls/ChannelState.sol";
import {IVoucherEscrow, Permit} from "../../../contracts/calls/IVoucherEscrow.sol";
import {OPG} from "../../../contracts/token/OPG.sol";
import {Channel, Funding} from "../../../contracts/types/Channel.sol";
import {ContractWallet} from "../../mocks/ContractWallet.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Deploying, and OPG on its way into channels.
contract VoucherEscrowFundTest is CallsFixture {
    uint96 private constant TOTAL = 5 ether;

    /* DEPLOY */

    function test_DeployedAsAsked() public view {
        assertEq(address(vouchers.OPG()), address(opg));
        assertEq(address(vouchers.LEDGER()), address(escrow));
        assertEq(address(vouchers.STAKING()), address(staking));
        assertEq(vouchers.EXIT_SECONDS(), EXIT_SECONDS);
        assertEq(vouchers.authority(), address(authority));
        assertFalse(vouchers.channelsPaused());
        assertEq(vouchers.domainSeparator(), _domain("OpenGradient VoucherEscrow", block.chainid, address(vouchers)));
    }

    function test_RevertWhen_DeployedWithAZeroAddress() public {
        bytes memory wanted = abi.encodeWithSelector(IVoucherEscrow.ZeroAddress.selector);
        _expectRefusedDeploy("VoucherEscrow", abi.encode(0, staking, authority, EXIT_SECONDS), wanted);
        _expectRefusedDeploy("VoucherEscrow", abi.encode(escrow, 0, authority, EXIT_SECONDS), wanted);
        _expectRefusedDeploy("VoucherEscrow", abi.encode(escrow, staking, 0, EXIT_SECONDS), wanted);
    }

    function test_RevertWhen_TheExitTimeIsOutOfRange() public {
        uint256[2] memory wrong = [uint256(9), 30 days + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            _expectRefusedDeploy(
                "VoucherEscrow",
                abi.encode(escrow, staking, authority, wrong[i]),
                abi.encodeWithSelector(IVoucherEscrow.ExitSecondsOutOfRange.selector, wrong[i], 10, 30 days)
            );
        }
        _deploy("VoucherEscrow", abi.encode(escrow, staking, authority, 10));
        _deploy("VoucherEscrow", abi.encode(escrow, staking, authority, 30 days));
    }

    function test_RevertWhen_StakingHasAnotherToken() public {
        address other = _deploy("OPG", abi.encode(address(this)));
        address stakingOfOther = _deploy("OperatorStaking", abi.encode(other, escrow, authority, UNBONDING_SECONDS));
        _expectRefusedDeploy(
            "VoucherEscrow",
            abi.encode(escrow, stakingOfOther, authority, EXIT_SECONDS),
            abi.encodeWithSelector(IVoucherEscrow.NotAToken.selector, other)
        );
    }

    /* FUND */

    function test_AFundingOpensAChannel() public {
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelOpened(_channelId(1), payer, operators[0].id, voucherSigner, 1);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelFunded(_channelId(1), TOTAL, TOTAL);
        assertEq(_fund(TOTAL), _channelId(1));
        assertEq(vouchers.channelIdOf(Channel(payer, operators[0].id, voucherSigner, 1)), _channelId(1));
        _assertChannel(1, TOTAL, 0, 0);
        assertEq(opg.balanceOf(address(vouchers)), TOTAL);
        assertEq(opg.balanceOf(payer), WALLET - TOTAL);
    }

    /// A channel of another payer, operator or key is another one.
    function testFuzz_ChannelsAreApart(address key, uint256 who) public {
        vm.assume(key != address(0));
        Funding memory funding = _funding(TOTAL);
        funding.voucherKey = key;
        funding.operatorId = operators[who % 2].id;
        if ((who >> 8) % 2 == 0) {
            funding.payer = stranger;
            _giveTokens(stranger);
        }
        bytes32 channelId = _fund(funding);
        bool same = key == voucherSigner && who % 2 == 0 && funding.payer == payer;
        assertEq(channelId == _channelId(1), same);
        _assertChannel(same ? 1 : 0, same ? TOTAL : 0, 0, 0);
        assertEq(vouchers.channelOf(funding.payer, funding.operatorId, key).deposited, TOTAL);
    }

    function testFuzz_ATopUpTakesTheDifference(uint96 first, uint96 second) public {
        first = uint96(bound(first, 1, WALLET - 1));
        second = uint96(bound(second, first + 1, WALLET));
        _fund(first);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelFunded(_channelId(1), second - first, second);
        assertEq(_fund(second), _channelId(1));
        _assertChannel(1, second, 0, 0);
        assertEq(opg.balanceOf(address(vouchers)), second);
        assertEq(opg.balanceOf(payer), WALLET - second);
    }

    function test_ATopUpOpensNothing() public {
        _fund(TOTAL);
        vm.recordLogs();
        _fund(TOTAL + 1);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertTrue(logs[i].topics[0] != IVoucherEscrow.ChannelOpened.selector, "opened");
        }
    }

    function test_ATopUpKeepsWhatIsClaimed() public {
        _fund(TOTAL);
        _claim(_voucher(1, 2 ether));
        _fund(TOTAL + 1);
        _assertChannel(1, TOTAL + 1, 2 ether, 0);
    }

    function test_RevertWhen_SomebodyElseFunds() public {
        Funding memory funding = _funding(TOTAL);
        bytes memory wanted = abi.encodeWithSelector(IVoucherEscrow.NotPayer.selector, stranger, payer);
        vm.startPrank(stranger);
        vm.expectRevert(wanted);
        vouchers.fund(funding);
        vm.expectRevert(wanted);
        vouchers.fundWithPermit(funding, _noPermit());
        vm.stopPrank();
    }

    function test_RevertWhen_TheDeadlineIsOver() public {
        Funding memory funding = _funding(TOTAL);
        funding.deadline = block.timestamp - 1;
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.FundingExpired.selector, funding.deadline));
        _fund(funding);
        funding.deadline = block.timestamp;
        _fund(funding);
    }

    function test_RevertWhen_ThereIsNoKey() public {
        Funding memory funding = _funding(TOTAL);
        funding.voucherKey = address(0);
        vm.expectRevert(IVoucherEscrow.ZeroAddress.selector);
        _fund(funding);
    }

    function test_RevertWhen_TheOperatorIsUnknown() public {
        Funding memory funding = _funding(TOTAL);
        uint32[3] memory unknown = [uint32(0), 3, type(uint32).max];
        for (uint256 i = 0; i < unknown.length; ++i) {
            funding.operatorId = unknown[i];
            vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.UnknownOperator.selector, unknown[i]));
            _fund(funding);
        }
    }

    function test_RevertWhen_TheOpeningIsAnother() public {
        Funding memory funding = _funding(TOTAL);
        _expectWrongOpening(funding, 0, 1);
        _expectWrongOpening(funding, 2, 1);
        _fund(TOTAL);
        funding.totalDeposited = TOTAL + 1;
        _expectWrongOpening(funding, 0, 1);
        _expectWrongOpening(funding, 2, 1);
        _exit();
        _expectWrongOpening(funding, 1, 2);
        _expectWrongOpening(funding, 3, 2);
    }

    function _expectWrongOpening(Funding memory funding, uint24 opening, uint256 wanted) private {
        funding.opening = opening;
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.WrongOpening.selector, opening, wanted));
        _fund(funding);
    }

    /// The number of a channel is never used again, so the last one is the last.
    function test_RevertWhen_TheOpeningsAreUsedUp() public {
        vm.record();
        _channel();
        (bytes32[] memory reads, ) = vm.accesses(address(vouchers));
        vm.store(address(vouchers), reads[0], bytes32(uint256(type(uint24).max) - 1));
        _reopen(type(uint24).max, TOTAL);
        _assertChannel(type(uint24).max, TOTAL, 0, 0);
        _exit();
        Funding memory funding = _funding(TOTAL);
        funding.opening = 0;
        vm.expectRevert(
            abi.encodeWithSelector(ChannelStateLib.ChannelFieldOverflow.selector, 1 << 24, type(uint24).max)
        );
        _fund(funding);
    }

    function testFuzz_RevertWhen_TheTotalIsNotHigher(uint96 total) public {
        _expectAlreadyFunded(0, 0);
        _fund(TOTAL);
        total = uint96(bound(total, 0, TOTAL));
        _expectAlreadyFunded(TOTAL, total);
        _expectAlreadyFunded(TOTAL, TOTAL);
    }

    function _expectAlreadyFunded(uint256 deposited, uint96 total) private {
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.AlreadyFunded.selector, deposited, total));
        _fund(total);
    }

    function test_RevertWhen_TheChannelIsExiting() public {
        _fund(TOTAL);
        _startExit();
        bytes memory wanted = abi.encodeWithSelector(
            IVoucherEscrow.ChannelAlreadyExiting.selector,
            block.timestamp + EXIT_SECONDS
        );
        vm.expectRevert(wanted);
        _fund(TOTAL + 1);
        vm.warp(block.timestamp + 2 * EXIT_SECONDS);
        vm.expectRevert(wanted);
        _fund(TOTAL + 1);
    }

    function test_RevertWhen_TheTokensAreNotThere() public {
        Funding memory funding = _funding(uint96(WALLET) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, payer, WALLET, WALLET + 1)
        );
        _fund(funding);
        vm.prank(payer);
        opg.approve(address(vouchers), 7);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vouchers), 7, TOTAL)
        );
        _fund(TOTAL);
        _assertChannel(0, 0, 0, 0);
    }

    /* WITH A PERMIT */

    function test_FundsWithAPermit() public {
        _forbid();
        Permit memory permit = _permit(TOTAL);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelFunded(_channelId(1), TOTAL, TOTAL);
        vm.prank(payer);
        assertEq(vouchers.fundWithPermit(_funding(TOTAL), permit), _channelId(1));
        _assertChannel(1, TOTAL, 0, 0);
        assertEq(opg.allowance(payer, address(vouchers)), 0);
    }

    /// Somebody carried the permit first: the funding goes through all the same.
    function test_AUsedPermitDoesNotBlock() public {
        _forbid();
        Permit memory permit = _permit(TOTAL);
        _use(permit);
        vm.prank(payer);
        vouchers.fundWithPermit(_funding(TOTAL), permit);
        _assertChannel(1, TOTAL, 0, 0);
    }

    function test_RevertWhen_ThePermitIsWrong() public {
        _forbid();
        Permit memory permit = _permit(TOTAL);
        permit.value = TOTAL + 1;
        vm.prank(payer);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vouchers), 0, TOTAL)
        );
        vouchers.fundWithPermit(_funding(TOTAL), permit);
    }

    /* WITH A SIGNATURE */

    function test_AnyoneBringsASignedFunding() public {
        bytes memory signature = _signFunding(payerKey, _funding(TOTAL));
        vm.expectCall(address(opg), abi.encodeWithSelector(IERC20Permit.permit.selector), 0);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.ChannelOpened(_channelId(1), payer, operators[0].id, voucherSigner, 1);
        vm.prank(stranger);
        assertEq(vouchers.fundWithSignature(_funding(TOTAL), signature, _noPermit()), _channelId(1));
        _assertChannel(1, TOTAL, 0, 0);
        assertEq(opg.balanceOf(payer), WALLET - TOTAL);
    }

    function test_AnyoneBringsASignedFundingWithAPermit() public {
        _forbid();
        bytes memory signature = _signFunding(payerKey, _funding(TOTAL));
        Permit memory permit = _permit(TOTAL);
        vm.prank(stranger);
        vouchers.fundWithSignature(_funding(TOTAL), signature, permit);
        _assertChannel(1, TOTAL, 0, 0);
        signature = _signFunding(payerKey, _funding(2 * TOTAL));
        permit = _permit(TOTAL);
        _use(permit);
        vouchers.fundWithSignature(_funding(2 * TOTAL), signature, permit);
        _assertChannel(1, 2 * TOTAL, 0, 0);
    }

    /// ERC-1271, and nothing more once the contract says no.
    function test_AContractPays() public {
        ContractWallet wallet = new ContractWallet(payer);
        _giveTokens(address(wallet));
        Funding memory funding = _funding(TOTAL);
        funding.payer = address(wallet);
        bytes memory signature = _signFunding(payerKey, funding);
        vouchers.fundWithSignature(funding, signature, _noPermit());
        assertEq(vouchers.channelOf(address(wallet), operators[0].id, voucherSigner).deposited, TOTAL);
        assertEq(opg.balanceOf(address(wallet)), WALLET - TOTAL);

        funding.totalDeposited = TOTAL + 1;
        signature = _signFunding(payerKey, funding);
        wallet.close();
        _expectInvalid(funding);
        vouchers.fundWithSignature(funding, signature, _noPermit());
    }

    /// A signed funding holds for what it says and nothing else.
    function testFuzz_RevertWhen_AFundingIsChanged(uint256 field, uint256 value) public {
        Funding memory funding = _funding(TOTAL);
        bytes memory signature = _signFunding(payerKey, funding);
        bytes32 before = _fundingHash(funding);
        field %= 6;
        if (field == 0) funding.payer = address(uint160(value));
        if (field == 1) funding.operatorId = uint32(value);
        if (field == 2) funding.voucherKey = address(uint160(value));
        if (field == 3) funding.opening = uint24(value);
        if (field == 4) funding.totalDeposited = uint96(value);
        if (field == 5) funding.deadline = value;
        vm.assume(_fundingHash(funding) != before && funding.payer.code.length == 0);
        _expectInvalid(funding);
        vouchers.fundWithSignature(funding, signature, _noPermit());
    }

    function test_RevertWhen_AFundingWasSignedForElsewhere() public {
        Funding memory funding = _funding(TOTAL);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 domain = _otherDomain("OpenGradient VoucherEscrow", address(vouchers), i);
            bytes memory signature = _sign(payerKey, _digest(domain, _fundingHash(funding)));
            _expectInvalid(funding);
            vouchers.fundWithSignature(funding, signature, _noPermit());
        }
    }

    /// After a fork the domain is the new chain's.
    function test_RevertWhen_TheChainHasForked() public {
        Funding memory funding = _funding(TOTAL);
        bytes memory signature = _signFunding(payerKey, funding);
        vm.chainId(block.chainid + 1);
        voucherDomain = _domain("OpenGradient VoucherEscrow", block.chainid, address(vouchers));
        assertEq(vouchers.domainSeparator(), voucherDomain);
        _expectInvalid(funding);
        vouchers.fundWithSignature(funding, signature, _noPermit());
        vouchers.fundWithSignature(funding, _signFunding(payerKey, funding), _noPermit());
    }

    function test_RevertWhen_TheSignatureIsNone() public {
        Funding memory funding = _funding(TOTAL);
        bytes32 digest = _digest(voucherDomain, _fundingHash(funding));
        bytes[5] memory wrong = [
            _highS(payerKey, digest),
            _sign(voucherKey, digest),
            bytes(""),
            new bytes(65),
            bytes.concat(_sign(payerKey, digest), hex"00")
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            _expectInvalid(funding);
            vouchers.fundWithSignature(funding, wrong[i], _noPermit());
        }
        funding.payer = address(0); // what a bad signature recovers to
        _expectInvalid(funding);
        vouchers.fundWithSignature(funding, new bytes(65), _noPermit());
    }

    /// Nobody signs for an account that has neither key nor code of its own.
    function test_RevertWhen_ThePayerIsAPrecompile() public {
        for (uint160 account = 0; account < 11; ++account) {
            Funding memory funding = _funding(TOTAL);
            funding.payer = address(account);
            _expectInvalid(funding);
            vouchers.fundWithSignature(funding, new bytes(65), _noPermit());
            _expectInvalid(funding);
            vouchers.fundWithSignature(funding, "", _noPermit());
        }
    }

    /// The same funding a second time, in its channel and after it.
    function test_RevertWhen_AFundingIsReplayed() public {
        Funding memory funding = _funding(TOTAL);
        bytes memory signature = _signFunding(payerKey, funding);
        vouchers.fundWithSignature(funding, signature, _noPermit());
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.AlreadyFunded.selector, TOTAL, TOTAL));
        vouchers.fundWithSignature(funding, signature, _noPermit());
        _exit();
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.WrongOpening.selector, 1, 2));
        vouchers.fundWithSignature(funding, signature, _noPermit());
    }

    /* PAUSE */

    function test_PausingStopsOnlyNewMoney() public {
        _fund(TOTAL);
        Permit memory permit = _permit(TOTAL);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.NewChannelsPaused(true);
        vm.prank(GOVERNOR);
        vouchers.setChannelsPaused(true);
        assertTrue(vouchers.channelsPaused());
        Funding memory funding = _funding(TOTAL + 1);
        bytes memory signature = _signFunding(payerKey, funding);
        vm.startPrank(payer);
        vm.expectRevert(IVoucherEscrow.ChannelsPaused.selector);
        vouchers.fund(funding);
        vm.expectRevert(IVoucherEscrow.ChannelsPaused.selector);
        vouchers.fundWithPermit(funding, permit);
        vm.expectRevert(IVoucherEscrow.ChannelsPaused.selector);
        vouchers.fundWithSignature(funding, signature, permit);
        vm.stopPrank();

        assertEq(_claim(_voucher(1, 2 ether)), 2 ether);
        _exit();
        assertEq(staking.harvest(operators[0].id, address(vouchers)), 2 ether);
        assertEq(opg.balanceOf(address(vouchers)), 0);

        vm.prank(GOVERNOR);
        vouchers.setChannelsPaused(false);
        _reopen(2, TOTAL);
        _assertChannel(2, TOTAL, 0, 0);
    }

    function test_RevertWhen_AStrangerPauses() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        vouchers.setChannelsPaused(true);
    }

    function _forbid() private {
        vm.prank(payer);
        opg.approve(address(vouchers), 0);
    }

    function _use(Permit memory permit) private {
        vm.prank(stranger);
        OPG(address(opg)).permit(payer, address(vouchers), permit.value, permit.deadline, permit.v, permit.r, permit.s);
    }

    function _expectInvalid(Funding memory funding) private {
        bytes32 digest = _digest(voucherDomain, _fundingHash(funding));
        vm.expectRevert(abi.encodeWithSelector(IVoucherEscrow.InvalidSignature.selector, funding.payer, digest));
    }
}
