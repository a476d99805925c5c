// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {OPG} from "../../../contracts/token/OPG.sol";
import {Network} from "../../support/Network.sol";

contract OPGTest is Network {
    bytes32 private constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    OPG private token;
    address private holder;
    uint256 private holderKey;
    address private friend = makeAddr("friend");

    function setUp() public {
        vm.warp(1_800_000_000);
        (holder, holderKey) = makeAddrAndKey("holder");
        token = OPG(_deploy("OPG", abi.encode(holder)));
    }

    function test_HoldsTheWholeSupplyInOneHand() public view {
        assertEq(token.totalSupply(), 1_000_000_000e18);
        assertEq(token.totalSupply(), token.INITIAL_SUPPLY());
        assertEq(token.balanceOf(holder), token.INITIAL_SUPPLY());
        assertEq(token.decimals(), 18);
        assertEq(token.name(), "OpenGradient");
        assertEq(token.symbol(), "OPG");
    }

    function test_SupplyFitsStaking() public view {
        assertLe(token.totalSupply(), type(uint96).max);
    }

    function test_PermitGivesAnAllowanceOnce() public {
        uint256 deadline = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) = _permit(5, deadline);
        token.permit(holder, friend, 5, deadline, v, r, s);
        assertEq(token.allowance(holder, friend), 5);

        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        token.permit(holder, friend, 5, deadline, v, r, s);
    }

    function test_RevertWhen_PermitIsPastItsDeadline() public {
        uint256 deadline = block.timestamp - 1;
        (uint8 v, bytes32 r, bytes32 s) = _permit(5, deadline);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, deadline));
        token.permit(holder, friend, 5, deadline, v, r, s);
    }

    function test_RevertWhen_PermitIsForAnotherChain() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5, type(uint256).max);
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        token.permit(holder, friend, 5, type(uint256).max, v, r, s);
    }

    function test_AuthorisationTransfersOnce() public {
        bytes32 nonce = keccak256("nonce");
        (uint8 v, bytes32 r, bytes32 s) = _authorisation(friend, 7, nonce);
        token.transferWithAuthorization(holder, friend, 7, 0, block.timestamp + 1, nonce, v, r, s);
        assertEq(token.balanceOf(friend), 7);
        assertTrue(token.authorizationState(holder, nonce));

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, holder, nonce));
        token.transferWithAuthorization(holder, friend, 7, 0, block.timestamp + 1, nonce, v, r, s);
    }

    function test_RevertWhen_AuthorisationNamesAnotherRecipient() public {
        (uint8 v, bytes32 r, bytes32 s) = _authorisation(friend, 7, 0);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        token.transferWithAuthorization(holder, address(this), 7, 0, block.timestamp + 1, 0, v, r, s);
    }

    function test_RevertWhen_SpendingMoreThanHeld() public {
        vm.prank(friend);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, friend, 0, 1));
        token.transfer(holder, 1);
    }

    function testFuzz_TransferMovesExactly(uint256 amount) public {
        amount = bound(amount, 0, token.INITIAL_SUPPLY());
        vm.prank(holder);
        token.transfer(friend, amount);
        assertEq(token.balanceOf(friend), amount);
        assertEq(token.balanceOf(holder), token.INITIAL_SUPPLY() - amount);
    }

    function _permit(uint256 value, uint256 deadline) private view returns (uint8, bytes32, bytes32) {
        return
            _signStruct(keccak256(abi.encode(PERMIT_TYPEHASH, holder, friend, value, token.nonces(holder), deadline)));
    }

    function _authorisation(address to, uint256 value, bytes32 nonce) private view returns (uint8, bytes32, bytes32) {
        return _signStruct(keccak256(abi.encode(TRANSFER_TYPEHASH, holder, to, value, 0, block.timestamp + 1, nonce)));
    }

    function _signStruct(bytes32 structHash) private view returns (uint8, bytes32, bytes32) {
        return vm.sign(holderKey, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), structHash)));
    }
}
