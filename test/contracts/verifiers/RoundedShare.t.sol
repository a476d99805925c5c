// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {RoundedShare} from "../../../contracts/verifiers/RoundedShare.sol";

contract RoundedShareTest is Test {
    function testFuzz_NeverAboveAndHardlyBelow(uint56 seed, uint256 bits) public pure {
        uint256 units = seed >> bound(bits, 0, 55); // as many small ones as large ones
        uint256 rounded = RoundedShare.unitsOf(RoundedShare.round(units));
        assertLe(rounded, units);
        assertLe((units - rounded) * 512, units);
        if (units < 1024) assertEq(rounded, units);
        assertLe(RoundedShare.round(units), type(uint16).max);
    }

    /// What is rounded already stays, and has one form.
    function testFuzz_RoundTrip(uint56 seed, uint256 bits) public pure {
        uint256 rounded = RoundedShare.round(seed >> bound(bits, 0, 55));
        assertEq(RoundedShare.round(RoundedShare.unitsOf(rounded)), rounded);
    }

    /// More never reads as less.
    function testFuzz_KeepsTheOrder(uint56 a, uint56 b) public pure {
        if (a > b) (a, b) = (b, a);
        assertLe(_rounded(a), _rounded(b));
    }

    function test_AtTheEdges() public pure {
        assertEq(RoundedShare.round(0), 0);
        assertEq(_rounded(1023), 1023);
        assertEq(_rounded(1024), 1024);
        assertEq(_rounded(1025), 1024);
        assertEq(_rounded(1026), 1026);
        assertEq(_rounded(2047), 2046);
        assertEq(_rounded(type(uint56).max), uint256(1023) << 46);
    }

    function _rounded(uint256 units) private pure returns (uint256) {
        return RoundedShare.unitsOf(RoundedShare.round(units));
    }
}
