// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice The consent `OperatorStaking` checks against the values `src/protocol/signerConsent.ts` computes.
contract SignerConsentVectorsTest is Vectors {
    function test_DomainStructHashAndDigestMatchTypeScript() public {
        _open("signerConsent");
        OperatorStaking staking = _deployStakingAt(_address("staking"), _uint("chainId"));
        bytes32 separator = _bytes32("domainSeparator");
        assertEq(staking.domainSeparator(), separator);
        bytes32 typeHash = staking.CONSENT_TYPEHASH();

        address[] memory owners = _addresses("owner");
        address[] memory signers = _addresses("signer");
        uint256[] memory deadlines = _uints("deadline");
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory digests = _words("digest");
        _assertEnough(digests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            bytes32 structHash = keccak256(abi.encode(typeHash, owners[i], signers[i], deadlines[i]));
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(separator, structHash), digests[i]);
        }
    }

    /// @dev The domain holds the address, so the shipped bytecode is put where the vectors say.
    function _deployStakingAt(address where, uint256 chainId) private returns (OperatorStaking) {
        vm.chainId(chainId);
        address opg = deployCode("OPG.sol:OPG", abi.encode(address(this)));
        address authority = address(new AccessManager(address(this)));
        deployCodeTo(
            "OperatorStaking.sol:OperatorStaking",
            abi.encode(opg, address(1), authority, uint40(14 days)),
            where
        );
        return OperatorStaking(where);
    }
}
