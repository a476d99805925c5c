// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerifier} from "../jobs/IVerifier.sol";
import {IEarningsSource} from "../staking/IEarningsSource.sol";
import {Job} from "../types/Job.sol";

/// @notice All the verifier keeps of an operator: one word.
struct Member {
    uint56 share; // allocated to this verifier, stake units
    uint56 locked; // of it, bonds of live jobs, stake units
    uint96 earnings; // waiting to be harvested, OPG base units
    uint40 changedAt; // unix seconds: last change of `share`
}

/// @notice Lower bounds of what a payer's terms can say. Jobs already open are not touched by a change.
struct Params {
    uint32 minCommitWindowSeconds;
    uint32 minRevealWindowSeconds;
    uint32 minSettleWindowSeconds;
    uint32 minBondPpm; // bond ≥ fee × minBondPpm / 1,000,000
    uint56 minBondUnits; // and at least this, stake units
}

/// @notice A seat of a job's committee.
struct Seat {
    uint32 operatorId;
    bool revealed;
    bytes32 hash; // commitment before the reveal, result hash after; its top 192 bits, the rest zero
}

/// @notice Where a job stands in time. All times unix seconds.
struct Schedule {
    uint40 openedAt;
    uint64 seedBlock; // whose hash is the seed
    uint8 committed; // seats taken
    uint40 commitsCloseAt; // moves earlier when the last seat is taken
    uint40 revealsCloseAt;
    uint40 settlesBy; // until when a majority's result bytes can be missing
    bool resolved; // no bond of this job is locked any more
    uint56 totalShare; // all shares strictly before it opened, rounded down to ten binary digits, stake units
}

/// @notice What operators and carriers bring of a job: a quarter of it, bound to the whole by the jobId and to what
/// the verifier keeps by a hash of both words.
struct JobRef {
    bytes32 jobId;
    address payer;
    uint224 key; // the upper 224 bits of the job's nonce
    bytes32 terms; // the job's verifierData
}

/// @notice Why a seat lost its bond.
enum Fault {
    Minority, // revealed another result than the majority's
    Silence, // committed and did not reveal
    Withheld // in the majority, but nobody showed the bytes in time
}

/// @title Commit and reveal: k operators, the majority stands
/// @notice Drawn by stake, an operator commits to the hash of its result, reveals after commits have closed, and a
/// strict majority of all k seats decides. As in `IVerifier`, parameters stand in the order whose selector is low. Stake units are 10^12 OPG base units (a millionth of an OPG).
interface ICommitRevealVerifier is IVerifier, IEarningsSource {
    event Joined(uint32 indexed operatorId, uint256 amount);
    event Left(uint32 indexed operatorId, uint256 amount);
    event SignerSynced(uint32 indexed operatorId, address indexed signer);
    event SeedPinned(bytes32 indexed jobId, uint192 seed);
    /// @notice A seat is taken: the one a `SeatEvicted` before it in the same transaction names, or else the next after
    /// those taken so far. The commitment itself is in `committeeOf` and in the call.
    event ResultCommitted(bytes32 indexed jobId, uint32 operatorId);
    event SeatEvicted(bytes32 indexed jobId, uint32 indexed operatorId, uint8 seat);
    event ResultRevealed(bytes32 indexed jobId, uint32 operatorId, bytes32 resultHash);
    event BondSlashed(bytes32 indexed jobId, uint32 indexed operatorId, Fault fault, uint256 amount);
    event ParamsChanged(Params params);

