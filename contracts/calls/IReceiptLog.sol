// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Link, Part, Receipt} from "../types/Receipt.sol";
import {BatchWord} from "./BatchWord.sol";

/// @notice Windows and stakes of a receipt log, fixed when it is deployed. Seconds, and OPG base units.
struct LogTerms {
    uint40 anchorSeconds; // from a receipt's time until it must be in a root
    uint40 challengeSeconds; // after that, in which its omission can be challenged
    uint40 answerSeconds; // from a challenge until it must be answered
    uint40 evidenceSeconds; // until an equivocation can be shown: from the later of two dates, or the earlier of two keys' ones
    uint96 omissionSlash; // from the standing bond, for an omission
    uint96 equivocationSlash; // from the standing bond, for an equivocation
}

/// @notice A batch, as its anchoring told it. `number` counts the operator's batches from zero.
struct Batch {
    uint48 number;
    BatchWord previousWord; // of the batch before; zero for the first
    bytes32 root;
    uint32 count;
    bytes32 dataHash;
}

/// @notice What shows that a receipt is in a batch.
struct Inclusion {
    Batch batch;
    bytes32[] proof; // Merkle siblings from the leaf up, pairs sorted
}

/// @notice A receipt with its operator's signature (65 bytes).
struct SignedReceipt {
    Receipt receipt;
    bytes signature;
}

/// @notice A part with its operator's signature (65 bytes).
struct SignedPart {
    Part part;
    bytes signature;
}

/// @notice Where the challenge of a receipt's omission stands.
enum ChallengeStatus {
    None, // never challenged
    Open, // waits for an answer until `answerBy`
    Answered, // the receipt is in a batch
    Upheld // it was in none: the operator was slashed
}

/// @notice A challenge of a receipt's omission.
struct Challenge {
    address challenger;
    uint40 answerBy; // unix seconds
    uint48 bondUnits; // in millionths of an OPG
    ChallengeStatus status;
}

/// @title Log of receipts
/// @notice Operators anchor batches of receipts under one Merkle root; anybody shows two contradicting statements of one
/// sequence, or asks for a receipt that is in no root, and the operator loses from its standing bond. The standing bond is
/// what the operator has allocated to this contract in `OperatorStaking`. Holds nothing but challengers' bonds.
interface IReceiptLog {
    event Joined(uint32 indexed operatorId, uint256 amount);
    event Left(uint32 indexed operatorId, uint256 amount);
    event SignerSynced(uint32 indexed operatorId, address signer);
    /// @param life What the process that started it calls itself
    event IncarnationStarted(uint32 indexed operatorId, uint256 incarnation, bytes32 life);
    /// @param uri Where the operator's gateway answers calls; empty: nowhere any more
    event GatewayAnnounced(uint32 indexed operatorId, string uri);
    event BatchAnchored(uint32 indexed operatorId, bytes32 root, uint256 count, bytes32 dataHash);
    /// @notice Where a batch's data is, when it isn't where the operator's gateway serves it.
    event BatchDataAt(uint32 indexed operatorId, bytes32 root, string uri);
    event OmissionChallenged(
        bytes32 indexed receiptId,
        uint32 indexed operatorId,
        address indexed challenger,
        Receipt receipt,
        bytes signature
    );
    event OmissionAnswered(bytes32 indexed receiptId, uint32 indexed operatorId, address by);
    event OmissionUpheld(bytes32 indexed receiptId, uint32 indexed operatorId);
    event EquivocationShown(uint32 indexed operatorId, bytes32 indexed channelId, uint64 sequence);
    event ChallengeBondChanged(uint256 bond);

    error ZeroAddress();
    error TermsOutOfRange();
    error NotSigner(address caller, address signer);
    error NotRegistered(address owner);
    error UnknownOperator(uint32 operatorId);
    error EmptyBatch();
    error AnchoredTooSoon(uint256 timestamp, uint256 from);
    error WrongIncarnation(uint256 incarnation, uint256 expected);
    error StatementFromFuture(uint256 issuedAt, uint256 timestamp);
    error OutsideChallengeWindow(uint256 timestamp, uint256 from, uint256 until);
    error EvidenceExpired(uint256 timestamp, uint256 until);
    error ChallengeNotOpen(bytes32 receiptId, ChallengeStatus status);
    error AlreadyChallenged(bytes32 receiptId);
    error NotIncluded(bytes32 receiptId);
    error AnchoredTooLate(uint256 anchoredAt, uint256 dueAt);
    error AnswerTooLate(uint256 timestamp, uint256 answerBy);
    error StillAnswerable(uint256 timestamp, uint256 answerBy);
    error OtherSequence();
    error WrongLinkCount(uint256 count, uint256 expected);
    error NoContradiction();
    error AlreadyShown(uint32 operatorId, bytes32 channelId, uint64 sequence);
    error ChallengeBondOutOfRange(uint256 bond, uint256 min, uint256 max);
    error TokenTookFee(uint256 received, uint256 amount);

    /// @notice Adds to the caller's standing bond, out of its stake that backs nothing. An operator's owner.
    function join(uint96 amount) external;

    /// @notice Begins to take the standing bond out: it stays slashable while it unbonds. An operator's owner; never refused
    /// or paused.
    function leave(uint96 amount) external;

