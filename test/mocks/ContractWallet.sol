// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A contract account: its owner's signature is its own (ERC-1271), until it is closed.
contract ContractWallet is IERC1271 {
    address private immutable OWNER;
    bool private _closed;

    constructor(address owner) {
        OWNER = owner;
    }

    function close() external {
        _closed = true;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return !_closed && ECDSA.recover(hash, signature) == OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}
