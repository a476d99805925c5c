// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channel, Funding} from "../types/Channel.sol";

/// @notice Where a channel stands. Amounts are OPG base units.
struct ChannelStatus {
    uint24 opening; // of the channel that is open, or of the last that was
    uint96 deposited; // taken in since it opened; zero: none is open
    uint96 claimed; // of it, by the operator
    uint40 exitsAt; // unix seconds from which the rest can go back; zero: the payer hasn't asked
}

/// @notice An ERC-2612 permit of the payer for this escrow. All zero: none is brought.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice Why a voucher of a batch paid nothing.
enum Skipped {
    NoChannel, // no open channel of its payer, the operator and whoever has signed it; a bad signature is signed by nobody known
    OtherOpening, // for an earlier channel, or a later one, of the three
    NothingDue // so much or more was claimed already, or everything that was deposited
}

/// @title Escrow of channels
/// @notice Holds payers' OPG toward one operator each, and pays operators what vouchers promise. Tokens move when a channel is
/// funded, when it is closed, and when an operator's earnings are harvested. No role can take from a channel, stop a claim
/// or an exit, or change a channel's terms. Amounts are OPG base units.
interface IVoucherEscrow {
    event ChannelOpened(
        bytes32 indexed channelId,
        address indexed payer,
        uint32 indexed operatorId,
        address voucherKey,
        uint24 opening
    );
    /// @param totalDeposited Since the channel opened
    event ChannelFunded(bytes32 indexed channelId, uint256 amount, uint256 totalDeposited);
    /// @param exitsAt Unix seconds; vouchers can be claimed until the channel is closed, which nobody can do earlier
    event ChannelExiting(bytes32 indexed channelId, uint256 exitsAt);
    /// @param returned To the payer
    event ChannelClosed(bytes32 indexed channelId, uint256 returned, uint256 claimed);
    /// @param amount By all vouchers of the batch together
    event VouchersClaimed(uint32 indexed operatorId, uint256 amount);
    /// @param index In the batch
    event VoucherSkipped(uint32 indexed operatorId, address indexed payer, uint256 index, Skipped reason);
    /// @notice The channel held less than the voucher promises; the rest can be claimed once the channel is topped up.
    event VoucherPartlyPaid(uint32 indexed operatorId, address indexed payer, uint256 index, uint256 unpaid);
    event EarningsReleased(uint32 indexed operatorId, uint256 amount);
    event NewChannelsPaused(bool paused);

    error ZeroAddress();
    error NotAToken(address token);
    error TokenTookFee(uint256 received, uint256 amount);
    error ExitSecondsOutOfRange(uint256 exitSeconds, uint256 min, uint256 max);
    error ChannelsPaused();
    error NotPayer(address caller, address payer);
    error NotStaking(address caller);
    error InvalidSignature(address payer, bytes32 digest);
    error FundingExpired(uint256 deadline);
    error UnknownOperator(uint32 operatorId);
    error WrongOpening(uint256 opening, uint256 expected);
    error AlreadyFunded(uint256 deposited, uint256 totalDeposited);
    error ChannelNotOpen(address payer, uint32 operatorId, address voucherKey);
    error ChannelAlreadyExiting(uint256 exitsAt);
    error ChannelNotExiting(bytes32 channelId);
    error StillExiting(uint256 timestamp, uint256 exitsAt);

    /// @notice Opens the caller's channel or tops it up, to `totalDeposited`. The same funding a second time is refused.
    function fund(Funding calldata funding) external returns (bytes32 channelId);

    /// @notice `fund` with an ERC-2612 permit of the caller. A permit that was already used does not block it.
    function fundWithPermit(Funding calldata funding, Permit calldata permit) external returns (bytes32 channelId);

    /// @notice `fund` for a payer who signed the funding (EIP-712, or ERC-1271 for contracts) and allowed this escrow the
    /// amount, or brings a permit that does. Anyone.
    function fundWithSignature(
        Funding calldata funding,
        bytes calldata signature,
        Permit calldata permit
    ) external returns (bytes32 channelId);

    /// @notice Credits an operator with what vouchers promise and wasn't claimed yet. Anyone, at any time until the channel
    /// is closed. A voucher that pays nothing is skipped, one that isn't covered is partly paid, each with an event.
    /// @param vouchers Packed, see `VoucherLib`; refused only when it isn't whole vouchers
    /// @return amount Credited by this call
    function claim(uint32 operatorId, bytes calldata vouchers) external returns (uint256 amount);

    /// @notice Begins the exit from an open channel: it can be topped up no more, and closed after `EXIT_SECONDS`. The
    /// payer, or the voucher key, which can give away the money anyway. Never paused.
    function startExit(address payer, uint32 operatorId, address voucherKey) external;

    /// @notice Pays what was not claimed back to the payer, once the exit's time has passed. Anyone. Never paused.
    function close(address payer, uint32 operatorId, address voucherKey) external returns (uint256 returned);

    /// @notice Moves what an operator has claimed into the job escrow's ledger, to the caller, which is
    /// `OperatorStaking.harvest` (anyone calls that).
    function releaseEarnings(uint32 operatorId) external returns (uint256 amount);

    /// @notice Stops or allows new channels and top-ups. Authority only.
    function setChannelsPaused(bool paused) external;

    /// @notice Where the channel of the three stands.
    function channelOf(
        address payer,
        uint32 operatorId,
        address voucherKey
    ) external view returns (ChannelStatus memory);

    /// @notice The channel's EIP-712 digest.
    function channelIdOf(Channel calldata channel) external view returns (bytes32);

    /// @notice Claimed by an operator and not harvested yet.
    function earningsOf(uint32 operatorId) external view returns (uint256);

    /// @notice Whether new channels and top-ups are stopped.
    function channelsPaused() external view returns (bool);

    /// @notice EIP-712 domain separator on this chain.
    function domainSeparator() external view returns (bytes32);
}
