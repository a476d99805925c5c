// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Inclusion, IReceiptLog} from "../calls/IReceiptLog.sol";
import {IOperatorStaking} from "../staking/IOperatorStaking.sol";
import {Link, Receipt, ReceiptLib} from "../types/Receipt.sol";

/// @notice Checks of receipts, for any contract that is shown one.
library ReceiptProof {
    using ReceiptLib for Receipt;

    /// @notice The signature isn't that of the signer the operator had at the statement's time.
    error InvalidStatement(address recovered, address signer);
    /// @notice The links don't lead back from the running hash, or there are too few or too many of them.
    error BrokenLink(uint256 index);

    /// @notice The receipt's id, if its operator signed it with the key it had at the receipt's time.
    /// @param log The receipt log the receipt was issued for
    /// @param signature 65 bytes: r, s, v
    function checkSigned(
        IReceiptLog log,
        IOperatorStaking staking,
        Receipt calldata receipt,
        bytes calldata signature
    ) internal view returns (bytes32 receiptId) {
        receiptId = MessageHashUtils.toTypedDataHash(log.domainSeparator(), receipt.hash());
        checkSigner(staking, receipt.operatorId, receipt.issuedAt, receiptId, signature);
    }

    /// @notice When a receipt was anchored, unix seconds; zero if the inclusion doesn't show it, or its batch is out of the
    /// operator's ring.
    function anchoredAt(
        IReceiptLog log,
        uint32 operatorId,
        bytes32 receiptId,
        Inclusion calldata inclusion
    ) internal view returns (uint256) {
        if (!isInRoot(receiptId, inclusion)) return 0;
        return log.anchoredAt(operatorId, inclusion.batch);
    }

    /// @notice Reverts unless a statement is signed by the signer its operator had at its time.
    function checkSigner(
        IOperatorStaking staking,
        uint32 operatorId,
        uint40 issuedAt,
        bytes32 digest,
        bytes calldata signature
    ) internal view {
        (address recovered, , ) = ECDSA.tryRecoverCalldata(digest, signature);
        address signer = staking.signerAt(operatorId, issuedAt);
        require(recovered != address(0) && recovered == signer, InvalidStatement(recovered, signer));
    }

    /// @notice Whether the receipt's leaf is under the inclusion's root.
    function isInRoot(bytes32 receiptId, Inclusion calldata inclusion) internal pure returns (bool) {
        return MerkleProof.verifyCalldata(inclusion.proof, inclusion.batch.root, leafOf(receiptId));
    }

    /// @notice A receipt's leaf. Hashed, so that no inner node (64 bytes) can pass for one (32 bytes).
    function leafOf(bytes32 receiptId) internal pure returns (bytes32) {
        return keccak256(abi.encode(receiptId));
    }

    /// @notice Follows a running hash back over as many parts as there are links. A running hash has only one way back.
    function rewind(bytes32 runningHash, Link[] calldata links) internal pure returns (bytes32) {
        for (uint256 i = 0; i < links.length; ++i) {
            require(ReceiptLib.extend(links[i].previousHash, links[i].partHash) == runningHash, BrokenLink(i));
            runningHash = links[i].previousHash;
        }
        return runningHash;
    }
}
