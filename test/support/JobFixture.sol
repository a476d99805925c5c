// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobStatus} from "../../contracts/jobs/IJobEscrow.sol";
import {ModelListing} from "../../contracts/models/IModelRegistry.sol";
import {Commitment} from "../../contracts/types/Commitment.sol";
import {CommitRevealTerms, CommitRevealTermsLib} from "../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../contracts/types/Job.sol";
import {Sortition} from "../../contracts/types/Sortition.sol";
import {Member, Schedule, Seat} from "../../contracts/verifiers/ICommitRevealVerifier.sol";
import {Network} from "./Network.sol";

/// @notice A network with a bit-exact model, a funded payer and five operators with equal stakes, and one function for
/// each stop in the life of a job. With five operators and a committee of three everybody may sit from the start.
abstract contract JobFixture is Network {
    struct Operator {
        uint32 id;
        address owner;
        address signer;
        uint256 signerKey;
    }

    uint256 internal constant UNIT = 1e12;
    uint128 internal constant FEE = 3 ether + 7;
    uint56 internal constant BOND_UNITS = 4_000_000;
    uint256 internal constant BOND = uint256(BOND_UNITS) * UNIT;
    uint256 internal constant STAKE = 1_000 ether;
    uint56 internal constant STAKE_UNITS = 1_000_000_000;
    uint256 internal constant DEPOSIT = 10_000 ether;
    uint32 internal constant WINDOW = 60;
    uint32 internal constant ROYALTY_PPM = 50_000;
    uint96 internal constant PRICE = 1 ether;
    uint32 internal constant MAX_MODEL_RESULT = 64;
    uint40 internal constant JOB_SECONDS = 1 hours;
    bytes internal constant INPUT = "a picture of a digit";
    bytes internal constant RESULT = hex"00010203040506070809";
    bytes internal constant OTHER_RESULT = hex"ff";

    address internal payer;
    uint256 internal payerKey;
    address internal publisher = makeAddr("publisher");
    address internal royaltyRecipient = makeAddr("royalty recipient");
    address internal stranger = makeAddr("stranger");
    bytes32 internal modelId;
    Operator[] internal operators;

    function setUp() public virtual {
        _deployNetwork();
        (payer, payerKey) = makeAddrAndKey("payer");
        vm.prank(publisher);
        modelId = models.publish(_listing(), "ipfs://manifest");
        _fund(payer, DEPOSIT);
        for (uint256 i = 0; i < 5; ++i) {
            _addOperator(STAKE);
        }
        _pass(1 days);
    }

    /* PARTIES */

    function _listing() internal view returns (ModelListing memory) {
        return
            ModelListing({
                manifestHash: keccak256("manifest"),
                graphRoot: 0,
                weightRoot: 0,
                bitExact: true,
                maxResultBytes: MAX_MODEL_RESULT,
                price: PRICE,
                royaltyPpm: ROYALTY_PPM,
                royaltyRecipient: royaltyRecipient
            });
    }

    /// @dev Puts OPG into an account's ledger balance.
    function _fund(address account, uint256 amount) internal {
        opg.approve(address(escrow), amount);
        escrow.deposit(account, amount);
    }

    function _newOperator() internal returns (Operator memory operator) {
        string memory name = string.concat("operator ", vm.toString(operators.length));
        operator.owner = makeAddr(name);
        (operator.signer, operator.signerKey) = makeAddrAndKey(string.concat(name, "'s signer"));
        bytes memory consent = _consent(operator.owner, operator.signer, operator.signerKey);
        vm.prank(operator.owner);
        operator.id = staking.register(operator.signer, type(uint256).max, consent);
        operators.push(operator);
    }

    function _addOperator(uint256 amount) internal returns (Operator memory operator) {
        operator = _newOperator();
        _stake(operator, amount);
        _join(operator, amount);
    }

    function _stake(Operator memory operator, uint256 amount) internal {
        opg.transfer(operator.owner, amount);
        vm.startPrank(operator.owner);
        opg.approve(address(staking), amount);
        staking.stake(amount);
        vm.stopPrank();
    }

    function _join(Operator memory operator, uint256 amount) internal {
        vm.startPrank(operator.owner);
        staking.allowVerifier(address(verifier), type(uint96).max);
        verifier.join(amount);
        vm.stopPrank();
    }

    function _leave(Operator memory operator, uint256 amount) internal {
        vm.prank(operator.owner);
        verifier.leave(amount);
    }

    /// @dev A consent that never expires.
    function _consent(address owner, address signer, uint256 signerKey) internal view returns (bytes memory) {
        return _consentUntil(type(uint256).max, owner, signer, signerKey);
    }

    function _consentUntil(
        uint256 deadline,
        address owner,
        address signer,
        uint256 signerKey
    ) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(staking.CONSENT_TYPEHASH(), owner, signer, deadline));
        return _sign(signerKey, _digest(staking.domainSeparator(), structHash));
    }

    function _digest(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", domainSeparator, structHash));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /* TIME */

    function _pass(uint256 secs) internal {
        vm.roll(block.number + secs);
        vm.warp(block.timestamp + secs);
    }

    function _passTo(uint256 timestamp) internal {
        if (timestamp > block.timestamp) _pass(timestamp - block.timestamp);
    }

    /// @dev To the first block in which the seed can be read.
    function _passSeedBlock(Job memory job) internal {
        uint256 seedBlock = _schedule(job).seedBlock;
        if (block.number <= seedBlock) _pass(seedBlock + 1 - block.number);
    }

    function _closeCommits(Job memory job) internal {
        _passTo(_schedule(job).commitsCloseAt);
    }

    function _closeReveals(Job memory job) internal {
        _passTo(_schedule(job).revealsCloseAt);
    }

    /* THE LIFE OF A JOB */

    function _terms() internal pure returns (CommitRevealTerms memory) {
        return
            CommitRevealTerms({
                committeeSize: 3,
                maxWidening: 2,
                commitWindowSeconds: WINDOW,
                revealWindowSeconds: WINDOW,
                settleWindowSeconds: WINDOW,
                maxResultBytes: uint24(MAX_MODEL_RESULT),
                bondUnits: BOND_UNITS
            });
    }

    function _pack(CommitRevealTerms memory terms) internal pure returns (bytes32) {
        return CommitRevealTermsLib.pack(terms);
    }

    /// @dev The next job of the payer's key 0.
    function _job() internal view returns (Job memory) {
        return _jobOfKey(0);
    }

    function _jobOfKey(uint224 key) internal view returns (Job memory job) {
        (uint32 sequence, ) = escrow.nextSequence(payer, key);
        job.payer = payer;
        job.modelId = modelId;
        job.inputHash = keccak256(INPUT);
        job.verifier = address(verifier);
        job.verifierData = _pack(_terms());
        job.fee = FEE;
        job.royaltyPpm = ROYALTY_PPM;
        job.protocolFeePpm = PROTOCOL_FEE_PPM;
        job.expiresAt = uint40(block.timestamp) + JOB_SECONDS;
        job.nonce = (uint256(key) << 32) | sequence;
    }

    function _open(Job memory job) internal returns (bytes32 jobId) {
        vm.prank(job.payer);
        return escrow.open(job, INPUT);
    }

    function _opened() internal returns (Job memory job) {
        job = _job();
        _open(job);
        _passSeedBlock(job);
    }

    function _seedHash(Job memory job) internal view returns (bytes32) {
        return blockhash(_schedule(job).seedBlock);
    }

    /// @dev What a commit names the seed by.
    function _seed(Job memory job) internal view returns (uint64) {
        return _prefixOf(_seedHash(job), job);
    }

    function _prefixOf(bytes32 seedHash, Job memory job) internal view returns (uint64) {
        return uint64(Sortition.seed(seedHash, _ref(job).jobId) >> 128);
    }

    function _salt(uint256 i, Job memory job) internal view returns (bytes32) {
        return keccak256(abi.encode("node secret", operators[i].id, escrow.jobIdOf(job)));
    }

    function _commitmentOf(uint256 i, Job memory job, bytes memory result) internal view returns (bytes32) {
        return Commitment.hash(escrow.jobIdOf(job), operators[i].id, keccak256(result), _salt(i, job));
    }

    function _commit(uint256 i, Job memory job, bytes memory result) internal {
        uint64 seed = _seed(job);
        bytes32 commitment = _commitmentOf(i, job, result);
        vm.prank(operators[i].signer);
        verifier.commit(_ref(job), seed, _top(commitment));
    }

    function _reveal(uint256 i, Job memory job, bytes memory result) internal {
        verifier.reveal(keccak256(result), _ref(job), _seatOf(i, job), _salt(i, job));
    }

    function _seatOf(uint256 i, Job memory job) internal view returns (uint8) {
        Seat[] memory seats = verifier.committeeOf(job);
        for (uint8 seat = 0; seat < seats.length; ++seat) {
            if (seats[seat].operatorId == operators[i].id) return seat;
        }
        revert("no seat");
    }

    /// @dev Opens a job and has the first three operators commit to these results; commits are closed afterwards.
    function _committed(bytes memory a, bytes memory b, bytes memory c) internal returns (Job memory job) {
        job = _opened();
        _commit(0, job, a);
        _commit(1, job, b);
        _commit(2, job, c);
        _closeCommits(job);
    }

    /// @dev A job whose three operators agree and have revealed.
    function _agreed() internal returns (Job memory job) {
        job = _committed(RESULT, RESULT, RESULT);
        for (uint256 i = 0; i < 3; ++i) {
            _reveal(i, job, RESULT);
        }
    }

    function _settle(Job memory job, bytes memory result) internal {
        escrow.settle(result, "", job);
    }

    function _refund(Job memory job) internal {
        escrow.refund(job);
    }

    /// @dev A reveal carried by a settlement that brings the operator's result.
    function _evidenceOf(uint256 i, Job memory job) internal view returns (bytes memory) {
        return _carried(_seatOf(i, job), _salt(i, job));
    }

    /// @dev A reveal carried by a settlement that brings another.
    function _evidenceOf(uint256 i, Job memory job, bytes memory result) internal view returns (bytes memory) {
        return _carriedOther(_seatOf(i, job), keccak256(result), _salt(i, job));
    }

    /// @dev The first three operators' reveals, who all have what the settlement brings.
    function _evidence(Job memory job) internal view returns (bytes memory) {
        return bytes.concat(_evidenceOf(0, job), _evidenceOf(1, job), _evidenceOf(2, job));
    }

    /* LOOKING */

    function _schedule(Job memory job) internal view returns (Schedule memory) {
        return verifier.scheduleOf(job);
    }

    function _member(uint256 i) internal view returns (Member memory) {
        return verifier.memberOf(operators[i].id);
    }

    function _activeAt(uint256 i) internal view returns (uint256) {
        return staking.allocationOf(operators[i].id, address(verifier)).active;
    }

    function _split(uint128 fee) internal pure returns (uint256 earners, uint256 royalty, uint256 protocol) {
        royalty = (uint256(fee) * ROYALTY_PPM) / 1e6;
        protocol = (uint256(fee) * PROTOCOL_FEE_PPM) / 1e6;
        earners = fee - royalty - protocol;
    }

    function _assertStatus(Job memory job, JobStatus wanted) internal view {
        assertEq(uint8(escrow.statusOf(job)), uint8(wanted), "status");
    }
}