    /// @notice Takes over an operator's current signer from `OperatorStaking`. Anyone.
    function syncSigner(uint32 operatorId) external;

    /// @notice Starts the next incarnation of the operator's sequences: a gateway does so before it issues anything after a
    /// start, so that no store restored from a copy ever uses a sequence twice. The operator's signer.
    /// @param incarnation One more than the last
    /// @param life 32 random bytes of the starting process: two that start at once send different transactions, and only one of
    /// them goes through
    function startIncarnation(uint32 operatorId, uint24 incarnation, bytes32 life) external;

    /// @notice Says where the operator's gateway answers calls. The operator's signer.
    /// @param uri Its base URL; empty: nowhere any more
    function announceGateway(uint32 operatorId, string calldata uri) external;

    /// @notice Anchors a batch of receipts and, in the same transaction, claims vouchers. The operator's signer, at
    /// most once every `ANCHOR_INTERVAL_SECONDS`.
    /// @param uri Where the batch's data is; empty: where the operator's gateway serves it
    /// @param count Receipts in the batch
    /// @param root Of the Merkle tree over the receipts' leaves
    /// @param vouchers Packed, see `VoucherLib`; may be empty
    /// @param dataHash keccak256 of the published batch data
    function anchor(
        string calldata uri,
        uint32 operatorId,
        uint32 count,
        bytes32 root,
        bytes calldata vouchers,
        bytes32 dataHash
    ) external;

    /// @notice Asks for a receipt whose time to be anchored is over. Anyone who holds it, once, within the window; takes
    /// the bond from the caller's tokens.
    function challengeOmission(SignedReceipt calldata signed) external returns (bytes32 receiptId);

    /// @notice Shows that a challenged receipt was anchored in time. Anyone; the bond goes to the operator's owner, in the job
    /// escrow's ledger.
    function answerOmission(Receipt calldata receipt, Inclusion calldata inclusion) external;

    /// @notice Ends a challenge that was not answered in time: slashes the operator, gives the bond back to the challenger, in
    /// the job escrow's ledger. Anyone.
    function upholdOmission(uint32 operatorId, bytes32 receiptId) external;

    /// @notice Shows two different receipts of one sequence. Anyone; again, as long as the sequence has not cost the whole slash.
    /// @param bountyTo The operator that gets the bounty; zero: none, all is burnt. Whoever sees the call can make it first: the
    /// bounty is the quickest's
    function showReceipts(SignedReceipt calldata a, SignedReceipt calldata b, uint32 bountyTo) external;

    /// @notice Shows a receipt and a part of one sequence that contradict each other: the part comes after the receipt's
    /// last, or the receipt's running hash went another way. As `showReceipts`.
    /// @param links From the receipt's root back to the running hash after the part's index
    function showReceiptAndPart(
        SignedReceipt calldata signedReceipt,
        SignedPart calldata signedPart,
        Link[] calldata links,
        uint32 bountyTo
    ) external;

    /// @notice Shows two parts of one sequence that contradict each other. As `showReceipts`.
    /// @param later Of the same or a higher index than `earlier`
    /// @param links From the later one's running hash back to the one after the earlier one's index
    function showParts(
        SignedPart calldata later,
        SignedPart calldata earlier,
        Link[] calldata links,
        uint32 bountyTo
    ) external;

    /// @notice What a challenge costs from now on; open ones keep theirs. Authority only.
    function setChallengeBond(uint96 bond) external;

    /// @notice The receipt's EIP-712 digest.
    function receiptIdOf(Receipt calldata receipt) external view returns (bytes32);

    /// @notice The part's EIP-712 digest.
    function partIdOf(Part calldata part) external view returns (bytes32);

    /// @notice When a batch was anchored, unix seconds; zero if it isn't in the operator's ring (any more).
    function anchoredAt(uint32 operatorId, Batch calldata batch) external view returns (uint256);

    /// @notice The word at the place of an operator's batch; another batch's once the ring has gone round.
    function batchWordAt(uint32 operatorId, uint256 number) external view returns (BatchWord);

    /// @notice The signer that may anchor, how many batches it has anchored, and the incarnation.
    function logOf(uint32 operatorId) external view returns (address signer, uint256 batchCount, uint256 incarnation);

    /// @notice Where the challenge of a receipt stands.
    function challengeOf(uint32 operatorId, bytes32 receiptId) external view returns (Challenge memory);

    /// @notice Whether an equivocation of the sequence was shown.
    function isShown(uint32 operatorId, bytes32 channelId, uint64 sequence) external view returns (bool);

    /// @notice What showing an equivocation of the sequence has cost the operator, OPG base units.
    function slashedFor(uint32 operatorId, bytes32 channelId, uint64 sequence) external view returns (uint256);

    /// @notice The standing bond that isn't leaving, OPG base units.
    function bondOf(uint32 operatorId) external view returns (uint256);

    /// @notice Windows and stakes, fixed.
    function terms() external view returns (LogTerms memory);

    /// @notice What a challenge costs, OPG base units.
    function challengeBond() external view returns (uint256);

    /// @notice EIP-712 domain separator on this chain.
    function domainSeparator() external view returns (bytes32);
}
