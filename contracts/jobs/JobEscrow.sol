// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ModelTerms} from "../models/IModelRegistry.sol";
import {ModelRegistry} from "../models/ModelRegistry.sol";
import {Job, JobLib, JobWords} from "../types/Job.sol";
import {IJobConsumer} from "./IJobConsumer.sol";
import {IJobEscrow, JobStatus} from "./IJobEscrow.sol";
import {IVerifier, Verdict} from "./IVerifier.sol";
import {KeyState, KeyStateLib} from "./KeyState.sol";

/// @title JobEscrow
/// @notice Called by payers, settlers, verifiers and publishers; calls the job's verifier, its consumer and OPG. One
/// lock covers every entry point that moves money or jobs. The register of models is a part of it.
contract JobEscrow is IJobEscrow, ModelRegistry, EIP712, ReentrancyGuardTransient {
    using JobLib for Job;
    using SafeERC20 for IERC20;

    struct Config {
        address protocolFeeRecipient;
        uint32 protocolFeePpm;
        bool paused;
    }

    /// @dev A struct, so that its slot is hashed once for reading and writing.
    struct Balance {
        uint256 amount; // OPG base units
    }

    /// @dev Both words are used again by the key's next job.
    struct KeySlot {
        KeyState state; // slot 0
        bytes32 resultHash; // slot 1: left from an earlier job unless the status is an end with a result
    }

    /* CONSTANTS */

    /// @notice Highest protocol fee the authority can set, parts per million of the fee.
    uint32 public constant MAX_PROTOCOL_FEE_PPM = 50_000;
    /// @notice Largest inline input or URI, bytes.
    uint256 public constant MAX_INPUT_BYTES = 8192;
    /// @notice Most gas a callback can be promised; far below the 2^24 a transaction may use (EIP-7825).
    uint32 public constant MAX_CONSUMER_GAS = 2_000_000;
    /// @notice Longest life of a job, seconds.
    uint256 public constant MAX_JOB_SECONDS = 30 days;
    /// @notice How long after `expiresAt` a verifier can refuse a refund, seconds.
    uint256 public constant REFUND_GRACE_SECONDS = 1 days;

    /// @dev Fixed stipends of verifier calls: several times what the costliest known one uses, because fresh storage
    /// is about to become dearer.
    uint256 private constant OPENED_GAS = 500_000;
    uint256 private constant RESOLVE_GAS = 3_000_000;
    /// @dev Left for the escrow's own work after a foreign call.
    uint256 private constant RESERVED_GAS = 60_000;

    /// @dev Where `settle`'s job begins and ends in calldata, and where `conclude`'s evidence begins.
    uint256 private constant JOB_AT = 4 + 2 * 32;
    uint256 private constant JOB_END = JOB_AT + 13 * 32;
    uint256 private constant CONCLUDE_HEAD = 18 * 32;

    /* IMMUTABLES */

    /// @notice The token all amounts are in.
    IERC20 public immutable OPG;

    /* STORAGE */

    mapping(address account => Balance) private _balances;
    /// @dev By payer and key. Not as address and uint224, which the compiler would clean anew at each look.
    mapping(uint256 payer => mapping(uint256 key => KeySlot)) private _slots;
    /// @dev High half: royalty, low half: protocol fee. All of it is held in OPG, of which there are less than 2^96 units.
    mapping(bytes32 modelId => uint256) private _accrued;
    Config private _config;

    /* CONSTRUCTOR */

    /// @param opg An ERC-20 with 18 decimals and a supply below 2^96 base units that takes no fee on transfers.
    /// @param authority The network's `AccessManager`.
    /// @param protocolFeeRecipient Whose ledger balance protocol fees are credited to.
    constructor(
        IERC20 opg,
        address authority,
        address protocolFeeRecipient,
        uint32 protocolFeePpm
    ) EIP712("OpenGradient JobEscrow", "1") AccessManaged(authority) {
        require(address(opg).code.length > 0 && opg.totalSupply() <= type(uint96).max, NotAToken(address(opg)));
        require(authority != address(0), ZeroAddress());
        OPG = opg;
        _setProtocolFee(protocolFeeRecipient, protocolFeePpm);
    }

    /* LEDGER */

    /// @inheritdoc IJobEscrow
    function deposit(address account, uint256 amount) external nonReentrant {
        _deposit(account, amount);
    }

    /// @inheritdoc IJobEscrow
    function depositWithPermit(
        address account,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        // Somebody may have carried the permit already: then the allowance is there and the deposit goes through.
        try IERC20Permit(address(OPG)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(account, amount);
    }

    /// @inheritdoc IJobEscrow
    function withdraw(address to, uint256 amount) external nonReentrant {
        _checkRecipient(to);
        _debit(msg.sender, amount);
        emit Withdrawn(msg.sender, to, amount);
        OPG.safeTransfer(to, amount);
    }

    /// @inheritdoc IJobEscrow
    function transfer(address to, uint256 amount) external nonReentrant {
        _checkRecipient(to);
        _debit(msg.sender, amount);
        _balances[to].amount += amount;
        emit Transferred(msg.sender, to, amount);
    }

    /* JOBS */

    // What every job runs through says `if (…) revert`, because the arguments of a `require`'s error are computed even
    // when nothing is wrong.

    /// @inheritdoc IJobEscrow
    function open(Job calldata job, bytes calldata input) external nonReentrant returns (bytes32 jobId) {
        if (uint160(msg.sender) != job.words().payer) revert NotPayer(msg.sender, job.payer);
        jobId = jobIdOf(job);
        _open(jobId, job.words(), input);
    }

    /// @inheritdoc IJobEscrow
    function openWithSignature(
        Job calldata job,
        bytes calldata input,
        bytes calldata signature
    ) external nonReentrant returns (bytes32 jobId) {
        jobId = jobIdOf(job);
        require(
            SignatureChecker.isValidSignatureNowCalldata(job.payer, jobId, signature),
            InvalidSignature(job.payer, jobId)
        );
        _open(jobId, job.words(), input);
    }

    /// @inheritdoc IJobEscrow
    function cancelNonces(uint32 nextSequence_, uint224 key) external nonReentrant {
        KeySlot storage slot = _slots[uint160(msg.sender)][key];
        uint256 next = slot.state.nextSequence();
        require(nextSequence_ > next, WrongSequence(nextSequence_, next + 1));
        slot.state = slot.state.withNextSequence(nextSequence_);
        emit NoncesCancelled(msg.sender, key, nextSequence_);
    }

    /// @inheritdoc IJobEscrow
    function settle(bytes calldata result, bytes calldata evidence, Job calldata job) external nonReentrant {
        bytes32 jobId = jobIdOf(job);
        (KeySlot storage slot, KeyState state) = _openSlot(jobId, job);
        bytes32 offered = keccak256(result);
        JobWords calldata words = job.words();
        (uint256 earners, uint256 royalty, uint256 protocolFee_) = JobLib.split(
            words.fee,
            words.royaltyPpm,
            words.protocolFeePpm
        );

        (Verdict verdict, bytes32 standing) = _conclude(
            job.verifier,
            _encodeConclude(earners, jobId, evidence, result.length, offered)
        );
        if (verdict == Verdict.Pending) revert ResultPending(jobId);
        if (verdict == Verdict.NoResult) return _payBack(jobId, job, slot, state, false);
        if (standing != offered) revert ResultHashMismatch(offered, standing);
        if (result.length > MAX_RESULT_BYTES) revert ResultTooLarge(result.length, MAX_RESULT_BYTES);

        slot.state = state.withStatus(JobStatus.Settled);
        slot.resultHash = offered;
        _balances[job.verifier].amount += earners;
        _accrued[job.modelId] += (royalty << 128) | protocolFee_;
        emit JobSettled(jobId, result);
        if (job.consumer != address(0) && !_callConsumer(jobId, job, result)) {
            slot.state = state.withStatus(JobStatus.Undelivered);
            emit DeliveryFailed(jobId, job.consumer);
        }
    }

    /// @inheritdoc IJobEscrow
    function refund(Job calldata job) external nonReentrant {
        bytes32 jobId = jobIdOf(job);
        (KeySlot storage slot, KeyState state) = _openSlot(jobId, job);
        require(block.timestamp >= job.expiresAt, JobNotExpired(block.timestamp, job.expiresAt));

        _requireGas(RESOLVE_GAS);
        bytes memory data = abi.encodeCall(IVerifier.expire, (job));
        bool resolved = _tryCall(job.verifier, RESOLVE_GAS, data);
        uint256 graceEndsAt = job.expiresAt + REFUND_GRACE_SECONDS;
        require(resolved || block.timestamp >= graceEndsAt, RefundRefused(graceEndsAt));
        _payBack(jobId, job, slot, state, true);
    }

    /// @inheritdoc IJobEscrow
    function deliver(Job calldata job, bytes calldata result) external nonReentrant {
        bytes32 jobId = jobIdOf(job);
        KeySlot storage slot = _slotOf(job);
        KeyState state = slot.state;
        require(state.isOf(jobId) && state.status() == JobStatus.Undelivered, JobNotUndelivered(jobId));
        bytes32 offered = keccak256(result);
        require(offered == slot.resultHash, ResultHashMismatch(offered, slot.resultHash));
        slot.state = state.withStatus(JobStatus.Settled);
        require(_callConsumer(jobId, job, result), CallbackFailed(job.consumer));
    }

    /* CLAIMS */

    /// @inheritdoc IJobEscrow
    function claimRoyalty(bytes32 modelId) external nonReentrant returns (uint256 amount) {
        address recipient = royaltyRecipientOf(modelId);
        require(recipient != address(0), ModelUnavailable(modelId));
        uint256 accrued = _accrued[modelId];
        amount = accrued >> 128;
        _accrued[modelId] = uint128(accrued);
        _balances[recipient].amount += amount;
        emit RoyaltyClaimed(modelId, recipient, amount);
    }

    /// @inheritdoc IJobEscrow
    function claimProtocolFee(bytes32 modelId) external nonReentrant returns (uint256 amount) {
        address recipient = _config.protocolFeeRecipient;
        uint256 accrued = _accrued[modelId];
        amount = uint128(accrued);
        _accrued[modelId] = (accrued >> 128) << 128;
        _balances[recipient].amount += amount;
        emit ProtocolFeeClaimed(modelId, recipient, amount);
    }

    /* AUTHORITY */

    /// @inheritdoc IJobEscrow
    function setProtocolFee(address recipient, uint32 protocolFeePpm) external restricted {
        _setProtocolFee(recipient, protocolFeePpm);
    }

    /// @inheritdoc IJobEscrow
    function setJobsPaused(bool paused) external restricted {
        _config.paused = paused;
        emit NewJobsPaused(paused);
    }

    /* VIEWS */

    /// @inheritdoc IJobEscrow
    function balanceOf(address account) external view returns (uint256) {
        return _balances[account].amount;
    }

    /// @inheritdoc IJobEscrow
    function accrualsOf(bytes32 modelId) external view returns (uint128 royalty, uint128 protocolFee_) {
        uint256 accrued = _accrued[modelId];
        return (uint128(accrued >> 128), uint128(accrued));
    }

    /// @inheritdoc IJobEscrow
    function statusOf(Job calldata job) external view returns (JobStatus status) {
        (status, ) = resultOf(job);
    }

    /// @inheritdoc IJobEscrow
    function nextSequence(address payer, uint224 key) external view returns (uint32 sequence, bool busy) {
        KeyState state = _slots[uint160(payer)][key].state;
        return (uint32(state.nextSequence()), state.status() == JobStatus.Open);
    }

    /// @inheritdoc IJobEscrow
    function protocolFee() external view returns (address recipient, uint32 protocolFeePpm, bool paused) {
        Config memory config = _config;
        return (config.protocolFeeRecipient, config.protocolFeePpm, config.paused);
    }

    /// @inheritdoc IJobEscrow
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IJobEscrow
    function jobIdOf(Job calldata job) public view returns (bytes32) {
        return _hashTypedDataV4(job.hash());
    }

    /// @inheritdoc IJobEscrow
    function resultOf(Job calldata job) public view returns (JobStatus status, bytes32 resultHash) {
        KeySlot storage slot = _slots[uint160(job.payer)][job.nonce >> 32];
        if (!slot.state.isOf(jobIdOf(job))) return (JobStatus.None, 0);
        status = slot.state.status();
        if (status == JobStatus.Settled || status == JobStatus.Undelivered) resultHash = slot.resultHash;
    }

    /* INTERNAL: LEDGER */

    function _deposit(address account, uint256 amount) private {
        _checkRecipient(account);
        uint256 held = OPG.balanceOf(address(this));
        OPG.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = OPG.balanceOf(address(this)) - held;
        require(received == amount, TokenTookFee(received, amount));
        _balances[account].amount += amount;
        emit Deposited(account, msg.sender, amount);
    }

    /// @dev Nothing could be withdrawn from either account again.
    function _checkRecipient(address account) private view {
        require(account != address(0) && account != address(this), InvalidRecipient(account));
    }

    function _debit(address account, uint256 amount) private {
        Balance storage balance = _balances[account];
        uint256 held = balance.amount;
        if (held < amount) revert InsufficientBalance(held, amount);
        unchecked {
            balance.amount = held - amount; // checked on the line above
        }
    }

    /* INTERNAL: JOBS */

    function _slotOf(Job calldata job) private view returns (KeySlot storage) {
        return _slots[uint160(job.payer)][job.nonce >> 32];
    }

    function _openSlot(bytes32 jobId, Job calldata job) private view returns (KeySlot storage slot, KeyState state) {
        slot = _slotOf(job);
        state = slot.state;
        if (!state.isOf(jobId) || !state.isOpen()) revert JobNotOpen(jobId);
    }

    function _open(bytes32 jobId, JobWords calldata job, bytes calldata input) private {
        // The other words can't be too large for their fields: the payer is the caller or has signed, the fee is in its
        // balance, the rates are the current ones, the expiry and the gas are bounded.
        if ((job.verifier | job.consumer) >> 160 != 0) revert JobNotCanonical();
        _checkProtocolFee(job.protocolFeePpm);
        _checkExpiry(job.expiresAt);
        if (job.consumer | job.consumerGasLimit != 0) _checkConsumer(job.consumer, job.consumerGasLimit);
        (uint256 maxResultBytes, bool bitExact) = _checkModel(job.modelId, job.fee, job.royaltyPpm);
        _takeKey(jobId, job.payer, job.nonce);
        _debit(address(uint160(job.payer)), job.fee);
        _tell(job, maxResultBytes, bitExact, jobId);
        _emitOpened(jobId, job, input);
    }

    function _checkProtocolFee(uint256 protocolFeePpm) private view {
        Config storage config = _config;
        if (config.paused) revert JobsPaused();
        uint256 wanted = config.protocolFeePpm;
        if (protocolFeePpm != wanted) revert ProtocolFeeMismatch(protocolFeePpm, wanted);
    }

    function _checkExpiry(uint256 expiresAt) private view {
        unchecked {
            uint256 latest = block.timestamp + MAX_JOB_SECONDS;
            if (expiresAt <= block.timestamp || expiresAt > latest) {
                revert ExpiryOutOfRange(expiresAt, block.timestamp + 1, latest);
            }
        }
    }

    function _checkConsumer(uint256 consumer, uint256 gasLimit) private view {
        uint256 limit = consumer == 0 ? 0 : MAX_CONSUMER_GAS;
        if (gasLimit > limit) revert ConsumerGasOutOfRange(gasLimit, limit);
        if (consumer != 0 && address(uint160(consumer)).code.length == 0) {
            revert NotAContract(address(uint160(consumer)));
        }
    }

    /// @return maxResultBytes What the model's identity says
    /// @return bitExact What the model's identity says
    function _checkModel(
        bytes32 modelId,
        uint256 fee,
        uint256 royaltyPpm
    ) private view returns (uint256 maxResultBytes, bool bitExact) {
        ModelTerms storage model = _termsOf(modelId);
        if (!model.published || model.retired) revert ModelUnavailable(modelId);
        if (fee < model.price) revert FeeBelowPrice(fee, model.price);
        if (royaltyPpm != model.royaltyPpm) revert RoyaltyMismatch(royaltyPpm, model.royaltyPpm);
        return (model.maxResultBytes, model.bitExact);
    }

    function _takeKey(bytes32 jobId, uint256 payer, uint256 nonce) private {
        KeySlot storage slot = _slots[payer][nonce >> 32];
        KeyState state = slot.state;
        if (state.isUnfinished()) _finish(state, address(uint160(payer)), JobLib.keyOf(nonce));
        uint256 sequence = JobLib.sequenceOf(nonce);
        uint256 expected = state.nextSequence();
        if (sequence != expected) revert WrongSequence(sequence, expected);
        slot.state = KeyStateLib.open(jobId, sequence);
    }

    /// @dev A key whose job is open is busy; a result that nobody could deliver is given up.
    function _finish(KeyState state, address payer, uint224 key) private {
        if (state.isOpen()) revert KeyBusy(payer, key);
        emit DeliveryForfeited(payer, key, state.jobIdPrefix());
    }

    // The next two copy the job as it came instead of word by word, and the input once: opening is 3 % cheaper so.

    /// @dev `IVerifier(job.verifier).opened(maxResultBytes, bitExact, job, jobId)`.
    function _tell(JobWords calldata job, uint256 maxResultBytes, bool bitExact, bytes32 jobId) private {
        _requireGas(OPENED_GAS);
        uint256 stipend = OPENED_GAS;
        bytes4 selector = IVerifier.opened.selector;
        uint256 verifier = job.verifier;
        bool taken;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), maxResultBytes)
            mstore(add(data, 0x24), bitExact)
            calldatacopy(add(data, 0x44), job, 0x1a0) // 13 words
            mstore(add(data, 0x1e4), jobId)
            if iszero(call(stipend, verifier, 0, data, 0x204, 0, 0x20)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            // One word exactly: what came first in the call is the selector too, and an echo would begin with it.
            taken := and(eq(returndatasize(), 0x20), eq(mload(0), selector))
        }
        if (!taken) revert NotAVerifier(address(uint160(verifier)));
    }

    /// @dev Checks the input, then `emit JobOpened(jobId, job.verifier, job, input)`.
    function _emitOpened(bytes32 jobId, JobWords calldata job, bytes calldata input) private {
        if (input.length > MAX_INPUT_BYTES) revert InputTooLarge(input.length, MAX_INPUT_BYTES);
        bytes32 topic = JobOpened.selector;
        bytes32 wanted = job.inputUriHash == 0 ? job.inputHash : job.inputUriHash;
        uint256 verifier = job.verifier;
        bytes32 got;
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, job, 0x1a0) // 13 words
            mstore(add(data, 0x1a0), 0x1c0) // where the input begins
            let size := add(0x1e0, and(add(input.length, 0x1f), not(0x1f)))
            mstore(sub(add(data, size), 0x20), 0) // the input's padding, or its length
            mstore(add(data, 0x1c0), input.length)
            calldatacopy(add(data, 0x1e0), input.offset, input.length)
            got := keccak256(add(data, 0x1e0), input.length)
            log3(data, size, topic, jobId, verifier)
        }
        if (got != wanted) revert InputHashMismatch(got, wanted);
    }

    /// @dev `IVerifier.conclude(job, earners, jobId, evidence, offeredBytes, offered)` of `settle`'s job, every word of which
    /// is what was opened: so it is copied as it came.
    function _encodeConclude(
        uint256 earners,
        bytes32 jobId,
        bytes calldata evidence,
        uint256 offeredBytes,
        bytes32 offered
    ) private pure returns (bytes memory) {
        return
            abi.encodePacked(
                IVerifier.conclude.selector,
                msg.data[JOB_AT:JOB_END],
                earners,
                jobId,
                CONCLUDE_HEAD,
                offeredBytes,
                offered,
                evidence.length,
                evidence
            );
    }

    /// @dev Takes the call encoded, so that copying long evidence is paid for before the gas is checked.
    function _conclude(address verifier, bytes memory data) private returns (Verdict verdict, bytes32 standing) {
        _requireGas(RESOLVE_GAS);
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory returned) = verifier.call{gas: RESOLVE_GAS}(data);
        return abi.decode(Address.verifyCallResultFromTarget(verifier, success, returned), (Verdict, bytes32));
    }

    function _payBack(bytes32 jobId, Job calldata job, KeySlot storage slot, KeyState state, bool expired) private {
        slot.state = state.withStatus(JobStatus.Refunded);
        _balances[job.payer].amount += job.fee;
        emit JobRefunded(jobId, expired);
    }

    /// @dev The last thing a settlement does. Returned data is never copied.
    function _callConsumer(bytes32 jobId, Job calldata job, bytes calldata result) private returns (bool delivered) {
        bytes memory data = abi.encodeCall(IJobConsumer.onJobResult, (jobId, job, result));
        _requireGas(job.consumerGasLimit);
        delivered = job.consumer.code.length > 0 && _tryCall(job.consumer, job.consumerGasLimit, data);
        if (delivered) emit ResultDelivered(jobId, job.consumer);
    }

    function _tryCall(address target, uint256 stipend, bytes memory data) private returns (bool success) {
        assembly ("memory-safe") {
            success := call(stipend, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @dev EIP-150: a call gets at most 63/64 of what is left, and silently less than was asked for.
    function _requireGas(uint256 stipend) private view {
        uint256 wanted = stipend + stipend / 63 + RESERVED_GAS;
        if (gasleft() < wanted) revert NotEnoughGas(gasleft(), wanted);
    }

    function _setProtocolFee(address recipient, uint32 protocolFeePpm) private {
        require(recipient != address(0), ZeroAddress());
        require(protocolFeePpm <= MAX_PROTOCOL_FEE_PPM, ProtocolFeeTooHigh(protocolFeePpm, MAX_PROTOCOL_FEE_PPM));
        _config.protocolFeeRecipient = recipient;
        _config.protocolFeePpm = protocolFeePpm;
        emit ProtocolFeeChanged(recipient, protocolFeePpm);
    }
}
