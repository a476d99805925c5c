// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {LogTerms} from "../../contracts/calls/IReceiptLog.sol";
import {ReceiptLog as CallLog} from "../../contracts/calls/ReceiptLog.sol";
import {VoucherEscrow} from "../../contracts/calls/VoucherEscrow.sol";
import {JobEscrow} from "../../contracts/jobs/JobEscrow.sol";
import {IModelRegistry} from "../../contracts/models/IModelRegistry.sol";
import {OperatorStaking} from "../../contracts/staking/OperatorStaking.sol";
import {CommitRevealVerifier} from "../../contracts/verifiers/CommitRevealVerifier.sol";
import {Job, JobLib} from "../../contracts/types/Job.sol";
import {JobRef, Params} from "../../contracts/verifiers/ICommitRevealVerifier.sol";

/// @notice The network as `deploy/modules/Network.ts` wires it, deployed from the shipped bytecode.
/// @dev forge-std has a struct called ReceiptLog: ours goes by another name where it is inherited.
abstract contract Network is Test {
    address internal constant GOVERNOR = address(0x60);
    address internal constant PROTOCOL = address(0x61);
    uint32 internal constant PROTOCOL_FEE_PPM = 10_000;
    uint40 internal constant UNBONDING_SECONDS = 14 days;

    uint256 internal constant EXIT_SECONDS = 1 days;
    uint40 internal constant ANCHOR_SECONDS = 1 hours;
    uint40 internal constant CHALLENGE_SECONDS = 2 hours;
    uint40 internal constant ANSWER_SECONDS = 3 hours;
    uint40 internal constant EVIDENCE_SECONDS = 2 days;
    uint96 internal constant OMISSION_SLASH = 20 ether;
    uint96 internal constant EQUIVOCATION_SLASH = 100 ether + 19; // what doesn't divide is burnt
    uint256 internal constant CHALLENGE_BOND = 2 ether;

    IERC20 internal opg;
    AccessManager internal authority;
    /// @dev A part of the escrow.
    IModelRegistry internal models;
    JobEscrow internal escrow;
    OperatorStaking internal staking;
    CommitRevealVerifier internal verifier;
    VoucherEscrow internal vouchers;
    CallLog internal receipts;
    bytes32 private _escrowDomain;

    function _deployNetwork() internal {
        vm.warp(1_800_000_000);
        vm.roll(1_000);
        opg = IERC20(_deploy("OPG", abi.encode(address(this))));
        authority = AccessManager(_deploy("AccessManager", abi.encode(GOVERNOR)));
        escrow = JobEscrow(_deploy("JobEscrow", abi.encode(opg, authority, PROTOCOL, PROTOCOL_FEE_PPM)));
        models = escrow;
        _escrowDomain = escrow.domainSeparator();
        staking = OperatorStaking(_deploy("OperatorStaking", abi.encode(opg, escrow, authority, UNBONDING_SECONDS)));
        verifier = CommitRevealVerifier(
            _deploy("CommitRevealVerifier", abi.encode(escrow, staking, authority, _params()))
        );
        vm.prank(GOVERNOR);
        staking.permitVerifier(address(verifier), true);
    }

    /// @dev Over the escrow and the staking that are there.
    function _deployCalls() internal {
        vouchers = VoucherEscrow(_deploy("VoucherEscrow", abi.encode(escrow, staking, authority, EXIT_SECONDS)));
        receipts = CallLog(_deploy("ReceiptLog", abi.encode(vouchers, authority, _logTerms(), CHALLENGE_BOND)));
        vm.prank(GOVERNOR);
        staking.permitVerifier(address(receipts), true);
    }

    function _logTerms() internal pure returns (LogTerms memory) {
        return
            LogTerms({
                anchorSeconds: ANCHOR_SECONDS,
                challengeSeconds: CHALLENGE_SECONDS,
                answerSeconds: ANSWER_SECONDS,
                evidenceSeconds: EVIDENCE_SECONDS,
                omissionSlash: OMISSION_SLASH,
                equivocationSlash: EQUIVOCATION_SLASH
            });
    }

    function _params() internal pure returns (Params memory) {
        return
            Params({
                minCommitWindowSeconds: 4,
                minRevealWindowSeconds: 4,
                minSettleWindowSeconds: 4,
                minBondPpm: 1_000_000,
                minBondUnits: 1
            });
    }

    /// @dev Calls nothing, so that it can stand in a call that is pranked or expected to revert.
    function _ref(Job memory job) internal view returns (JobRef memory) {
        bytes32 structHash = keccak256(abi.encode(JobLib.TYPEHASH, job));
        return
            JobRef({
                jobId: keccak256(abi.encodePacked("\x19\x01", _escrowDomain, structHash)),
                payer: job.payer,
                key: uint224(job.nonce >> 32),
                terms: job.verifierData
            });
    }

    /// @dev Of a commitment, what is brought to the chain.
    function _top(bytes32 hash) internal pure returns (uint192) {
        return uint192(bytes24(hash));
    }

    /// @dev One reveal as evidence carries it, of a seat that has what settle brings.
    function _carried(uint8 seat, bytes32 salt) internal pure returns (bytes memory) {
        return abi.encodePacked(seat, salt);
    }

    /// @dev The same of a seat that has another result.
    function _carriedOther(uint8 seat, bytes32 resultHash, bytes32 salt) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(0x80 | seat), salt, resultHash);
    }

    /// @dev Rounded down to ten binary digits.
    function _tenDigits(uint256 value) internal pure returns (uint256) {
        uint256 shift = 0;
        while (value >> shift >= 1024) ++shift;
        return (value >> shift) << shift;
    }

    function _deploy(string memory name, bytes memory args) internal returns (address deployed) {
        bytes memory code = bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), args);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), string.concat("not deployed: ", name));
    }

    /// @dev By what it returns: `vm.expectRevert` lets a creation that goes through pass.
    function _expectRefusedDeploy(string memory name, bytes memory args, bytes memory wanted) internal {
        bytes memory code = bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), args);
        address deployed;
        bytes memory reason = new bytes(wanted.length);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
            if eq(returndatasize(), mload(reason)) {
                returndatacopy(add(reason, 0x20), 0, returndatasize())
            }
        }
        assertEq(deployed, address(0), "deployed");
        assertEq(reason, wanted, "refused for another reason");
    }
}
