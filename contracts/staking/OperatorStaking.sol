// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IEarningsLedger, IEarningsSource} from "./IEarningsSource.sol";
import {Allocation, IOperatorStaking, OperatorStake} from "./IOperatorStaking.sol";

/// @title OperatorStaking
/// @notice Called by operators' owners and by verifiers; calls OPG, and for `harvest` the verifier and the escrow's
/// ledger. No role can move stake: governance only says which verifiers operators may allow.
contract OperatorStaking is IOperatorStaking, EIP712, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;
    using Checkpoints for Checkpoints.Trace160;

    /* CONSTANTS */

    /// @notice Longest time a verifier may keep stake locked for one job; verifiers end every lock by then.
    uint40 public constant MAX_LOCK_SECONDS = 3 days;
    /// @notice Shortest unbonding time that can be set: longer than any lock.
    uint40 public constant MIN_UNBONDING_SECONDS = 7 days;
    /// @notice Longest unbonding time that can be set.
    uint40 public constant MAX_UNBONDING_SECONDS = 60 days;
    /// @notice Where burnt OPG goes: the token may lack a burn function.
    address public constant DEAD = 0x000000000000000000000000000000000000dEaD;
    /// @notice EIP-712 type hash of a signer's consent.
    bytes32 public constant CONSENT_TYPEHASH = keccak256(
        "SignerConsent(address owner,address signer,uint256 deadline)"
    );

    /* IMMUTABLES */

    /// @notice The token all amounts are in.
    IERC20 public immutable OPG;
    /// @notice Where verifiers' earnings wait.
    IEarningsLedger public immutable LEDGER;

    /* STORAGE */

    /// @notice Operators registered so far; ids start at 1.
    uint32 public operatorCount;
    /// @notice Unbonding time of what leaves from now on, seconds.
    uint40 public unbondingSeconds;
    /// @notice Whether new registrations, stakes and allocations are stopped.
    bool public paused;
    /// @notice Slashed OPG that waits to be sent to the dead address, base units.
    uint256 public awaitingBurn;
    /// @inheritdoc IOperatorStaking
    mapping(address owner => uint32 operatorId) public operatorOf;
    /// @inheritdoc IOperatorStaking
    mapping(address signer => uint32 operatorId) public operatorOfSigner;
    /// @notice Verifiers that operators may allow.
    mapping(address verifier => bool) public isPermitted;
    /// @notice Highest active allocation an operator allows a verifier.
    mapping(uint32 operatorId => mapping(address verifier => uint96)) public allowanceOf;
    mapping(uint32 operatorId => OperatorStake) private _stakes;
    mapping(uint32 operatorId => mapping(address verifier => Allocation)) private _allocations;
    mapping(uint32 operatorId => Checkpoints.Trace208) private _stakeHistory;
    mapping(uint32 operatorId => Checkpoints.Trace160) private _signerHistory;

    /* CONSTRUCTOR */

    /// @param opg An ERC-20 with a supply below 2^96 base units that takes no fee on transfers.
    /// @param ledger The job escrow.
    /// @param authority The network's `AccessManager`.
    constructor(
        IERC20 opg,
        IEarningsLedger ledger,
        address authority,
        uint40 unbondingSeconds_
    ) EIP712("OpenGradient OperatorStaking", "1") AccessManaged(authority) {
        require(address(opg).code.length > 0 && opg.totalSupply() <= type(uint96).max, NotAToken(address(opg)));
        require(address(ledger) != address(0) && authority != address(0), ZeroAddress());
        OPG = opg;
        LEDGER = ledger;
        _setUnbondingSeconds(unbondingSeconds_);
    }

    /* OPERATORS: IN */

    /// @inheritdoc IOperatorStaking
    function register(
        address signer,
        uint256 deadline,
        bytes calldata consent
    ) external nonReentrant returns (uint32 operatorId) {
        require(!paused, StakesPaused());
        require(operatorOf[msg.sender] == 0, AlreadyRegistered(msg.sender, operatorOf[msg.sender]));
        operatorId = ++operatorCount;
        operatorOf[msg.sender] = operatorId;
        _stakes[operatorId].owner = msg.sender;
        _setSigner(operatorId, signer, deadline, consent);
        emit OperatorRegistered(operatorId, msg.sender, signer);
    }

    /// @inheritdoc IOperatorStaking
    function rotateSigner(address signer, uint256 deadline, bytes calldata consent) external nonReentrant {
        uint32 operatorId = _ownOperator();
        _setSigner(operatorId, signer, deadline, consent);
        emit SignerRotated(operatorId, signer);
    }

    /// @inheritdoc IOperatorStaking
    function stake(uint256 amount) external nonReentrant {
        _stake(amount);
    }

    /// @inheritdoc IOperatorStaking
    function stakeWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        // Somebody may have carried the permit already: then the allowance is there and the stake goes through.
        try IERC20Permit(address(OPG)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _stake(amount);
    }

    /// @inheritdoc IOperatorStaking
    function allowVerifier(address verifier, uint96 max) external nonReentrant {
        uint32 operatorId = _ownOperator();
        require(isPermitted[verifier] || max == 0, VerifierNotPermitted(verifier));
        allowanceOf[operatorId][verifier] = max;
        emit VerifierAllowed(operatorId, verifier, max);
    }

    /* VERIFIERS */

    /// @inheritdoc IOperatorStaking
    function allocate(uint32 operatorId, uint96 amount) external nonReentrant {
        require(!paused, StakesPaused());
        require(isPermitted[msg.sender], VerifierNotPermitted(msg.sender));
        OperatorStake storage own = _stakes[operatorId];
        Allocation storage allocation = _allocations[operatorId][msg.sender];
        uint256 wanted = uint256(allocation.active) + amount;
        uint256 allowance = allowanceOf[operatorId][msg.sender];
        require(wanted <= allowance, InsufficientAllowance(allowance, wanted));
        require(amount <= own.unallocated, InsufficientStake(own.unallocated, amount));

        own.unallocated -= amount;
        allocation.active += amount;
        emit Allocated(operatorId, msg.sender, amount);
    }

    /// @inheritdoc IOperatorStaking
    function deallocate(uint32 operatorId, uint96 amount) external nonReentrant {
        Allocation storage allocation = _allocations[operatorId][msg.sender];
        require(amount <= allocation.active, InsufficientStake(allocation.active, amount));

        allocation.active -= amount;
        _startLeaving(operatorId, msg.sender, amount);
    }

    /// @inheritdoc IOperatorStaking
    function slash(
        uint32 operatorId,
        uint96 amount,
        uint32[] calldata beneficiaries
    ) external nonReentrant returns (uint96 fromActive, uint96 fromLeaving) {
        Allocation storage allocation = _allocations[operatorId][msg.sender];
        fromActive = _min(amount, allocation.active);
        if (block.timestamp < allocation.releasesAt) fromLeaving = _min(amount - fromActive, allocation.leaving);

        allocation.active -= fromActive;
        allocation.leaving -= fromLeaving;
        if (fromActive > 0) _setActive(operatorId, _stakes[operatorId].active - fromActive);
        uint96 taken = fromActive + fromLeaving;
        uint96 rewarded = _reward(taken / 2, beneficiaries);
        awaitingBurn += taken - rewarded;
        emit Slashed(operatorId, msg.sender, taken, taken - rewarded);
    }

    /* OPERATORS: OUT */

    /// @inheritdoc IOperatorStaking
    function unbond(uint96 amount) external nonReentrant {
        uint32 operatorId = _ownOperator();
        OperatorStake storage own = _stakes[operatorId];
        require(amount <= own.unallocated, InsufficientStake(own.unallocated, amount));

        own.unallocated -= amount;
        _startLeaving(operatorId, address(0), amount);
    }

    /// @inheritdoc IOperatorStaking
    function release(uint32 operatorId, address verifier) external nonReentrant returns (uint256 amount) {
        Allocation storage allocation = _allocations[operatorId][verifier];
        require(block.timestamp >= allocation.releasesAt, StillUnbonding(allocation.releasesAt));
        amount = _release(operatorId, verifier);
    }

    /// @inheritdoc IOperatorStaking
    function harvest(uint32 operatorId, address verifier) external nonReentrant returns (uint256 amount) {
        require(_stakes[operatorId].owner != address(0), UnknownOperator(operatorId));
        // A verifier that says more than it moved can only make the withdrawal below fail: the ledger is the judge.
        amount = IEarningsSource(verifier).releaseEarnings(operatorId);
        _stakes[operatorId].claimable += SafeCast.toUint96(amount);
        emit Harvested(operatorId, verifier, amount);
        LEDGER.withdraw(address(this), amount);
    }

    /// @inheritdoc IOperatorStaking
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        require(to != address(0) && to != address(this), InvalidRecipient(to));
        uint32 operatorId = _ownOperator();
        amount = _stakes[operatorId].claimable;
        _stakes[operatorId].claimable = 0;
        emit Withdrawn(operatorId, to, amount);
        OPG.safeTransfer(to, amount);
    }

    /// @inheritdoc IOperatorStaking
    function burn() external nonReentrant returns (uint256 amount) {
        amount = awaitingBurn;
        awaitingBurn = 0;
        emit Burnt(amount);
        OPG.safeTransfer(DEAD, amount);
    }

    /* AUTHORITY */

    /// @inheritdoc IOperatorStaking
    function permitVerifier(address verifier, bool permitted) external restricted {
        require(verifier != address(0), ZeroAddress());
        isPermitted[verifier] = permitted;
        emit VerifierPermitted(verifier, permitted);
    }

    /// @inheritdoc IOperatorStaking
    function setUnbondingSeconds(uint40 unbondingSeconds_) external restricted {
        _setUnbondingSeconds(unbondingSeconds_);
    }

    /// @inheritdoc IOperatorStaking
    function setPaused(bool paused_) external restricted {
        paused = paused_;
        emit NewStakesPaused(paused_);
    }

    /* VIEWS */

    /// @inheritdoc IOperatorStaking
    function stakeOf(uint32 operatorId) external view returns (OperatorStake memory) {
        return _stakes[operatorId];
    }

    /// @inheritdoc IOperatorStaking
    function allocationOf(uint32 operatorId, address verifier) external view returns (Allocation memory) {
        return _allocations[operatorId][verifier];
    }

    /// @inheritdoc IOperatorStaking
    function signerOf(uint32 operatorId) external view returns (address) {
        return address(_signerHistory[operatorId].latest());
    }

    /// @inheritdoc IOperatorStaking
    function signerAt(uint32 operatorId, uint48 timestamp) external view returns (address) {
        return address(_signerHistory[operatorId].upperLookupRecent(timestamp));
    }

    /// @inheritdoc IOperatorStaking
    function stakeAt(uint32 operatorId, uint48 timestamp) external view returns (uint256) {
        return _stakeHistory[operatorId].upperLookupRecent(timestamp);
    }

    /// @notice EIP-712 domain separator on this chain, for signers' consents.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL */

    function _ownOperator() private view returns (uint32 operatorId) {
        operatorId = operatorOf[msg.sender];
        require(operatorId != 0, NotRegistered(msg.sender));
    }

    /// @dev A signer belongs to one operator for ever, so that old receipts have one answer; its consent keeps
    /// strangers from claiming it first.
    function _setSigner(uint32 operatorId, address signer, uint256 deadline, bytes calldata consent) private {
        require(signer != address(0), ZeroAddress());
        uint32 holder = operatorOfSigner[signer];
        require(holder == 0 || holder == operatorId, SignerTaken(signer, holder));
        if (signer != msg.sender) {
            require(block.timestamp <= deadline, ConsentExpired(deadline));
            bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CONSENT_TYPEHASH, msg.sender, signer, deadline)));
            require(
                SignatureChecker.isValidSignatureNowCalldata(signer, digest, consent),
                InvalidSignerConsent(signer)
            );
        }
        operatorOfSigner[signer] = operatorId;
        // From the next second on, so that who signed in this one is settled.
        _signerHistory[operatorId].push(uint96(block.timestamp + 1), uint160(signer));
    }

    function _stake(uint256 amount) private {
        require(!paused, StakesPaused());
        uint32 operatorId = _ownOperator();
        uint256 held = OPG.balanceOf(address(this));
        OPG.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = OPG.balanceOf(address(this)) - held;
        require(received == amount, TokenTookFee(received, amount));
        _stakes[operatorId].unallocated += SafeCast.toUint96(amount);
        _setActive(operatorId, _stakes[operatorId].active + uint96(amount));
        emit Staked(operatorId, amount);
    }

    function _setActive(uint32 operatorId, uint96 active) private {
        _stakes[operatorId].active = active;
        _stakeHistory[operatorId].push(uint48(block.timestamp), active);
    }

    /// @dev What has matured meanwhile is released first, so that leaving again never prolongs it.
    function _startLeaving(uint32 operatorId, address verifier, uint96 amount) private {
        if (amount == 0) return; // it would only prolong what is leaving already
        Allocation storage allocation = _allocations[operatorId][verifier];
        if (block.timestamp >= allocation.releasesAt) _release(operatorId, verifier);
        uint40 releasesAt = uint40(block.timestamp) + unbondingSeconds;
        // The time may have been lowered since an earlier part began to leave; that part keeps its own.
        if (releasesAt < allocation.releasesAt) releasesAt = allocation.releasesAt;
        allocation.leaving += amount;
        allocation.releasesAt = releasesAt;
        _setActive(operatorId, _stakes[operatorId].active - amount);
        emit Deallocated(operatorId, verifier, amount, releasesAt);
    }

    function _release(uint32 operatorId, address verifier) private returns (uint96 amount) {
        Allocation storage allocation = _allocations[operatorId][verifier];
        amount = allocation.leaving;
        if (amount == 0) return 0;
        allocation.leaving = 0;
        _stakes[operatorId].claimable += amount;
        emit Released(operatorId, verifier, amount);
    }

    function _reward(uint96 pot, uint32[] calldata beneficiaries) private returns (uint96 rewarded) {
        uint256 count = beneficiaries.length;
        if (count == 0) return 0;
        uint96 each = SafeCast.toUint96(pot / count);
        for (uint256 i = 0; i < count; ++i) {
            require(_stakes[beneficiaries[i]].owner != address(0), UnknownOperator(beneficiaries[i]));
            _stakes[beneficiaries[i]].claimable += each;
            emit Rewarded(beneficiaries[i], each);
        }
        rewarded = SafeCast.toUint96(each * count);
    }

    function _setUnbondingSeconds(uint40 unbondingSeconds_) private {
        require(
            unbondingSeconds_ >= MIN_UNBONDING_SECONDS && unbondingSeconds_ <= MAX_UNBONDING_SECONDS,
            UnbondingOutOfRange(unbondingSeconds_, MIN_UNBONDING_SECONDS, MAX_UNBONDING_SECONDS)
        );
        unbondingSeconds = unbondingSeconds_;
        emit UnbondingChanged(unbondingSeconds_);
    }

    function _min(uint96 a, uint96 b) private pure returns (uint96) {
        return a < b ? a : b;
    }
}
