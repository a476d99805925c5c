// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

/// @notice Reads the columns of a file in test/vectors, which src/protocol computed.
abstract contract Vectors is Test {
    uint256 private constant LEAST_CASES = 200;

    string private _json;

    function _open(string memory name) internal {
        _json = vm.readFile(string.concat("test/vectors/", name, ".json"));
    }

    /// @dev A check that runs over no cases proves nothing.
    function _assertEnough(uint256 cases) internal pure {
        assertGe(cases, LEAST_CASES, "too few cases");
    }

    function _uint(string memory name) internal view returns (uint256) {
        return vm.parseJsonUint(_json, string.concat(".", name));
    }

    function _address(string memory name) internal view returns (address) {
        return vm.parseJsonAddress(_json, string.concat(".", name));
    }

    function _bytes32(string memory name) internal view returns (bytes32) {
        return vm.parseJsonBytes32(_json, string.concat(".", name));
    }

    function _uints(string memory name) internal view returns (uint256[] memory) {
        return vm.parseJsonUintArray(_json, string.concat(".", name));
    }

    function _addresses(string memory name) internal view returns (address[] memory) {
        return vm.parseJsonAddressArray(_json, string.concat(".", name));
    }

    function _words(string memory name) internal view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(_json, string.concat(".", name));
    }

    function _bools(string memory name) internal view returns (bool[] memory) {
        return vm.parseJsonBoolArray(_json, string.concat(".", name));
    }

    function _strings(string memory name) internal view returns (string[] memory) {
        return vm.parseJsonStringArray(_json, string.concat(".", name));
    }

    function _byteStrings(string memory name) internal view returns (bytes[] memory) {
        return vm.parseJsonBytesArray(_json, string.concat(".", name));
    }

    /// @dev A list in one cell: its words one after another.
    function _list(bytes memory packed) internal pure returns (bytes32[] memory words) {
        assertEq(packed.length % 32, 0);
        words = new bytes32[](packed.length / 32);
        for (uint256 i = 0; i < words.length; ++i) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(add(packed, 0x20), mul(i, 0x20)))
            }
            words[i] = word;
        }
    }
}
