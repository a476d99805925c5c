// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {JobEscrow} from "../jobs/JobEscrow.sol";
import {ReceiptProof} from "../libraries/ReceiptProof.sol";
import {OperatorStaking} from "../staking/OperatorStaking.sol";
import {Link, Part, Receipt, ReceiptLib} from "../types/Receipt.sol";
import {BatchWord, BatchWordLib} from "./BatchWord.sol";
import {
    Batch,
    Challenge,
    ChallengeStatus,
    Inclusion,
    IReceiptLog,
    LogTerms,
    SignedPart,
    SignedReceipt
} from "./IReceiptLog.sol";
import {LogState} from "./LogState.sol";
import {VoucherEscrow} from "./VoucherEscrow.sol";

/// @title ReceiptLog
/// @notice Called by operators, and by anyone who shows evidence; calls `VoucherEscrow` to claim, `OperatorStaking` to join,
/// leave and slash, OPG for challengers' bonds, and `JobEscrow`'s ledger to give them back. One lock covers every entry point
/// that moves bonds; the others call contracts of the network only, after everything of their own is written.
contract ReceiptLog is IReceiptLog, EIP712, AccessManaged, ReentrancyGuardTransient {
    using ReceiptLib for Part;
    using ReceiptLib for Receipt;
    using SafeERC20 for IERC20;

    /* CONSTANTS */

    /// @notice OPG base units in a unit of a bond.
    uint256 public constant BOND_UNIT = 1e12;
    /// @notice Batches of an operator that are remembered at a time.
    uint256 public constant RING_SIZE = 256;
    /// @notice How far a gateway's clock may run before the chain's, seconds.
    uint256 public constant CLOCK_MARGIN_SECONDS = 10 minutes;
    /// @notice All windows are over after so many seconds; shorter than the shortest unbonding.
    uint256 public constant MAX_EVIDENCE_SECONDS = 6 days;
    /// @notice Least and highest price of a challenge the authority can set: 0.01 and 1,000 OPG.
    uint256 public constant MIN_CHALLENGE_BOND = 1e16;
    /// @notice See `MIN_CHALLENGE_BOND`.
    uint256 public constant MAX_CHALLENGE_BOND = 1_000e18;
    /// @notice One part in so many of an equivocation's slash is the bounty; the rest is burnt.
    uint96 public constant BOUNTY_DIVISOR = 10;

    /* IMMUTABLES */

    /// @notice The token of bonds.
    IERC20 public immutable OPG;
    /// @notice Where challengers get their bonds back.
    JobEscrow public immutable LEDGER;
    /// @notice Where standing bonds are allocated and slashed, and signers are known.
    OperatorStaking public immutable STAKING;
    /// @notice Where an anchoring's vouchers are claimed.
    VoucherEscrow public immutable VOUCHERS;
    /// @notice Least time between two anchorings of an operator, seconds: so long that a batch is remembered until every window
    /// that may need it is over, whoever anchors. A stolen key can't shut its owner out for longer either.
    uint256 public immutable ANCHOR_INTERVAL_SECONDS;

    uint256 private immutable ANCHOR_SECONDS;
    uint256 private immutable CHALLENGE_SECONDS;
    uint256 private immutable ANSWER_SECONDS;
    uint256 private immutable EVIDENCE_SECONDS;
    uint96 private immutable OMISSION_SLASH;
    uint96 private immutable EQUIVOCATION_SLASH;
    uint96 private immutable BOUNTY_SLASH; // twice the bounty

    /* STORAGE */

    /// @dev A struct, so that its slot is hashed once for reading and writing.
    struct Log {
        LogState state; // slot 0
        BatchWord[256] ring; // slots 1 to 256, RING_SIZE of them
    }

    /// @dev A sequence that was shown, and what it has cost: one shown while little was at stake is no licence.
    struct Shown {
        bool isShown;
        uint96 slashed; // OPG base units
    }

    mapping(uint256 operatorId => Log) private _logs;
    mapping(uint32 operatorId => mapping(bytes32 receiptId => Challenge)) private _challenges;
    mapping(uint32 operatorId => mapping(bytes32 channelId => mapping(uint64 sequence => Shown))) private _shown;
    /// @inheritdoc IReceiptLog
    uint256 public challengeBond;

    /* CONSTRUCTOR */

    /// @param authority The network's `AccessManager`.
    constructor(
        VoucherEscrow vouchers,
        address authority,
        LogTerms memory terms_,
        uint256 challengeBond_
    ) EIP712("OpenGradient ReceiptLog", "1") AccessManaged(authority) {
        require(address(vouchers) != address(0) && authority != address(0), ZeroAddress());
        VOUCHERS = vouchers;
        OPG = vouchers.OPG();
        LEDGER = vouchers.LEDGER();
        STAKING = vouchers.STAKING();
        uint256 omissionSeconds = uint256(terms_.anchorSeconds) + terms_.challengeSeconds + terms_.answerSeconds;
        require(
            terms_.anchorSeconds > 0 &&
                terms_.challengeSeconds > 0 &&
                terms_.answerSeconds > 0 &&
                terms_.omissionSlash > 0 &&
                terms_.equivocationSlash > 0 &&
                omissionSeconds <= terms_.evidenceSeconds &&
                terms_.evidenceSeconds <= MAX_EVIDENCE_SECONDS &&
                // Vouchers travel with anchorings, so whoever anchors in time also claims in time.
                terms_.anchorSeconds < vouchers.EXIT_SECONDS(),
            TermsOutOfRange()
        );
        ANCHOR_SECONDS = terms_.anchorSeconds;
        CHALLENGE_SECONDS = terms_.challengeSeconds;
        ANSWER_SECONDS = terms_.answerSeconds;
        EVIDENCE_SECONDS = terms_.evidenceSeconds;
        ANCHOR_INTERVAL_SECONDS = (omissionSeconds + CLOCK_MARGIN_SECONDS) / RING_SIZE + 1;
        OMISSION_SLASH = terms_.omissionSlash;
        EQUIVOCATION_SLASH = terms_.equivocationSlash;
        BOUNTY_SLASH = (terms_.equivocationSlash / BOUNTY_DIVISOR) * 2;
        _setChallengeBond(challengeBond_);
    }

    /* STANDING BONDS */

    /// @inheritdoc IReceiptLog
    function join(uint96 amount) external {
        uint32 operatorId = _ownOperator();
        _syncSigner(operatorId);
        emit Joined(operatorId, amount);
        STAKING.allocate(operatorId, amount);
    }

    /// @inheritdoc IReceiptLog
    function leave(uint96 amount) external {
        uint32 operatorId = _ownOperator();
        emit Left(operatorId, amount);
        STAKING.deallocate(operatorId, amount);
    }

    /// @inheritdoc IReceiptLog
    function syncSigner(uint32 operatorId) external {
        _syncSigner(operatorId);
    }

    /* ANCHORING */

    /// @inheritdoc IReceiptLog
    function startIncarnation(uint32 operatorId, uint24 incarnation, bytes32 life) external {
        Log storage log = _logs[operatorId];
        LogState state = log.state;
        require(msg.sender == state.signer(), NotSigner(msg.sender, state.signer()));
        uint256 expected = state.incarnation() + 1;
        require(incarnation == expected, WrongIncarnation(incarnation, expected));
        log.state = state.withIncarnation(incarnation);
        emit IncarnationStarted(operatorId, incarnation, life);
    }

    /// @inheritdoc IReceiptLog
    function announceGateway(uint32 operatorId, string calldata uri) external {
        address signer = _logs[operatorId].state.signer();
        require(msg.sender == signer, NotSigner(msg.sender, signer));
        emit GatewayAnnounced(operatorId, uri);
    }

    /// @inheritdoc IReceiptLog
    function anchor(
        string calldata uri,
        uint32 operatorId,
        uint32 count,
        bytes32 root,
        bytes calldata vouchers,
        bytes32 dataHash
    ) external {
        Log storage log = _logs[operatorId];
        LogState state = log.state;
        if (msg.sender != state.signer()) revert NotSigner(msg.sender, state.signer());
        if (count == 0) revert EmptyBatch();
        uint256 number = state.batchCount();
        BatchWord before = _wordBefore(log, number);
        if (block.timestamp < before.anchoredAt() + ANCHOR_INTERVAL_SECONDS) {
            revert AnchoredTooSoon(block.timestamp, before.anchoredAt() + ANCHOR_INTERVAL_SECONDS);
        }

        log.state = state.withOneMoreBatch();
        log.ring[number % RING_SIZE] = BatchWordLib.make(before, root, count, dataHash, block.timestamp);
        emit BatchAnchored(operatorId, root, count, dataHash);
        if (bytes(uri).length > 0) emit BatchDataAt(operatorId, root, uri);
        if (vouchers.length > 0) VOUCHERS.claim(operatorId, vouchers);
    }

    /* OMISSIONS */

    /// @inheritdoc IReceiptLog
    function challengeOmission(SignedReceipt calldata signed) external nonReentrant returns (bytes32 receiptId) {
        Receipt calldata receipt = signed.receipt;
        receiptId = _checkReceipt(signed);
        uint256 from = receipt.issuedAt + ANCHOR_SECONDS;
        uint256 until = from + CHALLENGE_SECONDS;
        require(
            block.timestamp > from && block.timestamp <= until,
            OutsideChallengeWindow(block.timestamp, from, until)
        );
        Challenge storage challenge = _challenges[receipt.operatorId][receiptId];
        require(challenge.status == ChallengeStatus.None, AlreadyChallenged(receiptId));

        uint256 bond = challengeBond;
        challenge.challenger = msg.sender;
        challenge.answerBy = uint40(block.timestamp + ANSWER_SECONDS);
        challenge.bondUnits = uint48(bond / BOND_UNIT); // at most 1,000 OPG
        challenge.status = ChallengeStatus.Open;
        emit OmissionChallenged(receiptId, receipt.operatorId, msg.sender, receipt, signed.signature);
        _pull(bond);
    }

    /// @inheritdoc IReceiptLog
    function answerOmission(Receipt calldata receipt, Inclusion calldata inclusion) external nonReentrant {
        bytes32 receiptId = receiptIdOf(receipt);
        Challenge storage challenge = _openChallenge(receipt.operatorId, receiptId);
        require(block.timestamp <= challenge.answerBy, AnswerTooLate(block.timestamp, challenge.answerBy));
        require(ReceiptProof.isInRoot(receiptId, inclusion), NotIncluded(receiptId));
        uint256 anchored = anchoredAt(receipt.operatorId, inclusion.batch);
        require(anchored > 0, NotIncluded(receiptId));
        uint256 dueAt = receipt.issuedAt + ANCHOR_SECONDS;
        require(anchored <= dueAt, AnchoredTooLate(anchored, dueAt));

        challenge.status = ChallengeStatus.Answered;
        emit OmissionAnswered(receiptId, receipt.operatorId, msg.sender);
        // To the operator, whoever brings the answer: else a challenger would answer itself and have challenged for nothing.
        _payBond(STAKING.stakeOf(receipt.operatorId).owner, challenge);
    }

    /// @inheritdoc IReceiptLog
    function upholdOmission(uint32 operatorId, bytes32 receiptId) external nonReentrant {
        Challenge storage challenge = _openChallenge(operatorId, receiptId);
        require(block.timestamp > challenge.answerBy, StillAnswerable(block.timestamp, challenge.answerBy));

        challenge.status = ChallengeStatus.Upheld;
        emit OmissionUpheld(receiptId, operatorId);
        STAKING.slash(operatorId, OMISSION_SLASH, new uint32[](0));
        _payBond(challenge.challenger, challenge);
    }

    /* EQUIVOCATIONS */

    /// @inheritdoc IReceiptLog
    function showReceipts(SignedReceipt calldata a, SignedReceipt calldata b, uint32 bountyTo) external {
        Receipt calldata first = a.receipt;
        Receipt calldata second = b.receipt;
        require(
            first.operatorId == second.operatorId &&
                first.channelId == second.channelId &&
                first.sequence == second.sequence,
            OtherSequence()
        );
        require(_checkReceipt(a) != _checkReceipt(b), NoContradiction());
        _show(first.operatorId, first.channelId, first.sequence, first.issuedAt, second.issuedAt, bountyTo);
    }

    /// @inheritdoc IReceiptLog
    function showReceiptAndPart(
        SignedReceipt calldata signedReceipt,
        SignedPart calldata signedPart,
        Link[] calldata links,
        uint32 bountyTo
    ) external {
        Receipt calldata receipt = signedReceipt.receipt;
        Part calldata part = signedPart.part;
        require(
            receipt.operatorId == part.operatorId &&
                receipt.channelId == part.channelId &&
                receipt.sequence == part.sequence,
            OtherSequence()
        );
        _checkReceipt(signedReceipt);
        _checkPart(signedPart);
        // A part after the last one contradicts the receipt by itself.
        if (part.index < receipt.partCount) {
            _checkContradiction(receipt.responseRoot, receipt.partCount - 1, part, links);
        }
        _show(part.operatorId, part.channelId, part.sequence, receipt.issuedAt, part.issuedAt, bountyTo);
    }

    /// @inheritdoc IReceiptLog
    function showParts(
        SignedPart calldata later,
        SignedPart calldata earlier,
        Link[] calldata links,
        uint32 bountyTo
    ) external {
        Part calldata last = later.part;
        Part calldata part = earlier.part;
        require(
            last.operatorId == part.operatorId &&
                last.channelId == part.channelId &&
                last.sequence == part.sequence &&
                last.index >= part.index,
            OtherSequence()
        );
        _checkPart(later);
        _checkPart(earlier);
        _checkContradiction(last.runningHash, last.index, part, links);
        _show(part.operatorId, part.channelId, part.sequence, last.issuedAt, part.issuedAt, bountyTo);
    }

    /* AUTHORITY */

    /// @inheritdoc IReceiptLog
    function setChallengeBond(uint96 bond) external restricted {
        _setChallengeBond(bond);
    }

    /* VIEWS */

    /// @inheritdoc IReceiptLog
    function partIdOf(Part calldata part) external view returns (bytes32) {
        return _hashTypedDataV4(part.hash());
    }

    /// @inheritdoc IReceiptLog
    function batchWordAt(uint32 operatorId, uint256 number) external view returns (BatchWord) {
        return _logs[operatorId].ring[number % RING_SIZE];
    }

    /// @inheritdoc IReceiptLog
    function logOf(uint32 operatorId) external view returns (address signer, uint256 batchCount, uint256 incarnation) {
        LogState state = _logs[operatorId].state;
        return (state.signer(), state.batchCount(), state.incarnation());
    }

    /// @inheritdoc IReceiptLog
    function challengeOf(uint32 operatorId, bytes32 receiptId) external view returns (Challenge memory) {
        return _challenges[operatorId][receiptId];
    }

    /// @inheritdoc IReceiptLog
    function isShown(uint32 operatorId, bytes32 channelId, uint64 sequence) external view returns (bool) {
        return _shown[operatorId][channelId][sequence].isShown;
    }

    /// @inheritdoc IReceiptLog
    function slashedFor(uint32 operatorId, bytes32 channelId, uint64 sequence) external view returns (uint256) {
        return _shown[operatorId][channelId][sequence].slashed;
    }

    /// @inheritdoc IReceiptLog
    function bondOf(uint32 operatorId) external view returns (uint256) {
        return STAKING.allocationOf(operatorId, address(this)).active;
    }

    /// @inheritdoc IReceiptLog
    function terms() external view returns (LogTerms memory) {
        return
            LogTerms({
                anchorSeconds: uint40(ANCHOR_SECONDS),
                challengeSeconds: uint40(CHALLENGE_SECONDS),
                answerSeconds: uint40(ANSWER_SECONDS),
                evidenceSeconds: uint40(EVIDENCE_SECONDS),
                omissionSlash: OMISSION_SLASH,
                equivocationSlash: EQUIVOCATION_SLASH
            });
    }

    /// @inheritdoc IReceiptLog
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IReceiptLog
    function receiptIdOf(Receipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(receipt.hash());
    }

    /// @inheritdoc IReceiptLog
    function anchoredAt(uint32 operatorId, Batch calldata batch) public view returns (uint256) {
        BatchWord word = _logs[operatorId].ring[batch.number % RING_SIZE];
        return word.isOf(batch.previousWord, batch.root, batch.count, batch.dataHash) ? word.anchoredAt() : 0;
    }

    /* INTERNAL */

    function _ownOperator() private view returns (uint32 operatorId) {
        operatorId = STAKING.operatorOf(msg.sender);
        require(operatorId != 0, NotRegistered(msg.sender));
    }

    function _syncSigner(uint32 operatorId) private {
        address signer = STAKING.signerOf(operatorId);
        require(signer != address(0), UnknownOperator(operatorId));
        Log storage log = _logs[operatorId];
        if (log.state.signer() == signer) return;
        log.state = log.state.withSigner(signer);
        emit SignerSynced(operatorId, signer);
    }

    function _wordBefore(Log storage log, uint256 number) private view returns (BatchWord) {
        if (number == 0) return BatchWord.wrap(0);
        unchecked {
            return log.ring[(number - 1) % RING_SIZE]; // not the first, as the line above says
        }
    }

    function _checkReceipt(SignedReceipt calldata signed) private view returns (bytes32 receiptId) {
        receiptId = receiptIdOf(signed.receipt);
        _checkStatement(signed.receipt.operatorId, signed.receipt.issuedAt, receiptId, signed.signature);
    }

    function _checkPart(SignedPart calldata signed) private view {
        bytes32 partId = _hashTypedDataV4(signed.part.hash());
        _checkStatement(signed.part.operatorId, signed.part.issuedAt, partId, signed.signature);
    }

    function _checkStatement(
        uint32 operatorId,
        uint40 issuedAt,
        bytes32 digest,
        bytes calldata signature
    ) private view {
        require(issuedAt <= block.timestamp, StatementFromFuture(issuedAt, block.timestamp));
        ReceiptProof.checkSigner(STAKING, operatorId, issuedAt, digest, signature);
    }

    /// @dev Whether what came to `runningHash` after part `lastIndex` had, after this part's index, another one than it says.
    function _checkContradiction(
        bytes32 runningHash,
        uint256 lastIndex,
        Part calldata part,
        Link[] calldata links
    ) private pure {
        uint256 wanted = lastIndex - part.index;
        require(links.length == wanted, WrongLinkCount(links.length, wanted));
        require(ReceiptProof.rewind(runningHash, links) != part.runningHash, NoContradiction());
    }

    /// @dev A sequence costs what is at stake, up to the whole of the slash; what it has not cost yet, it can cost later.
    function _show(
        uint32 operatorId,
        bytes32 channelId,
        uint64 sequence,
        uint40 issuedAt,
        uint40 otherIssuedAt,
        uint32 bountyTo
    ) private {
        _checkEvidenceTime(operatorId, issuedAt, otherIssuedAt);
        Shown storage shown = _shown[operatorId][channelId][sequence];
        uint96 owed = EQUIVOCATION_SLASH - shown.slashed;
        require(owed > 0, AlreadyShown(operatorId, channelId, sequence));
        shown.isShown = true;
        emit EquivocationShown(operatorId, channelId, sequence);
        shown.slashed += _slash(operatorId, owed, bountyTo);
    }

    /// @dev Of two statements under one key the time limit counts from the later: an old date on one of them spares nobody. Under
    /// two keys it counts from the earlier: who comes by a key that was replaced can date what it signs until that day only, and
    /// so does harm for a fixed time after it.
    function _checkEvidenceTime(uint32 operatorId, uint40 a, uint40 b) private view {
        (uint40 earlier, uint40 later) = a < b ? (a, b) : (b, a);
        bool isOneKey = STAKING.signerAt(operatorId, earlier) == STAKING.signerAt(operatorId, later);
        uint256 until = (isOneKey ? later : earlier) + EVIDENCE_SECONDS;
        require(block.timestamp <= until, EvidenceExpired(block.timestamp, until));
    }

    /// @dev The part that is burnt whole comes first: who shows itself gets nothing back while there is something to burn.
    function _slash(uint32 operatorId, uint96 amount, uint32 bountyTo) private returns (uint96 taken) {
        uint96 withBounty = bountyTo == 0 || amount < BOUNTY_SLASH ? 0 : BOUNTY_SLASH;
        taken = _slashFor(operatorId, amount - withBounty, new uint32[](0));
        if (withBounty == 0) return taken;
        uint32[] memory finders = new uint32[](1);
        finders[0] = bountyTo;
        taken += _slashFor(operatorId, withBounty, finders); // who gives half of it to the finder
    }

    function _slashFor(uint32 operatorId, uint96 amount, uint32[] memory finders) private returns (uint96) {
        (uint96 fromActive, uint96 fromLeaving) = STAKING.slash(operatorId, amount, finders);
        return fromActive + fromLeaving;
    }

    /// @dev Into the ledger, so that nobody who can't be paid keeps a challenge from ending.
    function _payBond(address account, Challenge storage challenge) private {
        uint256 bond = challenge.bondUnits * BOND_UNIT;
        OPG.forceApprove(address(LEDGER), bond);
        LEDGER.deposit(account, bond);
    }

    function _openChallenge(uint32 operatorId, bytes32 receiptId) private view returns (Challenge storage challenge) {
        challenge = _challenges[operatorId][receiptId];
        require(challenge.status == ChallengeStatus.Open, ChallengeNotOpen(receiptId, challenge.status));
    }

    function _pull(uint256 amount) private {
        uint256 held = OPG.balanceOf(address(this));
        OPG.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = OPG.balanceOf(address(this)) - held;
        require(received == amount, TokenTookFee(received, amount));
    }

    function _setChallengeBond(uint256 bond) private {
        require(
            bond >= MIN_CHALLENGE_BOND && bond <= MAX_CHALLENGE_BOND && bond % BOND_UNIT == 0,
            ChallengeBondOutOfRange(bond, MIN_CHALLENGE_BOND, MAX_CHALLENGE_BOND)
        );
        challengeBond = bond;
        emit ChallengeBondChanged(bond);
    }
}
