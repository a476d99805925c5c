// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice An amount of stake units rounded down to ten binary digits, in 16 bits: mantissa 10 | exponent 6. Of the
/// amount at most one part in 512 is lost.
library RoundedShare {
    uint256 private constant MANTISSA_BITS = 10;
    uint256 private constant EXPONENT_BITS = 6;

    /// @param units At most 56 bits, so that the exponent is at most 46
    function round(uint256 units) internal pure returns (uint256) {
        uint256 exponent = units >> MANTISSA_BITS == 0 ? 0 : Math.log2(units) - (MANTISSA_BITS - 1);
        return ((units >> exponent) << EXPONENT_BITS) | exponent;
    }

    function unitsOf(uint256 rounded) internal pure returns (uint256) {
        return (rounded >> EXPONENT_BITS) << (rounded & ((1 << EXPONENT_BITS) - 1));
    }
}
