// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {ContractWallet} from "../../mocks/ContractWallet.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Registering and rotating signers.
contract OperatorStakingRegisterTest is JobFixture {
    address private owner = makeAddr("owner");
    address private signer;
    uint256 private signerKey;

    function setUp() public override {
        super.setUp();
        (signer, signerKey) = makeAddrAndKey("signer");
    }

    function test_RegistersWithTheSignersConsent() public {
        bytes memory consent = _consent(owner, signer, signerKey);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.OperatorRegistered(6, owner, signer);
        vm.prank(owner);
        assertEq(staking.register(signer, type(uint256).max, consent), 6);
        assertEq(staking.operatorOf(owner), 6);
        assertEq(staking.operatorOfSigner(signer), 6);
        assertEq(staking.signerOf(6), signer);
        assertEq(staking.stakeOf(6).owner, owner);
        assertEq(staking.operatorCount(), 6);
    }

    function test_AnOwnerMayBeItsOwnSigner() public {
        vm.prank(owner);
        uint32 id = staking.register(owner, 0, "");
        assertEq(staking.signerOf(id), owner);
    }

    function test_AContractMayBeASigner() public {
        ContractWallet wallet = new ContractWallet(signer);
        bytes memory consent = _consent(owner, address(wallet), signerKey);
        vm.prank(owner);
        assertEq(staking.signerOf(staking.register(address(wallet), type(uint256).max, consent)), address(wallet));
    }

    function test_RevertWhen_RegisteredTwice() public {
        vm.startPrank(owner);
        staking.register(owner, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.AlreadyRegistered.selector, owner, 6));
        staking.register(owner, 0, "");
        vm.stopPrank();
    }

    /// Nobody claims a stranger's key first: the consent names the owner.
    function test_RevertWhen_AConsentIsFrontRun() public {
        bytes memory consent = _consent(owner, signer, signerKey);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InvalidSignerConsent.selector, signer));
        staking.register(signer, type(uint256).max, consent);
        vm.prank(owner);
        staking.register(signer, type(uint256).max, consent);
    }

    function test_RevertWhen_TheSignerIsTaken() public {
        Operator memory other = operators[0];
        bytes memory consent = _consent(owner, other.signer, other.signerKey);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.SignerTaken.selector, other.signer, other.id));
        staking.register(other.signer, type(uint256).max, consent);
    }

    /// A signer that was rotated away belongs to its operator for ever.
    function test_RevertWhen_TheSignerWasAnothersOnce() public {
        Operator memory other = operators[0];
        _rotate(signer, signerKey);
        bytes memory consent = _consent(owner, other.signer, other.signerKey);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.SignerTaken.selector, other.signer, other.id));
        staking.register(other.signer, type(uint256).max, consent);
    }

    function test_RevertWhen_TheSignerIsZero() public {
        vm.prank(owner);
        vm.expectRevert(IOperatorStaking.ZeroAddress.selector);
        staking.register(address(0), 0, "");
    }

    function test_RevertWhen_TheConsentHasExpired() public {
        uint256 deadline = block.timestamp + 5;
        bytes memory consent = _consentUntil(deadline, owner, signer, signerKey);
        _pass(6);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ConsentExpired.selector, deadline));
        staking.register(signer, deadline, consent);
    }

    function test_RevertWhen_TheDeadlineIsNotTheSignedOne() public {
        bytes memory consent = _consentUntil(block.timestamp, owner, signer, signerKey);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InvalidSignerConsent.selector, signer));
        staking.register(signer, block.timestamp + 1, consent);
    }

    /// R1
    function test_RevertWhen_TheConsentIsForAnotherChainOrDeployment() public {
        bytes memory consent = _consent(owner, signer, signerKey);
        bytes memory wanted = abi.encodeWithSelector(IOperatorStaking.InvalidSignerConsent.selector, signer);
        OperatorStaking other = OperatorStaking(
            _deploy("OperatorStaking", abi.encode(opg, escrow, authority, UNBONDING_SECONDS))
        );
        vm.startPrank(owner);
        vm.expectRevert(wanted);
        other.register(signer, type(uint256).max, consent);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(wanted);
        staking.register(signer, type(uint256).max, consent);
        vm.stopPrank();
    }

    function test_RotatingKeepsTheHistory() public {
        Operator memory operator = operators[0];
        uint48 before = uint48(block.timestamp);
        _pass(10);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.SignerRotated(operator.id, signer);
        _rotate(signer, signerKey);
        assertEq(staking.signerOf(operator.id), signer);
        assertEq(staking.signerAt(operator.id, before), operator.signer);
        assertEq(staking.signerAt(operator.id, uint48(block.timestamp) - 1), operator.signer);
        assertEq(staking.signerAt(operator.id, uint48(block.timestamp)), operator.signer, "until this second's end");
        assertEq(staking.signerAt(operator.id, uint48(block.timestamp) + 1), signer);
        assertEq(staking.signerAt(operator.id, before - 2 days), address(0));
        assertEq(staking.operatorOfSigner(operator.signer), operator.id);
        _pass(10);
        _rotate(operator.signer, operator.signerKey);
        assertEq(staking.signerOf(operator.id), operator.signer);
    }

    /// Who signs in the present second is settled: what somebody checked against it stays true.
    function testFuzz_ThePresentSecondsSignerNeverChanges(uint256 rotations) public {
        Operator memory operator = operators[0];
        uint48 present = uint48(block.timestamp);
        for (uint256 i = 1; i <= 1 + (rotations % 4); ++i) {
            (signer, signerKey) = makeAddrAndKey(string(abi.encodePacked("signer", i)));
            _rotate(signer, signerKey);
            assertEq(staking.signerOf(operator.id), signer, "at once");
            assertEq(staking.signerAt(operator.id, present), operator.signer);
            assertEq(staking.signerAt(operator.id, present + 1), signer, "the last one counts");
        }
        _pass(1);
        _rotate(operator.signer, operator.signerKey);
        assertEq(staking.signerAt(operator.id, present), operator.signer);
        assertEq(staking.signerAt(operator.id, present + 1), signer);
        assertEq(staking.signerAt(operator.id, present + 2), operator.signer);
    }

    function test_ANewOperatorSignsFromTheNextSecond() public {
        vm.prank(owner);
        uint32 id = staking.register(owner, 0, "");
        assertEq(staking.signerAt(id, uint48(block.timestamp)), address(0));
        assertEq(staking.signerAt(id, uint48(block.timestamp) + 1), owner);
    }

    function test_RevertWhen_AStrangerRotates() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotRegistered.selector, stranger));
        staking.rotateSigner(stranger, 0, "");
    }

    function _rotate(address to, uint256 key) private {
        bytes memory consent = _consent(operators[0].owner, to, key);
        vm.prank(operators[0].owner);
        staking.rotateSigner(to, type(uint256).max, consent);
    }
}
