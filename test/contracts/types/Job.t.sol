// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {Job, JobLib} from "../../../contracts/types/Job.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `JobLib` and the escrow against the values `src/protocol/job.ts` computes.
contract JobVectorsTest is Vectors {
    Job[] private _jobs;

    function hash(Job calldata job) external pure returns (bytes32) {
        return JobLib.hash(job);
    }

    function key(Job calldata job) external pure returns (uint224) {
        return JobLib.keyOf(job.nonce);
    }

    function sequence(Job calldata job) external pure returns (uint32) {
        return JobLib.sequenceOf(job.nonce);
    }

    function split(Job calldata job) external pure returns (uint256, uint256, uint256) {
        return JobLib.split(job.fee, job.royaltyPpm, job.protocolFeePpm);
    }

    function test_StructHashAndJobIdMatchTypeScript() public {
        _readJobs();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory jobIds = _words("jobId");
        bytes32 separator = _bytes32("domainSeparator");
        _assertEnough(structHashes.length);
        assertEq(jobIds.length, _jobs.length);
        for (uint256 i = 0; i < structHashes.length; ++i) {
            Job memory job = _jobs[i];
            bytes32 structHash = this.hash(job);
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(separator, structHash), jobIds[i]);
            assertEq(this.key(job), job.nonce >> 32);
            assertEq(this.sequence(job), job.nonce & type(uint32).max);
        }
    }

    function test_DeployedEscrowAgreesOnDomainAndJobIds() public {
        _readJobs();
        JobEscrow escrow = _deployEscrowAt(_address("escrow"), _uint("chainId"));
        assertEq(escrow.domainSeparator(), _bytes32("domainSeparator"));
        bytes32[] memory jobIds = _words("jobId");
        _assertEnough(jobIds.length);
        for (uint256 i = 0; i < jobIds.length; ++i) {
            assertEq(escrow.jobIdOf(_jobs[i]), jobIds[i]);
        }
    }

    function test_FeeSplitMatchesTypeScript() public {
        _open("feeSplit");
        uint256[] memory fees = _uints("fee");
        uint256[] memory royaltyPpms = _uints("royaltyPpm");
        uint256[] memory protocolFeePpms = _uints("protocolFeePpm");
        uint256[] memory earners = _uints("earners");
        uint256[] memory royalties = _uints("royalty");
        uint256[] memory protocolFees = _uints("protocolFee");
        _assertEnough(fees.length);
        Job memory job;
        for (uint256 i = 0; i < fees.length; ++i) {
            job.fee = uint128(fees[i]);
            job.royaltyPpm = uint32(royaltyPpms[i]);
            job.protocolFeePpm = uint32(protocolFeePpms[i]);
            (uint256 toEarners, uint256 royalty, uint256 protocolFee) = this.split(job);
            assertEq(toEarners, earners[i]);
            assertEq(royalty, royalties[i]);
            assertEq(protocolFee, protocolFees[i]);
            assertEq(toEarners + royalty + protocolFee, fees[i]);
        }
    }

    function _readJobs() private {
        _open("job");
        address[] memory addresses = _addresses("payer");
        for (uint256 i = 0; i < addresses.length; ++i) {
            _jobs.push().payer = addresses[i];
        }
        addresses = _addresses("verifier");
        for (uint256 i = 0; i < addresses.length; ++i) {
            _jobs[i].verifier = addresses[i];
        }
        addresses = _addresses("consumer");
        for (uint256 i = 0; i < addresses.length; ++i) {
            _jobs[i].consumer = addresses[i];
        }
        _readWords();
        _readNumbers();
    }

    function _readWords() private {
        bytes32[] memory words = _words("modelId");
        for (uint256 i = 0; i < words.length; ++i) {
            _jobs[i].modelId = words[i];
        }
        words = _words("inputHash");
        for (uint256 i = 0; i < words.length; ++i) {
            _jobs[i].inputHash = words[i];
        }
        words = _words("inputUriHash");
        for (uint256 i = 0; i < words.length; ++i) {
            _jobs[i].inputUriHash = words[i];
        }
        words = _words("verifierData");
        for (uint256 i = 0; i < words.length; ++i) {
            _jobs[i].verifierData = words[i];
        }
    }

    function _readNumbers() private {
        uint256[] memory gasLimits = _uints("consumerGasLimit");
        uint256[] memory fees = _uints("fee");
        uint256[] memory royaltyPpms = _uints("royaltyPpm");
        uint256[] memory protocolFeePpms = _uints("protocolFeePpm");
        uint256[] memory expiries = _uints("expiresAt");
        uint256[] memory nonces = _uints("nonce");
        for (uint256 i = 0; i < _jobs.length; ++i) {
            _jobs[i].consumerGasLimit = uint32(gasLimits[i]);
            _jobs[i].fee = uint128(fees[i]);
            _jobs[i].royaltyPpm = uint32(royaltyPpms[i]);
            _jobs[i].protocolFeePpm = uint32(protocolFeePpms[i]);
            _jobs[i].expiresAt = uint40(expiries[i]);
            _jobs[i].nonce = nonces[i];
        }
    }

    /// @dev The domain holds the address, so the shipped bytecode is put where the vectors say.
    function _deployEscrowAt(address where, uint256 chainId) private returns (JobEscrow) {
        vm.chainId(chainId);
        address opg = deployCode("OPG.sol:OPG", abi.encode(address(this)));
        address authority = address(new AccessManager(address(this)));
        deployCodeTo("JobEscrow.sol:JobEscrow", abi.encode(opg, address(1), authority, address(1), uint32(0)), where);
        return JobEscrow(where);
    }
}
