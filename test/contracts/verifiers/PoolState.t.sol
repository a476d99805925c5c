// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {PoolState, PoolStateLib} from "../../../contracts/verifiers/PoolState.sol";
import {RoundedShare} from "../../../contracts/verifiers/RoundedShare.sol";

/// The packed word against a plain struct.
contract PoolStateTest is Test {
    struct Pool {
        uint16 minCommitWindowSeconds;
        uint16 minRevealWindowSeconds;
        uint16 minSettleWindowSeconds;
        uint24 minBondPpm;
        uint32 minBondUnits;
        uint56 share;
        uint56 shareBefore; // strictly before `changedAt`
        uint40 changedAt;
    }

    function withShare(PoolState state, uint256 units) external view returns (PoolState) {
        return state.withShare(units);
    }

    /// Any changes in any order, some in the same second.
    function testFuzz_EachChangeTouchesItsFieldsOnly(uint256[8] memory values, uint8[8] memory waits) public {
        PoolState state;
        Pool memory pool;
        for (uint256 i = 0; i < values.length; ++i) {
            vm.warp(block.timestamp + (waits[i] % 3));
            uint256 value = uint256(keccak256(abi.encode(values[i])));
            if (values[i] % 3 == 0) {
                state = _bound(state, pool, value);
            } else {
                if (pool.changedAt != block.timestamp) pool.shareBefore = pool.share;
                pool.share = uint56(value) >> (value >> 248) % 56;
                pool.changedAt = uint40(block.timestamp);
                state = state.withShare(pool.share);
            }
            _assertSame(state, pool);
        }
    }

    function testFuzz_WhatChangesNowCountsAfterwards(uint56 first, uint56 second) public {
        vm.warp(1_800_000_000);
        PoolState state = PoolState.wrap(0).withShare(first);
        assertEq(state.roundedBeforeNow(), 0);
        vm.warp(block.timestamp + 1);
        assertEq(state.roundedBeforeNow(), RoundedShare.round(first));
        state = state.withShare(second);
        assertEq(state.roundedBeforeNow(), RoundedShare.round(first));
        state = state.withShare(0).withShare(second);
        assertEq(state.roundedBeforeNow(), RoundedShare.round(first), "however often it changes in a second");
        vm.warp(block.timestamp + 1);
        assertEq(state.roundedBeforeNow(), RoundedShare.round(second));
    }

    function testFuzz_RevertWhen_TheShareWouldOverflow(uint256 word, uint256 units) public {
        units = bound(units, uint256(type(uint56).max) + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(PoolStateLib.PoolShareOverflow.selector, units, type(uint56).max));
        this.withShare(PoolState.wrap(word), units);
    }

    function _bound(PoolState state, Pool memory pool, uint256 value) private pure returns (PoolState) {
        pool.minCommitWindowSeconds = uint16(value);
        pool.minRevealWindowSeconds = uint16(value >> 16);
        pool.minSettleWindowSeconds = uint16(value >> 32);
        pool.minBondPpm = uint24(value >> 48);
        pool.minBondUnits = uint32(value >> 72);
        return
            state.withBounds(
                pool.minCommitWindowSeconds,
                pool.minRevealWindowSeconds,
                pool.minSettleWindowSeconds,
                pool.minBondPpm,
                pool.minBondUnits
            );
    }

    function _assertSame(PoolState state, Pool memory pool) private view {
        (uint256 commits, uint256 reveals, uint256 settles) = state.minWindows();
        (uint256 ppm, uint256 units) = state.minBond();
        assertEq(commits, pool.minCommitWindowSeconds, "commit");
        assertEq(reveals, pool.minRevealWindowSeconds, "reveal");
        assertEq(settles, pool.minSettleWindowSeconds, "settle");
        assertEq(ppm, pool.minBondPpm, "ppm");
        assertEq(units, pool.minBondUnits, "units");
        assertEq(state.share(), pool.share, "share");
        uint56 before = pool.changedAt == block.timestamp ? pool.shareBefore : pool.share;
        assertEq(state.roundedBeforeNow(), RoundedShare.round(before), "before now");
    }
}
