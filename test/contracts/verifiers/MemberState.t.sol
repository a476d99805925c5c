// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {Member} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {MemberState, MemberStateLib} from "../../../contracts/verifiers/MemberState.sol";

/// The packed word against a plain struct.
contract MemberStateTest is Test {
    uint256 private constant MAX_UNITS = type(uint56).max;

    function withShare(MemberState state, uint256 units, uint256 at) external pure returns (MemberState) {
        return state.withShare(units, at);
    }

    function unlock(MemberState state, uint256 units) external pure returns (MemberState) {
        return state.unlock(units);
    }

    function earn(MemberState state, uint256 amount) external pure returns (MemberState) {
        return state.earn(amount);
    }

    function testFuzz_EachChangeTouchesItsFieldsOnly(Member memory member, uint256 how, uint256 value) public pure {
        MemberState state = _pack(member);
        _assertSame(state, member);
        how %= 5;
        if (how == 0) {
            (member.share, member.changedAt) = (uint56(value), uint40(value >> 56));
            state = state.withShare(member.share, member.changedAt);
        } else if (how == 1) {
            uint56 units = uint56(bound(value, 0, MAX_UNITS - member.locked));
            member.locked += units;
            state = state.lock(units);
        } else if (how == 2) {
            uint56 units = uint56(bound(value, 0, member.locked));
            member.locked -= units;
            state = state.unlock(units);
        } else if (how == 3) {
            uint96 amount = uint96(bound(value, 0, type(uint96).max - member.earnings));
            member.earnings += amount;
            state = state.earn(amount);
        } else {
            member.earnings = 0;
            state = state.withoutEarnings();
        }
        _assertSame(state, member);
    }

    function testFuzz_RevertWhen_AFieldWouldOverflow(Member memory member, uint256 excess) public {
        MemberState state = _pack(member);
        excess = bound(excess, 1, type(uint96).max);
        _expectOverflow(MAX_UNITS + excess, MAX_UNITS);
        this.withShare(state, MAX_UNITS + excess, 1);
        _expectOverflow(uint256(member.locked) + excess, member.locked);
        this.unlock(state, uint256(member.locked) + excess);
        uint256 room = type(uint96).max - member.earnings;
        _expectOverflow(uint256(type(uint96).max) + excess, type(uint96).max);
        this.earn(state, room + excess);
    }

    function _expectOverflow(uint256 value, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(MemberStateLib.MemberFieldOverflow.selector, value, limit));
    }

    /// @dev By the changes themselves, in another order than the fields stand in.
    function _pack(Member memory member) private pure returns (MemberState state) {
        return state.earn(member.earnings).lock(member.locked).withShare(member.share, member.changedAt);
    }

    function _assertSame(MemberState state, Member memory member) private pure {
        assertEq(state.share(), member.share, "share");
        assertEq(state.locked(), member.locked, "locked");
        assertEq(state.earnings(), member.earnings, "earnings");
        assertEq(state.changedAt(), member.changedAt, "changedAt");
        assertEq(MemberState.unwrap(state) & type(uint8).max, 0, "unused");
    }
}
