// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job} from "../types/Job.sol";

/// @notice Where a job stands. Only `Open` has money in it; every other state is an end.
/// Open → Settled | Undelivered | Refunded; Undelivered → Settled. Time alone changes none of them.
enum JobStatus {
    None, // never opened, or its key has been used again
    Open, // fee held, verifier told
    Settled, // paid, result stands (and was delivered, where there is a consumer)
    Undelivered, // paid, result stands, but the consumer's callback failed: anyone may retry
    Refunded // fee given back: expired, or no result
}

/// @title Escrow of jobs
/// @notice Holds payers' OPG in one ledger, takes a fee when a job opens, and lets go of it exactly once. Tokens move
/// only at `deposit…` and `withdraw`. No role can take from the ledger, stop an exit, or change an open job.
interface IJobEscrow {
    event Deposited(address indexed account, address indexed from, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event Transferred(address indexed from, address indexed to, uint256 amount);
    /// @param input The input bytes, or the URI's bytes when `job.inputUriHash` is not zero
    event JobOpened(bytes32 indexed jobId, address indexed verifier, Job job, bytes input);
    event JobSettled(bytes32 indexed jobId, bytes result);
    /// @param expired True after `expiresAt`, false when the verifier found that there is no result
    event JobRefunded(bytes32 indexed jobId, bool expired);
    event ResultDelivered(bytes32 indexed jobId, address indexed consumer);
    event DeliveryFailed(bytes32 indexed jobId, address indexed consumer);
    /// @notice The key is used again, so the previous job's undelivered result can't be delivered any more.
    /// @param jobIdPrefix The previous jobId's first 25 bytes, which is what the key's slot keeps of it
    event DeliveryForfeited(address indexed payer, uint224 indexed key, bytes25 jobIdPrefix);
    event NoncesCancelled(address indexed payer, uint224 indexed key, uint32 nextSequence);
    event RoyaltyClaimed(bytes32 indexed modelId, address indexed recipient, uint256 amount);
    event ProtocolFeeClaimed(bytes32 indexed modelId, address indexed recipient, uint256 amount);
    event ProtocolFeeChanged(address recipient, uint32 protocolFeePpm);
    event NewJobsPaused(bool paused);

    error ZeroAddress();
    error InvalidRecipient(address account);
    error NotAToken(address token);
    error TokenTookFee(uint256 received, uint256 amount);
    error InsufficientBalance(uint256 balance, uint256 amount);
    error JobsPaused();
    /// @notice A word of the job holds more than its field can.
    error JobNotCanonical();
    error NotPayer(address caller, address payer);
    error InvalidSignature(address payer, bytes32 jobId);
    error KeyBusy(address payer, uint224 key);
    /// @dev What is expected is 2^32 once a key has used all its sequences.
    error WrongSequence(uint256 sequence, uint256 expected);
    error InputHashMismatch(bytes32 got, bytes32 wanted);
    error InputTooLarge(uint256 size, uint256 limit);
    error ModelUnavailable(bytes32 modelId);
    error FeeBelowPrice(uint256 fee, uint256 price);
    error RoyaltyMismatch(uint256 got, uint256 wanted);
    error ProtocolFeeMismatch(uint256 got, uint256 wanted);
    error ProtocolFeeTooHigh(uint256 protocolFeePpm, uint256 limit);
    error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);
    error ConsumerGasOutOfRange(uint256 gasLimit, uint256 limit);
    error NotAContract(address account);
    error NotAVerifier(address account);
    error JobNotOpen(bytes32 jobId);
    error JobNotUndelivered(bytes32 jobId);
    error ResultPending(bytes32 jobId);
    error ResultHashMismatch(bytes32 got, bytes32 wanted);
    error ResultTooLarge(uint256 size, uint256 limit);
    error JobNotExpired(uint256 timestamp, uint256 expiresAt);
    error RefundRefused(uint256 until);
    error CallbackFailed(address consumer);
    error NotEnoughGas(uint256 available, uint256 wanted);

