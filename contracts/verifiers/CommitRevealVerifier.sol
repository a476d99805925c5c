// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {JobEscrow} from "../jobs/JobEscrow.sol";
import {JobStatus} from "../jobs/IJobEscrow.sol";
import {IVerifier, Verdict} from "../jobs/IVerifier.sol";
import {IEarningsSource} from "../staking/IEarningsSource.sol";
import {OperatorStaking} from "../staking/OperatorStaking.sol";
import {Commitment} from "../types/Commitment.sol";
import {CommitRevealTermsLib} from "../types/CommitRevealTerms.sol";
import {Job, JobLib, JobWords} from "../types/Job.sol";
import {Sortition} from "../types/Sortition.sol";
import {Fault, ICommitRevealVerifier, JobRef, Member, Params, Schedule, Seat} from "./ICommitRevealVerifier.sol";
import {JobState, JobStateLib} from "./JobState.sol";
import {MemberState} from "./MemberState.sol";
import {PoolState} from "./PoolState.sol";
import {StakeShares} from "./StakeShares.sol";
import {Tally} from "./Tally.sol";

/// @title CommitRevealVerifier
/// @notice Called by the escrow (opened, conclude, expire), by operators and by anyone who carries a reveal; calls
/// `OperatorStaking` to join, leave and slash, and moves earnings inside the escrow's ledger. Holds no tokens.
contract CommitRevealVerifier is ICommitRevealVerifier, AccessManaged {
    using JobLib for Job;
    using CommitRevealTermsLib for bytes32;
    using StakeShares for StakeShares.Store;

    /// @dev A struct, because an element of an array of words is taken out of its slot as if it were a part of one.
    struct SeatSlot {
        uint256 word; // see `Tally`
    }

    /// @dev Belongs to a payer's key and is used again by its next job.
    struct JobRecord {
        JobState state; // slot 0
        SeatSlot[9] seats; // slots 1 to 9; taken are those up to the first that isn't this job's
    }

    /* CONSTANTS */

    /// @notice OPG base units in a stake unit.
    uint256 public constant STAKE_UNIT = 1e12;
    /// @notice Largest committee; bounds the gas of a conclusion.
    uint256 public constant MAX_COMMITTEE_SIZE = 9;
    /// @notice Most widening steps. Each doubles how little stake is sure of a seat.
    uint256 public constant MAX_WIDENING = 3;
    /// @notice Longest window a payer can ask for, seconds.
    uint256 public constant MAX_WINDOW_SECONDS = 6 hours;
    /// @notice Highest lower bound of a window the authority can set, seconds.
    uint256 public constant MAX_MIN_WINDOW_SECONDS = 1 hours;
    /// @notice Highest bond ratio the authority can set: ten times the fee.
    uint256 public constant MAX_MIN_BOND_PPM = 10_000_000;
    /// @notice Largest bond against the fee, parts per million, so that nobody locks much stake with a small job.
    uint256 public constant MAX_BOND_PPM = 10_000_000;
    /// @notice Highest least bond the authority can set, stake units: 1,000 OPG.
    uint256 public constant MAX_MIN_BOND_UNITS = 1_000_000_000;
    /// @notice Between the last window's end and the earliest expiry, seconds.
    uint256 public constant EXPIRY_MARGIN_SECONDS = 10;
    /// @notice How many blocks after the opening one the seed's block is.
    uint256 public constant SEED_DELAY_BLOCKS = 2;

    /// @dev In a carried reveal's first byte: the seat has another result than the one offered.
    uint256 private constant OTHER_RESULT = 0x80;
    /// @dev A bond in units times this is compared with a fee in base units times parts per million.
    uint256 private constant BOND_SCALE = STAKE_UNIT * 1e6;

    /* IMMUTABLES */

    /// @notice The only escrow whose jobs this verifier takes.
    JobEscrow public immutable ESCROW;
    /// @notice Where stake is allocated and slashed.
    OperatorStaking public immutable STAKING;

    uint256 private immutable MAX_LOCK_SECONDS;
    uint256 private immutable REFUND_GRACE_SECONDS;
    uint256 private immutable DOMAIN_CHAIN_ID;
    bytes32 private immutable ESCROW_DOMAIN_SEPARATOR;

    /* STORAGE */

    StakeShares.Store private _shares;
    mapping(address signer => uint256 operatorId) private _operatorOfSigner;
    mapping(uint32 operatorId => address signer) private _syncedSigner;
    /// @dev By payer and key. Not as address and uint224, which the compiler would clean anew at each look.
    mapping(uint256 payer => mapping(uint256 key => JobRecord)) private _records;
    /// @dev Only of jobs whose commits outlast the chain's memory of block hashes.
    mapping(bytes32 jobId => uint192 seed) private _pinnedSeeds;

    /* CONSTRUCTOR */

    modifier onlyEscrow() {
        if (msg.sender != address(ESCROW)) revert NotEscrow(msg.sender);
        _;
    }

    /// @param authority The network's `AccessManager`.
    constructor(
        JobEscrow escrow,
        OperatorStaking staking,
        address authority,
        Params memory params_
    ) AccessManaged(authority) {
        require(
            address(escrow) != address(0) && address(staking) != address(0) && authority != address(0),
            ZeroAddress()
        );
        ESCROW = escrow;
        STAKING = staking;
        MAX_LOCK_SECONDS = staking.MAX_LOCK_SECONDS();
        REFUND_GRACE_SECONDS = escrow.REFUND_GRACE_SECONDS();
        DOMAIN_CHAIN_ID = block.chainid;
        ESCROW_DOMAIN_SEPARATOR = escrow.domainSeparator();
        _setParams(params_);
    }

    /* OPERATORS */

    /// @inheritdoc ICommitRevealVerifier
    function join(uint256 amount) external {
        uint32 operatorId = _ownOperator();
        require(operatorId < 1 << 29, OperatorIdTooLarge(operatorId)); // a seat has so many bits for it
        _shares.add(operatorId, _toUnits(amount));
        _syncSigner(operatorId);
        emit Joined(operatorId, amount);
        STAKING.allocate(operatorId, SafeCast.toUint96(amount));
    }

    /// @inheritdoc ICommitRevealVerifier
    function leave(uint256 amount) external {
        uint32 operatorId = _ownOperator();
        uint256 units = _toUnits(amount);
        uint256 share = _shares.memberOf(operatorId).share();
        require(units <= share, InsufficientShare(share, units));
        _shares.remove(operatorId, units);
        emit Left(operatorId, amount);
        STAKING.deallocate(operatorId, SafeCast.toUint96(amount));
    }

    /// @inheritdoc ICommitRevealVerifier
    function syncSigner(uint32 operatorId) external {
        _syncSigner(operatorId);
    }

    /* THE LIFE OF A JOB */

    // What every job runs through says `if (…) revert`, because the arguments of a `require`'s error are computed even
    // when nothing is wrong.

    /// @inheritdoc IVerifier
    function opened(
        uint256 maxResultBytes,
        bool bitExact,
        Job calldata job,
        bytes32 jobId
    ) external onlyEscrow returns (bytes4) {
        if (!bitExact) revert ModelNotBitExact(job.modelId);
        _takeJob(job.words(), maxResultBytes, jobId);
        return IVerifier.opened.selector;
    }

    /// @inheritdoc ICommitRevealVerifier
    function pinSeed(JobRef calldata ref) external {
        (, JobState state) = _find(ref);
        uint192 seed = _seedOf(ref.jobId, state);
        _pinnedSeeds[ref.jobId] = seed;
        emit SeedPinned(ref.jobId, seed);
    }

    /// @inheritdoc ICommitRevealVerifier
    function commit(JobRef calldata ref, uint64 seedPrefix, uint192 commitment) external {
        uint256 operatorId = _operatorOfSigner[msg.sender];
        if (operatorId == 0) revert NotASigner(msg.sender);
        StakeShares.Holder storage holder = _shares.holders[operatorId];
        MemberState member = holder.state;
        (SeatSlot storage slot, uint256 head) = _takeSeat(ref, seedPrefix, operatorId, member);
        StakeShares.lock(holder, member, ref.terms.bondUnits());
        slot.word = head | commitment;
        emit ResultCommitted(ref.jobId, uint32(operatorId));
    }

    /// @inheritdoc ICommitRevealVerifier
    function reveal(bytes32 resultHash, JobRef calldata ref, uint8 seat, bytes32 salt) external {
        (JobRecord storage record, JobState state) = _find(ref);
        if (state.isResolved()) revert JobResolved(ref.jobId);
        uint256 openedAt = state.openedAt();
        uint256 closesAt = _revealsCloseAt(openedAt, ref.terms, record.seats[ref.terms.committeeSize() - 1].word);
        if (seat >= MAX_COMMITTEE_SIZE) revert SeatUnknown(seat);
        uint256 word = record.seats[seat].word;
        if (!Tally.isOf(word, openedAt)) revert SeatUnknown(seat);
        if (Tally.isRevealed(word)) revert AlreadyRevealed(seat);
        record.seats[seat].word = _reveal(ref.jobId, word, closesAt, resultHash, salt);
    }

    /// @inheritdoc IVerifier
    /// @dev The escrow vouches for the job, and tells its id.
    function conclude(
        Job calldata job,
        uint256 earners,
        bytes32 jobId,
        bytes calldata evidence,
        uint256 offeredBytes,
        bytes32 offeredHash
    ) external onlyEscrow returns (Verdict, bytes32) {
        bytes32 terms = job.verifierData;
        JobRecord storage record = _recordOf(job.words());
        JobState state = record.state;
        (uint256[] memory seats, uint256 revealsCloseAt) = _seatsToConclude(record, state, terms);
        if (evidence.length > 0) _revealAll(jobId, seats, revealsCloseAt, offeredHash, evidence);
        record.state = state.resolved(); // undone with everything else while it is too early
        if (_isTooLate(state)) {
            _releaseAll(terms, seats);
            return (Verdict.NoResult, 0);
        }
        uint256 agreed = _agreeing(terms, seats, revealsCloseAt, offeredHash, offeredBytes);
        if (agreed == 0) {
            _resolveWithoutResult(jobId, terms, seats);
            return (Verdict.NoResult, 0);
        }
        _payMajority(jobId, terms, seats, Tally.truncate(offeredHash), agreed, earners);
        return (Verdict.Final, offeredHash);
    }

    /// @inheritdoc IVerifier
    /// @dev `opened` made sure that by `expiresAt` all windows are over: whoever could conclude has had the time.
    function expire(Job calldata job) external {
        (bytes32 jobId, JobRecord storage record, JobState state) = _load(job);
        if (state.isResolved()) return;
        if (msg.sender != address(ESCROW)) {
            require(ESCROW.statusOf(job) != JobStatus.Open, JobStillOpen(jobId));
        }
        bytes32 terms = job.verifierData;
        uint256[] memory seats = _seatsOf(record, state.openedAt(), terms.committeeSize());
        record.state = state.resolved();
        if (_isTooLate(state)) _releaseAll(terms, seats);
        else _resolveWithoutResult(jobId, terms, seats);
    }

    /// @inheritdoc IEarningsSource
    function releaseEarnings(uint32 operatorId) external returns (uint256 amount) {
        require(msg.sender == address(STAKING), NotStaking(msg.sender));
        amount = _shares.takeEarnings(operatorId);
        ESCROW.transfer(msg.sender, amount);
    }

    /* AUTHORITY */

    /// @inheritdoc ICommitRevealVerifier
    function setParams(Params calldata params_) external restricted {
        _setParams(params_);
    }

    /* VIEWS */

    /// @inheritdoc ICommitRevealVerifier
    function params() external view returns (Params memory) {
        PoolState pool = _shares.pool;
        (uint256 commits, uint256 reveals, uint256 settles) = pool.minWindows();
        (uint256 bondPpm, uint256 bondUnits) = pool.minBond();
        return Params(uint32(commits), uint32(reveals), uint32(settles), uint32(bondPpm), uint56(bondUnits));
    }

    /// @inheritdoc ICommitRevealVerifier
    function memberOf(uint32 operatorId) external view returns (Member memory) {
        MemberState member = _shares.memberOf(operatorId);
        return
            Member({
                share: uint56(member.share()),
                locked: uint56(member.locked()),
                earnings: uint96(member.earnings()),
                changedAt: uint40(member.changedAt())
            });
    }

    /// @inheritdoc ICommitRevealVerifier
    function operatorOfSigner(address signer) external view returns (uint32) {
        return uint32(_operatorOfSigner[signer]);
    }

    /// @inheritdoc ICommitRevealVerifier
    function shareAt(uint32 operatorId, uint48 timestamp) external view returns (uint56) {
        return uint56(_shares.shareAt(operatorId, timestamp));
    }

    /// @inheritdoc ICommitRevealVerifier
    function totalShares() external view returns (uint56) {
        return uint56(_shares.pool.share());
    }

    /// @inheritdoc ICommitRevealVerifier
    function scheduleOf(Job calldata job) external view returns (Schedule memory schedule) {
        (, JobRecord storage record, JobState state) = _load(job);
        bytes32 terms = job.verifierData;
        uint256 openedAt = state.openedAt();
        uint256 closesAt = _commitsCloseAt(openedAt, terms, record.seats[terms.committeeSize() - 1].word);
        schedule.openedAt = uint40(openedAt);
        schedule.seedBlock = SafeCast.toUint64(_seedBlock(state));
        schedule.committed = uint8(_seatsOf(record, openedAt, terms.committeeSize()).length);
        schedule.resolved = state.isResolved();
        schedule.commitsCloseAt = uint40(closesAt);
        schedule.revealsCloseAt = schedule.commitsCloseAt + uint40(terms.revealWindowSeconds());
        schedule.settlesBy = schedule.revealsCloseAt + uint40(terms.settleWindowSeconds());
        schedule.totalShare = uint56(state.totalShare());
    }

    /// @inheritdoc ICommitRevealVerifier
    function seedOf(Job calldata job) external view returns (uint192) {
        (bytes32 jobId, , JobState state) = _load(job);
        return _seedOf(jobId, state);
    }

    /// @inheritdoc ICommitRevealVerifier
    function committeeOf(Job calldata job) external view returns (Seat[] memory committee) {
        (, JobRecord storage record, JobState state) = _load(job);
        uint256[] memory seats = _seatsOf(record, state.openedAt(), job.verifierData.committeeSize());
        committee = new Seat[](seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            committee[i] = Seat({
                operatorId: uint32(Tally.operatorOf(seats[i])),
                revealed: Tally.isRevealed(seats[i]),
                hash: Tally.padded(Tally.hashOf(seats[i]))
            });
        }
    }

    /* INTERNAL: STATE AND TIME */

    function _load(Job calldata job) private view returns (bytes32 jobId, JobRecord storage record, JobState state) {
        jobId = MessageHashUtils.toTypedDataHash(_escrowDomainSeparator(), job.hash());
        record = _recordOf(job.words());
        state = record.state;
        if (!state.belongsTo(jobId, job.verifierData)) revert UnknownJob(jobId);
    }

    function _recordOf(JobWords calldata job) private view returns (JobRecord storage) {
        return _records[job.payer][job.nonce >> 32];
    }

    function _find(JobRef calldata ref) private view returns (JobRecord storage record, JobState state) {
        record = _records[uint160(ref.payer)][ref.key];
        state = record.state;
        if (!state.belongsTo(ref.jobId, ref.terms)) revert UnknownJob(ref.jobId);
    }

    /// @dev A chain that forks off with a new chain id has a new domain.
    function _escrowDomainSeparator() private view returns (bytes32) {
        return block.chainid == DOMAIN_CHAIN_ID ? ESCROW_DOMAIN_SEPARATOR : ESCROW.domainSeparator();
    }

    /// @dev When the last seat was taken early, so do commits close.
    function _commitsCloseAt(uint256 openedAt, bytes32 terms, uint256 lastSeat) private pure returns (uint256) {
        uint256 step = Tally.isOf(lastSeat, openedAt) ? Tally.stepOf(lastSeat) : terms.maxWidening();
        unchecked {
            return openedAt + (step + 1) * terms.commitWindowSeconds(); // 32 bits + 8 bits × 32 bits
        }
    }

    /// @dev Nothing that needs this can happen before commits have closed.
    function _revealsCloseAt(uint256 openedAt, bytes32 terms, uint256 lastSeat) private view returns (uint256) {
        uint256 commitsCloseAt = _commitsCloseAt(openedAt, terms, lastSeat);
        if (block.timestamp < commitsCloseAt) revert CommitsOpen(commitsCloseAt);
        unchecked {
            return commitsCloseAt + terms.revealWindowSeconds(); // 41 bits + 32 bits
        }
    }

    /// @dev Every lock ends by itself: what is resolved too late to be sure of its stake is only released.
    function _isTooLate(JobState state) private view returns (bool) {
        unchecked {
            return block.timestamp > state.openedAt() + MAX_LOCK_SECONDS; // 32 bits and 40 bits
        }
    }

    function _seedBlock(JobState state) private view returns (uint256) {
        return state.openedBlock() + SEED_DELAY_BLOCKS;
    }

    /// @dev One block's hash, for ever: where the chain has forgotten it and nobody pinned it, there is no seed any
    /// more, and the job ends without a result.
    function _seedOf(bytes32 jobId, JobState state) private view returns (uint192 seed) {
        uint256 seedBlock = _seedBlock(state);
        bytes32 blockHash = block.number > seedBlock ? Blockhash.blockHash(seedBlock) : bytes32(0);
        seed = blockHash != 0 ? Sortition.seed(blockHash, jobId) : _pinnedSeeds[jobId];
        if (seed == 0) revert SeedUnavailable(seedBlock, block.number);
    }

    /* INTERNAL: OPENING */

    /// @dev The escrow has checked the words.
    function _takeJob(JobWords calldata job, uint256 maxResultBytes, bytes32 jobId) private {
        bytes32 terms = job.verifierData;
        PoolState pool = _shares.pool;
        _checkCommittee(terms, maxResultBytes);
        _checkWindows(terms, pool, job.expiresAt);
        _checkBond(terms, pool, job.fee);
        JobRecord storage record = _recordOf(job);
        uint256 previous = JobState.unwrap(record.state);
        // Unresolved unless it is nothing, or marked so.
        if (previous != 0 && previous & 1 == 0) {
            revert KeyUnresolved(address(uint160(job.payer)), uint224(job.nonce >> 32));
        }
        record.state = JobStateLib.start(jobId, terms, pool.roundedBeforeNow());
    }

    function _checkCommittee(bytes32 terms, uint256 modelMaxResultBytes) private pure {
        (uint256 size, uint256 widening, uint256 maxResultBytes) = terms.committee();
        if (uint64(uint256(terms)) != 0) revert CommitRevealTermsLib.TermsNotCanonical(terms);
        if (size & 1 == 0 || size > MAX_COMMITTEE_SIZE) revert CommitteeSizeInvalid(size, MAX_COMMITTEE_SIZE);
        if (widening > MAX_WIDENING) revert WideningTooLarge(widening, MAX_WIDENING);
        if (maxResultBytes != modelMaxResultBytes) revert ResultBoundMismatch(maxResultBytes, modelMaxResultBytes);
    }

    /// @dev Unchecked: least windows are below the longest, and nothing has more than 40 bits.
    function _checkWindows(bytes32 terms, PoolState pool, uint256 expiresAt) private view {
        (uint256 commits, uint256 reveals, uint256 settles) = terms.windows();
        (uint256 minCommits, uint256 minReveals, uint256 minSettles) = pool.minWindows();
        unchecked {
            if (commits - minCommits > MAX_WINDOW_SECONDS - minCommits) {
                revert WindowOutOfRange(commits, minCommits, MAX_WINDOW_SECONDS);
            }
            if (reveals - minReveals > MAX_WINDOW_SECONDS - minReveals) {
                revert WindowOutOfRange(reveals, minReveals, MAX_WINDOW_SECONDS);
            }
            if (settles - minSettles > MAX_WINDOW_SECONDS - minSettles) {
                revert WindowOutOfRange(settles, minSettles, MAX_WINDOW_SECONDS);
            }
            uint256 allSeconds = commits * (terms.maxWidening() + 1) + reveals + settles;
            uint256 earliest = block.timestamp + allSeconds + EXPIRY_MARGIN_SECONDS;
            uint256 latest = block.timestamp + MAX_LOCK_SECONDS - REFUND_GRACE_SECONDS;
            if (expiresAt < earliest || expiresAt > latest) revert ExpiryOutOfRange(expiresAt, earliest, latest);
        }
    }

    /// @dev Bonds are compared without dividing: bond × unit against fee × ratio, rounded up. Unchecked: 56 bits × 60
    /// bits, and 96 bits × 24 bits.
    function _checkBond(bytes32 terms, PoolState pool, uint256 fee) private pure {
        if (fee > type(uint96).max) revert FeeTooLarge(fee, type(uint96).max);
        uint256 bond = terms.bondUnits();
        (uint256 minPpm, uint256 minUnits) = pool.minBond();
        unchecked {
            uint256 scaled = bond * BOND_SCALE;
            if (scaled < fee * minPpm || bond < minUnits) revert BondTooSmall(bond, _bondFor(fee, minPpm, minUnits));
            if (scaled >= fee * MAX_BOND_PPM + BOND_SCALE && bond > minUnits) {
                revert BondTooLarge(bond, _bondFor(fee, MAX_BOND_PPM, minUnits));
            }
        }
    }

    function _bondFor(uint256 fee, uint256 ppm, uint256 minBond) private pure returns (uint256) {
        return Math.max(Math.ceilDiv(fee * ppm, BOND_SCALE), minBond);
    }

    /* INTERNAL: COMMIT AND REVEAL */

    /// @return slot A free seat's, or the highest draw's after its eviction
    /// @return head What the seat is to hold besides the commitment
    function _takeSeat(
        JobRef calldata ref,
        uint64 seedPrefix,
        uint256 operatorId,
        MemberState member
    ) private returns (SeatSlot storage slot, uint256 head) {
        (JobRecord storage record, JobState state) = _find(ref);
        if (state.isResolved()) revert JobResolved(ref.jobId);
        uint192 seed = _seedOf(ref.jobId, state);
        if (seed >> 128 != seedPrefix) revert SeedMismatch(seedPrefix, seed);
        uint256 stake = _shares.shareBefore(member, operatorId, state.openedAt());
        uint256 step = _checkDraw(state, ref.terms, operatorId, Sortition.ticket(seed, operatorId), stake);
        uint256 seat = _freeSeat(record, state.openedAt(), ref.terms.committeeSize(), operatorId);
        if (seat == ref.terms.committeeSize()) (seat, step) = _evict(ref, record, state, seed, operatorId, stake);
        return (record.seats[seat], Tally.seatOf(step, operatorId, state.openedAt(), 0));
    }

    /// @return step The widening step this is
    function _checkDraw(
        JobState state,
        bytes32 terms,
        uint256 operatorId,
        uint256 ticket,
        uint256 stake
    ) private view returns (uint256 step) {
        uint256 openedAt = state.openedAt();
        unchecked {
            step = (block.timestamp - openedAt) / terms.commitWindowSeconds(); // above zero: `opened` saw to it
        }
        if (step > terms.maxWidening()) revert CommitsClosed(_commitsCloseAt(openedAt, terms, 0));
        if (!Sortition.mayCommit(ticket, stake, state.totalShare(), terms.committeeSize(), step)) {
            revert NotDrawn(uint32(operatorId), uint8(step));
        }
    }

    /// @return seat The first that is free; the committee's size if none is
    function _freeSeat(
        JobRecord storage record,
        uint256 openedAt,
        uint256 size,
        uint256 operatorId
    ) private view returns (uint256 seat) {
        for (; seat < size; ++seat) {
            uint256 taken = record.seats[seat].word;
            if (!Tally.isOf(taken, openedAt)) return seat;
            if (Tally.operatorOf(taken) == operatorId) revert AlreadySeated(uint32(operatorId), uint8(seat));
        }
    }

    /// @return seat The one with the highest draw, which the newcomer's is lower than; its bond is released
    /// @return step What it was taken in: a committee that is full stays as it was filled
    function _evict(
        JobRef calldata ref,
        JobRecord storage record,
        JobState state,
        uint192 seed,
        uint256 newcomer,
        uint256 newStake
    ) private returns (uint256 seat, uint256 step) {
        uint256[] memory seats = _seatsOf(record, state.openedAt(), ref.terms.committeeSize());
        uint256 closesAt = _commitsCloseAt(state.openedAt(), ref.terms, seats[seats.length - 1]);
        if (block.timestamp >= closesAt) revert CommitsClosed(closesAt);
        (uint256 ticket, uint256 stake) = (0, 0);
        for (uint256 i = 0; i < seats.length; ++i) {
            (uint256 nextTicket, uint256 nextStake) = _drawOf(seed, Tally.operatorOf(seats[i]), state.openedAt());
            if (i == 0 || Sortition.isLower(ticket, stake, nextTicket, nextStake)) {
                (seat, ticket, stake) = (i, nextTicket, nextStake);
            }
        }
        uint256 newTicket = Sortition.ticket(seed, newcomer);
        if (!Sortition.isLower(newTicket, newStake, ticket, stake)) revert NotLower(uint32(newcomer));
        uint256 evicted = Tally.operatorOf(seats[seat]);
        _shares.unlock(evicted, ref.terms.bondUnits());
        emit SeatEvicted(ref.jobId, uint32(evicted), uint8(seat));
        step = Tally.stepOf(seats[seat]);
    }

    function _drawOf(
        uint192 seed,
        uint256 operatorId,
        uint256 openedAt
    ) private view returns (uint256 ticket, uint256 stake) {
        ticket = Sortition.ticket(seed, operatorId);
        stake = _shares.shareBefore(_shares.memberOf(operatorId), operatorId, openedAt);
    }

    /// @return The seat with its commitment opened
    function _reveal(
        bytes32 jobId,
        uint256 seat,
        uint256 revealsCloseAt,
        bytes32 resultHash,
        bytes32 salt
    ) private returns (uint256) {
        if (block.timestamp >= revealsCloseAt) revert RevealsClosed(revealsCloseAt);
        uint256 operatorId = Tally.operatorOf(seat);
        bytes32 commitment = Commitment.hash(jobId, operatorId, resultHash, salt);
        if (Tally.truncate(commitment) != Tally.hashOf(seat)) {
            revert RevealMismatch(commitment, Tally.padded(Tally.hashOf(seat)));
        }
        emit ResultRevealed(jobId, uint32(operatorId), resultHash);
        return Tally.revealed(seat, Tally.truncate(resultHash));
    }

    /// @dev Only in memory: the job is resolved, or nothing of this happened. A seat that revealed by itself meanwhile is
    /// passed over, so that carrying reveals can't be raced. The evidence's form is told with `reveal`.
    function _revealAll(
        bytes32 jobId,
        uint256[] memory seats,
        uint256 revealsCloseAt,
        bytes32 offeredHash,
        bytes calldata evidence
    ) private {
        unchecked {
            uint256 at = 0;
            while (at < evidence.length) {
                uint256 head = uint256(bytes32(evidence[at:])) >> 248;
                uint256 size = head & OTHER_RESULT == 0 ? 33 : 65;
                if (at + size > evidence.length) revert EvidenceMalformed(evidence.length);
                bytes32 salt = bytes32(evidence[at + 1:]);
                bytes32 resultHash = size == 33 ? offeredHash : bytes32(evidence[at + 33:]);
                _revealCarried(jobId, seats, revealsCloseAt, head & ~OTHER_RESULT, resultHash, salt);
                at += size;
            }
        }
    }

    function _revealCarried(
        bytes32 jobId,
        uint256[] memory seats,
        uint256 revealsCloseAt,
        uint256 index,
        bytes32 resultHash,
        bytes32 salt
    ) private {
        if (index >= seats.length) revert SeatUnknown(index);
        uint256 seat = seats[index];
        if (!Tally.isRevealed(seat)) seats[index] = _reveal(jobId, seat, revealsCloseAt, resultHash, salt);
    }

    /// @return seats Those taken, in order
    function _seatsOf(
        JobRecord storage record,
        uint256 openedAt,
        uint256 size
    ) private view returns (uint256[] memory seats) {
        seats = new uint256[](size);
        uint256 taken = 0;
        for (; taken < size; ++taken) {
            uint256 seat = record.seats[taken].word;
            if (!Tally.isOf(seat, openedAt)) break;
            seats[taken] = seat;
        }
        assembly ("memory-safe") {
            mstore(seats, taken) // shortens the array
        }
    }

    /* INTERNAL: CONCLUSION */

    /// @dev A committee that isn't full has no last seat: its commits close at the latest time.
    function _seatsToConclude(
        JobRecord storage record,
        JobState state,
        bytes32 terms
    ) private view returns (uint256[] memory seats, uint256 revealsCloseAt) {
        uint256 openedAt = state.openedAt();
        uint256 size = terms.committeeSize();
        seats = _seatsOf(record, openedAt, size);
        uint256 lastSeat;
        unchecked {
            if (seats.length == size) lastSeat = seats[size - 1]; // a committee has at least one seat
        }
        revealsCloseAt = _revealsCloseAt(openedAt, terms, lastSeat);
    }

    /// @return How many seats agree with what was offered, if they are the majority; zero if there is no result. Reverts
    /// while that can change.
    function _agreeing(
        bytes32 terms,
        uint256[] memory seats,
        uint256 revealsCloseAt,
        bytes32 offeredHash,
        uint256 offeredBytes
    ) private view returns (uint256) {
        (uint256 revealed, uint256 agreed) = Tally.agreeing(seats, Tally.truncate(offeredHash));
        bool complete = revealed == seats.length || block.timestamp >= revealsCloseAt;
        uint256 majority = terms.majority();
        if (agreed >= majority && complete && offeredBytes <= terms.maxResultBytes()) return agreed;
        if (seats.length >= majority) {
            if (!complete) revert RevealsOpen(revealsCloseAt);
            _requireNothingToShow(terms, revealsCloseAt, Tally.count(seats), offeredHash, offeredBytes);
        }
        return 0;
    }

    /// @dev A majority that agrees on something else than what was offered keeps the job pending until the time to
    /// show its bytes is over.
    function _requireNothingToShow(
        bytes32 terms,
        uint256 revealsCloseAt,
        Tally.Count memory count,
        bytes32 offeredHash,
        uint256 offeredBytes
    ) private view {
        if (count.topCount < terms.majority()) return;
        if (block.timestamp >= revealsCloseAt + terms.settleWindowSeconds()) return;
        if (Tally.truncate(offeredHash) != count.top) revert ResultNotMajority(offeredHash, Tally.padded(count.top));
        revert ResultTooLarge(offeredBytes, terms.maxResultBytes());
    }

    /// @dev Equal parts; what doesn't divide goes to the first of the majority, so that the parts add up. All others lose
    /// their bonds.
    function _payMajority(
        bytes32 jobId,
        bytes32 terms,
        uint256[] memory seats,
        uint256 standing,
        uint256 agreed,
        uint256 pot
    ) private {
        uint256 bondUnits = terms.bondUnits();
        uint256 count = seats.length;
        unchecked {
            uint256 each = pot / agreed; // a majority is at least one
            uint256 part = pot - each * (agreed - 1);
            for (uint256 i = 0; i < count; ++i) {
                uint256 seat = seats[i];
                if (!Tally.agrees(seat, standing)) continue;
                _shares.unlockAndPay(Tally.operatorOf(seat), bondUnits, part);
                part = each;
            }
        }
        if (agreed < count) _slashDissent(jobId, bondUnits, seats, standing);
    }

    function _slashDissent(bytes32 jobId, uint256 bondUnits, uint256[] memory seats, uint256 standing) private {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!Tally.isRevealed(seats[i])) _slash(jobId, seats[i], bondUnits, Fault.Silence);
            else if (Tally.hashOf(seats[i]) != standing) _slash(jobId, seats[i], bondUnits, Fault.Minority);
        }
    }

    /// @dev The silent lose their bonds. Where a majority agreed but nobody has shown its bytes, all others do too: its
    /// members for withholding, the rest for disagreeing, so that holding the bytes back saves no liar. Without a
    /// majority whoever revealed gets its bond back; with fewer seats taken than a majority needs, everybody does.
    function _resolveWithoutResult(bytes32 jobId, bytes32 terms, uint256[] memory seats) private {
        if (seats.length < terms.majority()) return _releaseAll(terms, seats);
        uint256 bondUnits = terms.bondUnits();
        Tally.Count memory count = Tally.count(seats);
        if (count.topCount >= terms.majority()) {
            for (uint256 i = 0; i < seats.length; ++i) {
                if (Tally.isRevealed(seats[i]) && Tally.hashOf(seats[i]) == count.top) {
                    _slash(jobId, seats[i], bondUnits, Fault.Withheld);
                }
            }
            return _slashDissent(jobId, bondUnits, seats, count.top);
        }
        for (uint256 i = 0; i < seats.length; ++i) {
            if (Tally.isRevealed(seats[i])) _shares.unlock(Tally.operatorOf(seats[i]), bondUnits);
            else _slash(jobId, seats[i], bondUnits, Fault.Silence);
        }
    }

    function _releaseAll(bytes32 terms, uint256[] memory seats) private {
        for (uint256 i = 0; i < seats.length; ++i) {
            _shares.unlock(Tally.operatorOf(seats[i]), terms.bondUnits());
        }
    }

    /// @dev Bonds are burnt whole: paying the majority from them would pay it for outvoting the truth.
    function _slash(bytes32 jobId, uint256 seat, uint256 bondUnits, Fault fault) private {
        uint32 operatorId = uint32(Tally.operatorOf(seat));
        _shares.unlock(operatorId, bondUnits);
        // 56 bits of units are less than 96 bits of base units.
        uint96 amount = uint96(bondUnits * STAKE_UNIT);
        (uint96 fromActive, uint96 fromLeaving) = STAKING.slash(operatorId, amount, new uint32[](0));
        if (fromActive > 0) _shares.remove(operatorId, fromActive / STAKE_UNIT);
        emit BondSlashed(jobId, operatorId, fault, fromActive + fromLeaving);
    }

    /* INTERNAL: OPERATORS AND PARAMETERS */

    function _ownOperator() private view returns (uint32 operatorId) {
        operatorId = STAKING.operatorOf(msg.sender);
        require(operatorId != 0, NotRegistered(msg.sender));
    }

    function _syncSigner(uint32 operatorId) private {
        address signer = STAKING.signerOf(operatorId);
        require(signer != address(0), NotRegistered(signer));
        address before = _syncedSigner[operatorId];
        if (before == signer) return;
        delete _operatorOfSigner[before];
        _operatorOfSigner[signer] = operatorId;
        _syncedSigner[operatorId] = signer;
        emit SignerSynced(operatorId, signer);
    }

    function _toUnits(uint256 amount) private pure returns (uint256) {
        require(amount % STAKE_UNIT == 0, AmountNotInUnits(amount, STAKE_UNIT));
        return amount / STAKE_UNIT;
    }

    function _setParams(Params memory params_) private {
        _checkParam(params_.minCommitWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        _checkParam(params_.minRevealWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        _checkParam(params_.minSettleWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        require(params_.minBondPpm <= MAX_MIN_BOND_PPM, ParamOutOfRange(params_.minBondPpm, MAX_MIN_BOND_PPM));
        require(params_.minBondUnits <= MAX_MIN_BOND_UNITS, ParamOutOfRange(params_.minBondUnits, MAX_MIN_BOND_UNITS));
        // The limits above are below what each field holds.
        _shares.pool = _shares.pool.withBounds(
            uint16(params_.minCommitWindowSeconds),
            uint16(params_.minRevealWindowSeconds),
            uint16(params_.minSettleWindowSeconds),
            uint24(params_.minBondPpm),
            uint32(params_.minBondUnits)
        );
        emit ParamsChanged(params_);
    }

    function _checkParam(uint256 got, uint256 limit) private pure {
        require(got > 0 && got <= limit, ParamOutOfRange(got, limit));
    }
}
