// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {LogState, LogStateLib} from "../../../contracts/calls/LogState.sol";

/// The packed word against a plain struct.
contract LogStateTest is Test {
    struct Log {
        address signer;
        uint48 batchCount;
        uint24 incarnation;
    }

    function withOneMoreBatch(LogState state) external pure returns (LogState) {
        return state.withOneMoreBatch();
    }

    function withIncarnation(LogState state, uint256 number) external pure returns (LogState) {
        return state.withIncarnation(number);
    }

    function testFuzz_EachChangeTouchesItsFieldsOnly(Log memory log, uint256[6] memory how) public pure {
        LogState state = _pack(log);
        _assertSame(state, log);
        for (uint256 i = 0; i < how.length; ++i) {
            uint256 value = how[i] >> 8;
            if (how[i] % 3 == 0) {
                log.signer = address(uint160(value));
                state = state.withSigner(log.signer);
            } else if (how[i] % 3 == 1) {
                log.incarnation = uint24(value);
                state = state.withIncarnation(log.incarnation);
            } else if (log.batchCount < type(uint48).max) {
                ++log.batchCount;
                state = state.withOneMoreBatch();
            }
            _assertSame(state, log);
        }
    }

    function testFuzz_RevertWhen_AFieldWouldOverflow(Log memory log, uint256 value) public {
        value = bound(value, 1 << 24, type(uint256).max);
        LogState state = _pack(log);
        _expectOverflow(value, type(uint24).max);
        this.withIncarnation(state, value);
        _expectOverflow(1 << 24, type(uint24).max);
        this.withIncarnation(state, 1 << 24);
        log.batchCount = type(uint48).max;
        state = _pack(log);
        _expectOverflow(1 << 48, type(uint48).max);
        this.withOneMoreBatch(state);
        log.batchCount = type(uint48).max - 1;
        assertEq(_pack(log).withOneMoreBatch().batchCount(), type(uint48).max);
    }

    function _expectOverflow(uint256 value, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(LogStateLib.LogFieldOverflow.selector, value, limit));
    }

    /// @dev By the layout that is drawn.
    function _pack(Log memory log) private pure returns (LogState) {
        bytes memory fields = abi.encodePacked(log.signer, log.batchCount, log.incarnation, uint24(0));
        return LogState.wrap(uint256(bytes32(fields)));
    }

    function _assertSame(LogState state, Log memory log) private pure {
        assertEq(state.signer(), log.signer, "signer");
        assertEq(state.batchCount(), log.batchCount, "batchCount");
        assertEq(state.incarnation(), log.incarnation, "incarnation");
        assertEq(LogState.unwrap(state), LogState.unwrap(_pack(log)), "layout");
    }
}