    /// @notice Moves `amount` OPG base units from the caller to `account`'s ledger balance. Anyone, for anyone.
    function deposit(address account, uint256 amount) external;

    /// @notice `deposit` with an ERC-2612 permit of the caller. A permit that was already used does not block it.
    function depositWithPermit(
        address account,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Pays out of the caller's ledger balance. Anyone with a balance; never paused.
    function withdraw(address to, uint256 amount) external;

    /// @notice Moves ledger balance; no tokens move. Anyone with a balance.
    function transfer(address to, uint256 amount) external;

    /// @notice Opens a job of the caller's. The fee leaves the caller's ledger balance.
    /// @param input The input bytes, or the URI's bytes when `job.inputUriHash` is not zero
    function open(Job calldata job, bytes calldata input) external returns (bytes32 jobId);

    /// @notice Opens a job for its payer, who signed the `jobId` (EIP-712, or ERC-1271 for contracts). Anyone.
    function openWithSignature(
        Job calldata job,
        bytes calldata input,
        bytes calldata signature
    ) external returns (bytes32 jobId);

    /// @notice Makes signatures of the caller's over sequences below `nextSequence` of a key worthless. At any time; a
    /// live job is not touched.
    function cancelNonces(uint32 nextSequence, uint224 key) external;

    /// @notice Concludes a job and pays, or refunds at once when there is no result. Anyone.
    /// @param result The result bytes; empty to conclude that there is no result
    /// @param evidence For the verifier
    function settle(bytes calldata result, bytes calldata evidence, Job calldata job) external;

    /// @notice Gives the fee back after `expiresAt`. Anyone. The verifier may refuse for `REFUND_GRACE_SECONDS`.
    function refund(Job calldata job) external;

    /// @notice Calls the consumer again after its callback failed. Anyone; reverts if it fails again.
    function deliver(Job calldata job, bytes calldata result) external;

    /// @notice Credits the model's accrued royalties to its royalty recipient's ledger balance. Anyone.
    function claimRoyalty(bytes32 modelId) external returns (uint256 amount);

    /// @notice Credits the model's accrued protocol fees to the protocol's ledger balance. Anyone.
    function claimProtocolFee(bytes32 modelId) external returns (uint256 amount);

    /// @notice Changes fee and recipient for jobs opened from now on. Authority only.
    function setProtocolFee(address recipient, uint32 protocolFeePpm) external;

    /// @notice Stops or allows new jobs; open ones end as usual. Authority only.
    function setJobsPaused(bool paused) external;

    /// @notice Ledger balance, OPG base units.
    function balanceOf(address account) external view returns (uint256);

    /// @notice Royalty and protocol fee accrued by a model and not claimed, OPG base units.
    function accrualsOf(bytes32 modelId) external view returns (uint128 royalty, uint128 protocolFee);

    /// @notice The job's EIP-712 digest.
    function jobIdOf(Job calldata job) external view returns (bytes32);

    /// @notice Where the job stands; `None` once its key is used again.
    function statusOf(Job calldata job) external view returns (JobStatus);

    /// @notice The result hash that stands, while the key isn't used again (see the event log after that).
    function resultOf(Job calldata job) external view returns (JobStatus status, bytes32 resultHash);

    /// @notice The sequence the next job of this key must carry (zero again once all 2^32 are used, after which the key
    /// takes no job any more), and whether the key holds a live job.
    function nextSequence(address payer, uint224 key) external view returns (uint32 sequence, bool busy);

    /// @notice Current protocol fee (parts per million), its recipient, and whether new jobs are stopped.
    function protocolFee() external view returns (address recipient, uint32 protocolFeePpm, bool paused);

    /// @notice EIP-712 domain separator on this chain.
    function domainSeparator() external view returns (bytes32);
}
