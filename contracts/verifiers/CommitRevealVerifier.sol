// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {JobEscrow} from "../jobs/JobEscrow.sol";
import {JobStatus} from "../jobs/IJobEscrow.sol";
import {IVerifier, Verdict} from "../jobs/IVerifier.sol";
import {IModelRegistry, ModelTerms} from "../models/IModelRegistry.sol";
import {IEarningsSource} from "../staking/IEarningsSource.sol";
import {OperatorStaking} from "../staking/OperatorStaking.sol";
import {Commitment} from "../types/Commitment.sol";
import {CommitRevealTerms, CommitRevealTermsLib} from "../types/CommitRevealTerms.sol";
import {Job, JobLib} from "../types/Job.sol";
import {Sortition} from "../types/Sortition.sol";
import {Fault, ICommitRevealVerifier, Member, Params, Reveal, Schedule, Seat} from "./ICommitRevealVerifier.sol";
import {StakeShares} from "./StakeShares.sol";
import {Tally} from "./Tally.sol";

/// @title CommitRevealVerifier
/// @notice Called by the escrow (opened, conclude, expire), by operators and by anyone who carries a reveal; calls
/// `OperatorStaking` to join, leave and slash, and moves earnings inside the escrow's ledger. Holds no tokens.
contract CommitRevealVerifier is ICommitRevealVerifier, AccessManaged {
    using JobLib for Job;
    using StakeShares for StakeShares.Store;

    /// @dev Written when the job opens, never changed after.
    struct Opening {
        uint200 jobHash; // the jobId's top 200 bits: binds every later call to these terms
        uint32 openedAt; // unix seconds
        uint24 openedBlock; // low bits: a job lives far shorter than 2^24 blocks
    }

    /// @dev Written by commits and when the job is resolved. One with another sequence is an earlier job's: empty.
    struct Progress {
        uint32 sequence;
        uint192 seed; // zero until pinned
        uint8 committed; // seats taken
        uint8 filledStep; // the widening step in which the last seat was taken
        bool resolved;
    }

    /// @dev Belongs to a payer's key and is used again by its next job.
    struct JobRecord {
        Opening opening; // slot 0
        Progress progress; // slot 1
        uint256[9] seats; // slots 2 to 10, see `Tally`; only those below `progress.committed` count
    }

    /// @dev What every step of a job starts from.
    struct Context {
        bytes32 jobId;
        CommitRevealTerms terms;
        Opening opening;
        Progress progress;
        uint256 commitsCloseAt;
        uint256 revealsCloseAt;
    }

    /* CONSTANTS */

    /// @notice OPG base units in a stake unit.
    uint256 public constant STAKE_UNIT = 1e12;
    /// @notice Largest committee; bounds the gas of a conclusion.
    uint256 public constant MAX_COMMITTEE_SIZE = 9;
    /// @notice Most widening steps.
    uint256 public constant MAX_WIDENING = 8;
    /// @notice Longest window a payer can ask for, seconds.
    uint256 public constant MAX_WINDOW_SECONDS = 6 hours;
    /// @notice Highest lower bound of a window the authority can set, seconds.
    uint256 public constant MAX_MIN_WINDOW_SECONDS = 1 hours;
    /// @notice Highest bond ratio the authority can set: ten times the fee.
    uint256 public constant MAX_MIN_BOND_PPM = 10_000_000;
    /// @notice Highest least bond the authority can set, stake units: 1,000 OPG.
    uint256 public constant MAX_MIN_BOND_UNITS = 1_000_000_000;
    /// @notice Between the last window's end and the earliest expiry, seconds.
    uint256 public constant EXPIRY_MARGIN_SECONDS = 10;
    /// @notice How many blocks after the opening one the seed's block is.
    uint256 public constant SEED_DELAY_BLOCKS = 2;

    /* IMMUTABLES */

    /// @notice The only escrow whose jobs this verifier takes.
    JobEscrow public immutable ESCROW;
    /// @notice Where stake is allocated and slashed.
    OperatorStaking public immutable STAKING;
    /// @notice Where models are read when a job opens.
    IModelRegistry public immutable MODELS;

    uint256 private immutable MAX_LOCK_SECONDS;
    uint256 private immutable REFUND_GRACE_SECONDS;
    uint256 private immutable DOMAIN_CHAIN_ID;
    bytes32 private immutable ESCROW_DOMAIN_SEPARATOR;

    /* STORAGE */

    Params private _params;
    StakeShares.Store private _shares;
    /// @inheritdoc ICommitRevealVerifier
    mapping(address signer => uint32 operatorId) public operatorOfSigner;
    mapping(uint32 operatorId => address signer) private _syncedSigner;
    mapping(address payer => mapping(uint224 key => JobRecord)) private _records;

    /* CONSTRUCTOR */

    modifier onlyEscrow() {
        require(msg.sender == address(ESCROW), NotEscrow(msg.sender));
        _;
    }

    /// @param authority The network's `AccessManager`.
    constructor(JobEscrow escrow, OperatorStaking staking, address authority, Params memory params_)
        AccessManaged(authority)
    {
        require(
            address(escrow) != address(0) && address(staking) != address(0) && authority != address(0), ZeroAddress()
        );
        ESCROW = escrow;
        STAKING = staking;
        MODELS = escrow.MODELS();
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
        require(operatorId < 1 << 31, OperatorIdTooLarge(operatorId));
        uint56 units = _toUnits(amount);
        _shares.add(operatorId, units);
        _syncSigner(operatorId);
        emit Joined(operatorId, amount);
        STAKING.allocate(operatorId, SafeCast.toUint96(amount));
    }

    /// @inheritdoc ICommitRevealVerifier
    function leave(uint256 amount) external {
        uint32 operatorId = _ownOperator();
        uint56 units = _toUnits(amount);
        uint56 share = _shares.members[operatorId].share;
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

    /// @inheritdoc IVerifier
    function opened(bytes32 jobId, Job calldata job) external onlyEscrow {
        _checkTerms(job);
        JobRecord storage record = _records[job.payer][job.key()];
        Progress memory previous = record.progress;
        require(previous.committed == 0 || previous.resolved, KeyUnresolved(job.payer, job.key()));
        record.opening = Opening({
            jobHash: _truncated(jobId),
            openedAt: SafeCast.toUint32(block.timestamp),
            openedBlock: uint24(block.number)
        });
    }

    /// @inheritdoc ICommitRevealVerifier
    function pinSeed(Job calldata job) external {
        JobRecord storage record = _records[job.payer][job.key()];
        Context memory context = _load(record, job);
        require(context.progress.seed == 0 && !context.progress.resolved, JobResolved(context.jobId));
        _pin(context);
        record.progress = context.progress;
    }

    /// @inheritdoc ICommitRevealVerifier
    function commit(Job calldata job, bytes32 seed, bytes32 commitment) external {
        uint32 operatorId = operatorOfSigner[msg.sender];
        require(operatorId != 0, NotASigner(msg.sender));
        JobRecord storage record = _records[job.payer][job.key()];
        Context memory context = _load(record, job);
        require(block.timestamp < context.commitsCloseAt, CommitsClosed(context.commitsCloseAt));
        if (context.progress.seed == 0) _pin(context);
        require(uint192(uint256(seed) >> 64) == context.progress.seed, SeedMismatch(seed, context.progress.seed));

        uint8 step = uint8((block.timestamp - context.opening.openedAt) / context.terms.commitWindowSeconds);
        uint8 seat = _takeSeat(record, context, operatorId, step);
        _shares.lock(operatorId, context.terms.bondUnits);
        record.seats[seat] = Tally.seatOf(operatorId, Tally.truncate(commitment), false);
        record.progress = context.progress;
        emit ResultCommitted(context.jobId, operatorId, seat, commitment);
    }

    /// @inheritdoc ICommitRevealVerifier
    function reveal(Job calldata job, uint8 seat, bytes32 resultHash, bytes32 salt) external {
        JobRecord storage record = _records[job.payer][job.key()];
        Context memory context = _load(record, job);
        require(!_reveal(record, context, seat, resultHash, salt), AlreadyRevealed(seat));
    }

    /// @inheritdoc IVerifier
    function conclude(
        bytes32,
        Job calldata job,
        bytes32 offeredHash,
        uint256 offeredBytes,
        bytes calldata evidence
    ) external onlyEscrow returns (Verdict, bytes32) {
        JobRecord storage record = _records[job.payer][job.key()];
        Context memory context = _load(record, job);
        require(block.timestamp >= context.commitsCloseAt, CommitsOpen(context.commitsCloseAt));
        if (evidence.length > 0) _revealAll(record, context, evidence);

        uint256[] memory seats = _seatsOf(record, context.progress.committed);
        Tally.Count memory count = Tally.count(seats);
        uint8 majority = _majority(context);
        if (_isTooLate(context) || context.progress.committed < majority) {
            _releaseAll(record, context, seats);
            return (Verdict.NoResult, 0);
        }
        require(
            count.revealed == seats.length || block.timestamp >= context.revealsCloseAt,
            RevealsOpen(context.revealsCloseAt)
        );
        if (count.topCount >= majority) {
            if (_stands(context, count.top, offeredHash, offeredBytes)) {
                _payMajority(record, context, job, seats, count);
                return (Verdict.Final, offeredHash);
            }
        }
        _resolveWithoutResult(record, context, seats, count, majority);
        return (Verdict.NoResult, 0);
    }

    /// @inheritdoc IVerifier
    /// @dev `opened` made sure that by `expiresAt` all windows are over: whoever could conclude has had the time.
    function expire(Job calldata job) external {
        JobRecord storage record = _records[job.payer][job.key()];
        Context memory context = _load(record, job);
        if (context.progress.resolved || context.progress.committed == 0) return;
        if (msg.sender != address(ESCROW)) {
            require(ESCROW.statusOf(job) != JobStatus.Open, JobStillOpen(context.jobId));
        }
        uint256[] memory seats = _seatsOf(record, context.progress.committed);
        uint8 majority = _majority(context);
        if (_isTooLate(context) || context.progress.committed < majority) _releaseAll(record, context, seats);
        else _resolveWithoutResult(record, context, seats, Tally.count(seats), majority);
    }

    /// @inheritdoc IEarningsSource
    function releaseEarnings(uint32 operatorId) external returns (uint256 amount) {
        require(msg.sender == address(STAKING), NotStaking(msg.sender));
        amount = _shares.members[operatorId].earnings;
        _shares.members[operatorId].earnings = 0;
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
        return _params;
    }

    /// @inheritdoc ICommitRevealVerifier
    function memberOf(uint32 operatorId) external view returns (Member memory) {
        return _shares.members[operatorId];
    }

    /// @inheritdoc ICommitRevealVerifier
    function shareAt(uint32 operatorId, uint48 timestamp) external view returns (uint56) {
        return _shares.shareAt(operatorId, timestamp);
    }

    /// @inheritdoc ICommitRevealVerifier
    function totalShareAt(uint48 timestamp) external view returns (uint56) {
        return _shares.totalAt(timestamp);
    }

    /// @inheritdoc ICommitRevealVerifier
    function scheduleOf(Job calldata job) external view returns (Schedule memory) {
        Context memory context = _load(_records[job.payer][job.key()], job);
        return Schedule({
            openedAt: context.opening.openedAt,
            seedBlock: SafeCast.toUint64(_seedBlock(context.opening)),
            seed: context.progress.seed,
            committed: context.progress.committed,
            commitsCloseAt: uint40(context.commitsCloseAt),
            revealsCloseAt: uint40(context.revealsCloseAt),
            settlesBy: uint40(context.revealsCloseAt + context.terms.settleWindowSeconds),
            resolved: context.progress.resolved
        });
    }

    /// @inheritdoc ICommitRevealVerifier
    function committeeOf(Job calldata job) external view returns (Seat[] memory committee) {
        JobRecord storage record = _records[job.payer][job.key()];
        uint256[] memory seats = _seatsOf(record, _load(record, job).progress.committed);
        committee = new Seat[](seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            committee[i] = Seat({
                operatorId: Tally.operatorOf(seats[i]),
                revealed: Tally.isRevealed(seats[i]),
                hash: bytes32(uint256(Tally.hashOf(seats[i])) << 32)
            });
        }
    }

    /* INTERNAL: CONTEXT */

    function _load(JobRecord storage record, Job calldata job) private view returns (Context memory context) {
        context.jobId = MessageHashUtils.toTypedDataHash(_escrowDomainSeparator(), job.hash());
        context.opening = record.opening;
        require(context.opening.jobHash == _truncated(context.jobId), UnknownJob(context.jobId));
        Progress memory progress = record.progress;
        if (progress.sequence == job.sequence()) context.progress = progress;
        else context.progress.sequence = job.sequence();
        context.terms = CommitRevealTermsLib.unpack(job.verifierData);

        uint256 steps = context.progress.committed == context.terms.committeeSize
            ? context.progress.filledStep
            : context.terms.maxWidening;
        context.commitsCloseAt = context.opening.openedAt + (steps + 1) * context.terms.commitWindowSeconds;
        context.revealsCloseAt = context.commitsCloseAt + context.terms.revealWindowSeconds;
    }

    /// @dev A chain that forks off with a new chain id has a new domain.
    function _escrowDomainSeparator() private view returns (bytes32) {
        return block.chainid == DOMAIN_CHAIN_ID ? ESCROW_DOMAIN_SEPARATOR : ESCROW.domainSeparator();
    }

    function _seedBlock(Opening memory opening) private view returns (uint256) {
        uint256 age = uint24(uint24(block.number) - opening.openedBlock);
        return block.number - age + SEED_DELAY_BLOCKS;
    }

    /// @dev Every lock ends by itself: what is resolved too late to be sure of its stake is only released.
    function _isTooLate(Context memory context) private view returns (bool) {
        return block.timestamp > context.opening.openedAt + MAX_LOCK_SECONDS;
    }

    function _majority(Context memory context) private pure returns (uint8) {
        return context.terms.committeeSize / 2 + 1;
    }

    function _truncated(bytes32 jobId) private pure returns (uint200) {
        return uint200(uint256(jobId) >> 56);
    }

    /* INTERNAL: OPENING */

    function _checkTerms(Job calldata job) private view {
        CommitRevealTerms memory terms = CommitRevealTermsLib.unpack(job.verifierData);
        Params memory bounds = _params;
        require(
            terms.committeeSize % 2 == 1 && terms.committeeSize <= MAX_COMMITTEE_SIZE,
            CommitteeSizeInvalid(terms.committeeSize, MAX_COMMITTEE_SIZE)
        );
        require(terms.maxWidening <= MAX_WIDENING, WideningTooLarge(terms.maxWidening, MAX_WIDENING));
        _checkWindow(terms.commitWindowSeconds, bounds.minCommitWindowSeconds);
        _checkWindow(terms.revealWindowSeconds, bounds.minRevealWindowSeconds);
        _checkWindow(terms.settleWindowSeconds, bounds.minSettleWindowSeconds);
        require(job.fee <= type(uint96).max, FeeTooLarge(job.fee, type(uint96).max));
        _checkBond(job, terms, bounds);
        _checkModel(job, terms);
        _checkExpiry(job, terms);
    }

    function _checkWindow(uint32 windowSeconds, uint32 min) private pure {
        require(
            windowSeconds >= min && windowSeconds <= MAX_WINDOW_SECONDS,
            WindowOutOfRange(windowSeconds, min, MAX_WINDOW_SECONDS)
        );
    }

    function _checkBond(Job calldata job, CommitRevealTerms memory terms, Params memory bounds) private pure {
        uint256 byFee = uint256(job.fee) * bounds.minBondPpm;
        require(uint256(terms.bondUnits) * STAKE_UNIT * 1e6 >= byFee, BondTooSmall(terms.bondUnits, _unitsUp(byFee)));
        require(terms.bondUnits >= bounds.minBondUnits, BondTooSmall(terms.bondUnits, bounds.minBondUnits));
    }

    function _checkModel(Job calldata job, CommitRevealTerms memory terms) private view {
        ModelTerms memory model = MODELS.termsOf(job.modelId);
        require(model.bitExact, ModelNotBitExact(job.modelId));
        require(
            terms.maxResultBytes == model.maxResultBytes,
            ResultBoundMismatch(terms.maxResultBytes, model.maxResultBytes)
        );
    }

    function _checkExpiry(Job calldata job, CommitRevealTerms memory terms) private view {
        uint256 earliest = block.timestamp + uint256(terms.commitWindowSeconds) * (uint256(terms.maxWidening) + 1)
            + terms.revealWindowSeconds + terms.settleWindowSeconds + EXPIRY_MARGIN_SECONDS;
        uint256 latest = block.timestamp + MAX_LOCK_SECONDS - REFUND_GRACE_SECONDS;
        require(
            job.expiresAt >= earliest && job.expiresAt <= latest, ExpiryOutOfRange(job.expiresAt, earliest, latest)
        );
    }

    function _unitsUp(uint256 byFee) private pure returns (uint256) {
        return (byFee + STAKE_UNIT * 1e6 - 1) / (STAKE_UNIT * 1e6);
    }

    /* INTERNAL: COMMIT AND REVEAL */

    /// @dev Once and for all: a seed that can't be read any more is never drawn again, the job is refunded instead.
    function _pin(Context memory context) private {
        uint256 seedBlock = _seedBlock(context.opening);
        bytes32 seed = block.number > seedBlock ? Blockhash.blockHash(seedBlock) : bytes32(0);
        require(seed != 0, SeedUnavailable(seedBlock, block.number));
        context.progress.seed = uint192(uint256(seed) >> 64);
        emit SeedPinned(context.jobId, context.progress.seed);
    }

    /// @return seat A free one, or the highest draw's after its eviction
    function _takeSeat(JobRecord storage record, Context memory context, uint32 operatorId, uint8 step)
        private
        returns (uint8 seat)
    {
        uint40 openedAt = context.opening.openedAt;
        Progress memory progress = context.progress;
        uint128 ticket = Sortition.ticket(progress.seed, operatorId);
        uint56 stake = _shares.shareBefore(operatorId, openedAt);
        require(
            Sortition.mayCommit(ticket, stake, _shares.totalBefore(openedAt), context.terms.committeeSize, step),
            NotDrawn(operatorId, step)
        );
        uint256[] memory seats = _seatsOf(record, progress.committed);
        for (uint256 i = 0; i < seats.length; ++i) {
            require(Tally.operatorOf(seats[i]) != operatorId, AlreadySeated(operatorId, uint8(i)));
        }
        if (progress.committed == context.terms.committeeSize) {
            return _evict(context, seats, operatorId, ticket, stake);
        }
        seat = progress.committed++;
        progress.filledStep = step; // only means something once all seats are taken
    }

    function _evict(
        Context memory context,
        uint256[] memory seats,
        uint32 newcomer,
        uint128 newTicket,
        uint56 newStake
    ) private returns (uint8 highest) {
        (uint128 ticket, uint56 stake) = _drawOf(context, seats[0]);
        for (uint8 i = 1; i < seats.length; ++i) {
            (uint128 nextTicket, uint56 nextStake) = _drawOf(context, seats[i]);
            if (Sortition.isLower(ticket, stake, nextTicket, nextStake)) {
                (highest, ticket, stake) = (i, nextTicket, nextStake);
            }
        }
        require(Sortition.isLower(newTicket, newStake, ticket, stake), NotLower(newcomer));
        uint32 evicted = Tally.operatorOf(seats[highest]);
        _shares.unlock(evicted, context.terms.bondUnits);
        emit SeatEvicted(context.jobId, evicted, highest);
    }

    function _drawOf(Context memory context, uint256 seat) private view returns (uint128 ticket, uint56 stake) {
        uint32 operatorId = Tally.operatorOf(seat);
        return (
            Sortition.ticket(context.progress.seed, operatorId),
            _shares.shareBefore(operatorId, context.opening.openedAt)
        );
    }

    /// @return already Whether the seat had revealed before
    function _reveal(JobRecord storage record, Context memory context, uint8 seat, bytes32 resultHash, bytes32 salt)
        private
        returns (bool already)
    {
        require(block.timestamp >= context.commitsCloseAt, CommitsOpen(context.commitsCloseAt));
        require(!context.progress.resolved, JobResolved(context.jobId));
        require(seat < context.progress.committed, SeatUnknown(seat, context.progress.committed));
        uint256 word = record.seats[seat];
        if (Tally.isRevealed(word)) return true;
        require(block.timestamp < context.revealsCloseAt, RevealsClosed(context.revealsCloseAt));

        uint32 operatorId = Tally.operatorOf(word);
        bytes32 commitment = Commitment.hash(context.jobId, operatorId, resultHash, salt);
        require(
            Tally.truncate(commitment) == Tally.hashOf(word),
            RevealMismatch(commitment, bytes32(uint256(Tally.hashOf(word)) << 32))
        );
        record.seats[seat] = Tally.seatOf(operatorId, Tally.truncate(resultHash), true);
        emit ResultRevealed(context.jobId, operatorId, seat, resultHash);
    }

    /// @dev A seat that revealed by itself meanwhile is passed over, so that carrying reveals can't be raced.
    function _revealAll(JobRecord storage record, Context memory context, bytes calldata evidence) private {
        Reveal[] memory reveals = abi.decode(evidence, (Reveal[]));
        for (uint256 i = 0; i < reveals.length; ++i) {
            _reveal(record, context, reveals[i].seat, reveals[i].resultHash, reveals[i].salt);
        }
    }

    function _seatsOf(JobRecord storage record, uint8 committed) private view returns (uint256[] memory seats) {
        seats = new uint256[](committed);
        for (uint256 i = 0; i < committed; ++i) {
            seats[i] = record.seats[i];
        }
    }

    /* INTERNAL: CONCLUSION */

    /// @return Whether the offered result is the majority's. Until its bytes are shown the job is pending, and once
    /// the time for that is over there is no result.
    function _stands(Context memory context, uint224 top, bytes32 offeredHash, uint256 offeredBytes)
        private
        view
        returns (bool)
    {
        uint256 limit = context.terms.maxResultBytes;
        bool matches = Tally.truncate(offeredHash) == top;
        if (matches && offeredBytes <= limit) return true;
        uint256 settlesBy = context.revealsCloseAt + context.terms.settleWindowSeconds;
        if (block.timestamp >= settlesBy) return false;
        require(matches, ResultNotMajority(offeredHash, bytes32(uint256(top) << 32)));
        revert ResultTooLarge(offeredBytes, limit);
    }

    /// @dev Equal parts; what doesn't divide goes to the first of the majority, so that the parts add up.
    function _payMajority(
        JobRecord storage record,
        Context memory context,
        Job calldata job,
        uint256[] memory seats,
        Tally.Count memory count
    ) private {
        _markResolved(record, context);
        (uint256 pot,,) = job.split();
        uint256 each = pot / count.topCount;
        uint256 part = pot - each * (count.topCount - 1);
        uint32[] memory winners = new uint32[](count.topCount);
        uint256 paid = 0;
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!Tally.isRevealed(seats[i]) || Tally.hashOf(seats[i]) != count.top) continue;
            winners[paid++] = Tally.operatorOf(seats[i]);
            _shares.unlockAndPay(Tally.operatorOf(seats[i]), context.terms.bondUnits, uint96(part)); // ≤ fee ≤ 2^96
            part = each;
        }
        if (paid == seats.length) return;
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!Tally.isRevealed(seats[i])) _slash(context, seats[i], Fault.Silence, new uint32[](0));
            else if (Tally.hashOf(seats[i]) != count.top) _slash(context, seats[i], Fault.Minority, winners);
        }
    }

    /// @dev The silent lose their bonds; so does a majority whose bytes nobody has shown; others get theirs back.
    function _resolveWithoutResult(
        JobRecord storage record,
        Context memory context,
        uint256[] memory seats,
        Tally.Count memory count,
        uint8 majority
    ) private {
        _markResolved(record, context);
        uint32[] memory nobody = new uint32[](0);
        bool withheld = count.topCount >= majority;
        for (uint256 i = 0; i < seats.length; ++i) {
            if (!Tally.isRevealed(seats[i])) _slash(context, seats[i], Fault.Silence, nobody);
            else if (withheld && Tally.hashOf(seats[i]) == count.top) _slash(context, seats[i], Fault.Withheld, nobody);
            else _shares.unlock(Tally.operatorOf(seats[i]), context.terms.bondUnits);
        }
    }

    function _releaseAll(JobRecord storage record, Context memory context, uint256[] memory seats) private {
        if (seats.length == 0) return;
        _markResolved(record, context);
        for (uint256 i = 0; i < seats.length; ++i) {
            _shares.unlock(Tally.operatorOf(seats[i]), context.terms.bondUnits);
        }
    }

    function _markResolved(JobRecord storage record, Context memory context) private {
        context.progress.resolved = true;
        record.progress = context.progress;
    }

    function _slash(Context memory context, uint256 seat, Fault fault, uint32[] memory beneficiaries) private {
        uint32 operatorId = Tally.operatorOf(seat);
        uint96 amount = SafeCast.toUint96(uint256(context.terms.bondUnits) * STAKE_UNIT);
        _shares.unlock(operatorId, context.terms.bondUnits);
        (uint96 fromActive, uint96 fromLeaving) = STAKING.slash(operatorId, amount, beneficiaries);
        if (fromActive > 0) _shares.remove(operatorId, uint56(fromActive / STAKE_UNIT)); // at most the bond
        emit BondSlashed(context.jobId, operatorId, fault, fromActive + fromLeaving);
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
        delete operatorOfSigner[before];
        operatorOfSigner[signer] = operatorId;
        _syncedSigner[operatorId] = signer;
        emit SignerSynced(operatorId, signer);
    }

    function _toUnits(uint256 amount) private pure returns (uint56) {
        require(amount % STAKE_UNIT == 0, AmountNotInUnits(amount, STAKE_UNIT));
        return SafeCast.toUint56(amount / STAKE_UNIT);
    }

    function _setParams(Params memory params_) private {
        _checkParam(params_.minCommitWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        _checkParam(params_.minRevealWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        _checkParam(params_.minSettleWindowSeconds, MAX_MIN_WINDOW_SECONDS);
        require(params_.minBondPpm <= MAX_MIN_BOND_PPM, ParamOutOfRange(params_.minBondPpm, MAX_MIN_BOND_PPM));
        require(params_.minBondUnits <= MAX_MIN_BOND_UNITS, ParamOutOfRange(params_.minBondUnits, MAX_MIN_BOND_UNITS));
        _params = params_;
        emit ParamsChanged(params_);
    }

    function _checkParam(uint256 got, uint256 limit) private pure {
        require(got > 0 && got <= limit, ParamOutOfRange(got, limit));
    }
}