    error ZeroAddress();
    error NotEscrow(address caller);
    error NotStaking(address caller);
    error NotRegistered(address owner);
    error OperatorIdTooLarge(uint32 operatorId);
    error AmountNotInUnits(uint256 amount, uint256 unit);
    error InsufficientShare(uint256 share, uint256 wanted);
    error ParamOutOfRange(uint256 got, uint256 limit);
    error CommitteeSizeInvalid(uint256 committeeSize, uint256 max);
    error WideningTooLarge(uint256 maxWidening, uint256 limit);
    error WindowOutOfRange(uint256 windowSeconds, uint256 min, uint256 max);
    error BondTooSmall(uint256 bondUnits, uint256 min);
    error BondTooLarge(uint256 bondUnits, uint256 max);
    error ResultBoundMismatch(uint256 got, uint256 wanted);
    error ModelNotBitExact(bytes32 modelId);
    error FeeTooLarge(uint256 fee, uint256 limit);
    error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);
    error KeyUnresolved(address payer, uint224 key);
    error UnknownJob(bytes32 jobId);
    error JobStillOpen(bytes32 jobId);
    error JobResolved(bytes32 jobId);
    error SeedUnavailable(uint256 seedBlock, uint256 currentBlock);
    error SeedMismatch(uint64 prefix, uint192 wanted);
    error NotASigner(address caller);
    error NotDrawn(uint32 operatorId, uint8 wideningStep);
    error NotLower(uint32 operatorId);
    error AlreadySeated(uint32 operatorId, uint8 seat);
    error CommitsClosed(uint256 closedAt);
    error CommitsOpen(uint256 closesAt);
    error RevealsClosed(uint256 closedAt);
    error RevealsOpen(uint256 closesAt);
    error SeatUnknown(uint256 seat);
    error EvidenceMalformed(uint256 size);
    error AlreadyRevealed(uint8 seat);
    error RevealMismatch(bytes32 got, bytes32 wanted);
    error ResultNotMajority(bytes32 got, bytes32 wanted);
    error ResultTooLarge(uint256 size, uint256 limit);

    /// @notice Allocates `amount` of the caller's stake to this verifier and learns its signer. Operators' owners, who
    /// allowed it in `OperatorStaking` first.
    /// @param amount OPG base units, a multiple of `STAKE_UNIT`
    function join(uint256 amount) external;

    /// @notice Takes `amount` back into unbonding, where it stays slashable. Operators' owners; never refused.
    function leave(uint256 amount) external;

    /// @notice Learns an operator's current signer from `OperatorStaking`. Anyone; call it after a rotation.
    function syncSigner(uint32 operatorId) external;

    /// @notice Keeps the job's seed where commits outlast the chain's memory of block hashes (256 blocks, 8,191 with
    /// EIP-2935). Anyone; needed only there.
    function pinSeed(JobRef calldata ref) external;

    /// @notice Takes a seat, locking the bond. Operators' signers. A lower draw evicts the highest seat.
    /// @param seedPrefix Top 64 bits of the seed the caller drew under (`Sortition.seed`): after a reorg the commit is
    /// void instead of wrong
    /// @param commitment Top 192 bits of `Commitment.hash`
    function commit(JobRef calldata ref, uint64 seedPrefix, uint192 commitment) external;

    /// @notice Opens a seat's commitment once commits have closed. Anyone: it pays only its committer. `settle`'s evidence
    /// carries any number of these, without a call for each: one after the other `seat (1 byte), salt (32 bytes)` for a
    /// seat that has the result settle brings, or `0x80 | seat (1 byte), salt (32 bytes), result hash (32 bytes)` for one
    /// that has another.
    function reveal(bytes32 resultHash, JobRef calldata ref, uint8 seat, bytes32 salt) external;

    /// @notice Changes the lower bounds for jobs opened from now on, within constant limits. Authority only.
    function setParams(Params calldata params) external;

    /// @notice Current lower bounds.
    function params() external view returns (Params memory);

    /// @notice What the verifier keeps of an operator.
    function memberOf(uint32 operatorId) external view returns (Member memory);

    /// @notice The operator whose signer this is, as this verifier knows it; zero if none.
    function operatorOfSigner(address signer) external view returns (uint32);

    /// @notice An operator's share at the end of second `timestamp`, stake units.
    function shareAt(uint32 operatorId, uint48 timestamp) external view returns (uint56);

    /// @notice All shares now, stake units.
    function totalShares() external view returns (uint56);

    /// @notice Where a job stands in time. Reverts with `UnknownJob` once its key is used again.
    function scheduleOf(Job calldata job) external view returns (Schedule memory);

    /// @notice The job's seed, see `Sortition.seed`. Reverts while that block isn't there yet, and when
    /// the chain has forgotten it and nobody pinned it.
    function seedOf(Job calldata job) external view returns (uint192);

    /// @notice The seats taken so far. Once the job is resolved, reveals that its conclusion carried show in the events
    /// only.
    function committeeOf(Job calldata job) external view returns (Seat[] memory);
}
