// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {JobEscrow} from "../jobs/JobEscrow.sol";
import {IEarningsSource} from "../staking/IEarningsSource.sol";
import {OperatorStaking} from "../staking/OperatorStaking.sol";
import {Channel, ChannelLib, Funding} from "../types/Channel.sol";
import {VoucherLib} from "../types/Voucher.sol";
import {ChannelState} from "./ChannelState.sol";
import {ChannelStatus, IVoucherEscrow, Permit, Skipped} from "./IVoucherEscrow.sol";

/// @title VoucherEscrow
/// @notice Called by payers, by whoever brings vouchers (`ReceiptLog` among them) and by `OperatorStaking`; calls OPG, and
/// deposits harvested earnings into `JobEscrow`'s ledger. One lock covers every entry point that moves money.
contract VoucherEscrow is IVoucherEscrow, IEarningsSource, EIP712, AccessManaged, ReentrancyGuardTransient {
    using ChannelLib for Channel;
    using ChannelLib for Funding;
    using SafeERC20 for IERC20;
    using VoucherLib for bytes;

    /// @dev A struct, so that its slot is hashed once for reading and writing.
    struct ChannelSlot {
        ChannelState state;
    }

    /* CONSTANTS */

    /// @notice Shortest waiting time of an exit that can be deployed, seconds.
    uint256 public constant MIN_EXIT_SECONDS = 10;
    /// @notice Longest waiting time of an exit that can be deployed, seconds.
    uint256 public constant MAX_EXIT_SECONDS = 30 days;

    /* IMMUTABLES */

    /// @notice The token all amounts are in.
    IERC20 public immutable OPG;
    /// @notice Where harvested earnings go.
    JobEscrow public immutable LEDGER;
    /// @notice Who the operators are.
    OperatorStaking public immutable STAKING;
    /// @notice Between a payer's request and the earliest close, seconds.
    uint256 public immutable EXIT_SECONDS;

    /* STORAGE */

    mapping(uint256 operatorId => mapping(address payer => mapping(address voucherKey => ChannelSlot)))
        private _channels;
    /// @inheritdoc IVoucherEscrow
    mapping(uint32 operatorId => uint256) public earningsOf;
    /// @inheritdoc IVoucherEscrow
    bool public channelsPaused;

    /* CONSTRUCTOR */

    /// @param ledger The job escrow.
    /// @param staking Whose operators channels are toward.
    /// @param authority The network's `AccessManager`.
    /// @param exitSeconds Waiting time of exits; longer than operators take to bring their vouchers.
    constructor(
        JobEscrow ledger,
        OperatorStaking staking,
        address authority,
        uint256 exitSeconds
    ) EIP712("OpenGradient VoucherEscrow", "1") AccessManaged(authority) {
        require(
            address(ledger) != address(0) && address(staking) != address(0) && authority != address(0),
            ZeroAddress()
        );
        require(
            exitSeconds >= MIN_EXIT_SECONDS && exitSeconds <= MAX_EXIT_SECONDS,
            ExitSecondsOutOfRange(exitSeconds, MIN_EXIT_SECONDS, MAX_EXIT_SECONDS)
        );
        OPG = ledger.OPG();
        LEDGER = ledger;
        STAKING = staking;
        EXIT_SECONDS = exitSeconds;
        require(staking.OPG() == OPG, NotAToken(address(staking.OPG())));
    }

    /* PAYERS: IN */

    /// @inheritdoc IVoucherEscrow
    function fund(Funding calldata funding) external nonReentrant returns (bytes32 channelId) {
        require(msg.sender == funding.payer, NotPayer(msg.sender, funding.payer));
        return _fund(funding);
    }

    /// @inheritdoc IVoucherEscrow
    function fundWithPermit(
        Funding calldata funding,
        Permit calldata permit
    ) external nonReentrant returns (bytes32 channelId) {
        require(msg.sender == funding.payer, NotPayer(msg.sender, funding.payer));
        _permit(funding.payer, permit);
        return _fund(funding);
    }

    /// @inheritdoc IVoucherEscrow
    function fundWithSignature(
        Funding calldata funding,
        bytes calldata signature,
        Permit calldata permit
    ) external nonReentrant returns (bytes32 channelId) {
        bytes32 digest = _hashTypedDataV4(funding.hash());
        require(
            SignatureChecker.isValidSignatureNowCalldata(funding.payer, digest, signature),
            InvalidSignature(funding.payer, digest)
        );
        if (permit.v != 0) _permit(funding.payer, permit);
        return _fund(funding);
    }

    /* OPERATORS */

    /// @inheritdoc IVoucherEscrow
    function claim(uint32 operatorId, bytes calldata vouchers) external nonReentrant returns (uint256 amount) {
        vouchers.checkWhole();
        bytes32 separator = _domainSeparatorV4();
        mapping(address => mapping(address => ChannelSlot)) storage channels = _channels[operatorId];
        unchecked {
            // Each part is below 2^96, and there are fewer vouchers than bytes.
            for (uint256 offset = 0; offset < vouchers.length; offset += VoucherLib.SIZE) {
                amount += _claim(channels, operatorId, vouchers, offset, separator);
            }
        }
        if (amount == 0) return 0;
        earningsOf[operatorId] += amount;
        emit VouchersClaimed(operatorId, amount);
    }

    /// @inheritdoc IEarningsSource
    function releaseEarnings(
        uint32 operatorId
    ) external override(IEarningsSource, IVoucherEscrow) nonReentrant returns (uint256 amount) {
        require(msg.sender == address(STAKING), NotStaking(msg.sender));
        amount = earningsOf[operatorId];
        earningsOf[operatorId] = 0;
        emit EarningsReleased(operatorId, amount);
        OPG.forceApprove(address(LEDGER), amount);
        LEDGER.deposit(msg.sender, amount);
    }

    /* PAYERS: OUT */

    /// @inheritdoc IVoucherEscrow
    function startExit(address payer, uint32 operatorId, address voucherKey) external {
        require(msg.sender == payer || msg.sender == voucherKey, NotPayer(msg.sender, payer));
        (ChannelSlot storage slot, ChannelState state) = _open(payer, operatorId, voucherKey);
        require(state.exitsAt() == 0, ChannelAlreadyExiting(state.exitsAt()));
        uint256 exitsAt = block.timestamp + EXIT_SECONDS;
        slot.state = state.withExitsAt(exitsAt);
        emit ChannelExiting(_channelIdOf(payer, operatorId, voucherKey, state), exitsAt);
    }

    /// @inheritdoc IVoucherEscrow
    function close(
        address payer,
        uint32 operatorId,
        address voucherKey
    ) external nonReentrant returns (uint256 returned) {
        (ChannelSlot storage slot, ChannelState state) = _open(payer, operatorId, voucherKey);
        bytes32 channelId = _channelIdOf(payer, operatorId, voucherKey, state);
        require(state.exitsAt() != 0, ChannelNotExiting(channelId));
        require(block.timestamp >= state.exitsAt(), StillExiting(block.timestamp, state.exitsAt()));
        returned = state.deposited() - state.claimed();
        slot.state = state.closed();
        emit ChannelClosed(channelId, returned, state.claimed());
        OPG.safeTransfer(payer, returned);
    }

    /* AUTHORITY */

    /// @inheritdoc IVoucherEscrow
    function setChannelsPaused(bool paused) external restricted {
        channelsPaused = paused;
        emit NewChannelsPaused(paused);
    }

    /* VIEWS */

    /// @inheritdoc IVoucherEscrow
    function channelOf(
        address payer,
        uint32 operatorId,
        address voucherKey
    ) external view returns (ChannelStatus memory) {
        ChannelState state = _channels[operatorId][payer][voucherKey].state;
        return
            ChannelStatus({
                opening: uint24(state.opening()),
                deposited: uint96(state.deposited()),
                claimed: uint96(state.claimed()),
                exitsAt: uint40(state.exitsAt())
            });
    }

    /// @inheritdoc IVoucherEscrow
    function channelIdOf(Channel calldata channel) external view returns (bytes32) {
        return _hashTypedDataV4(channel.hash());
    }

    /// @inheritdoc IVoucherEscrow
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL */

    /// @dev Somebody may have carried the permit already: then the allowance is there and the funding goes through.
    function _permit(address payer, Permit calldata permit) private {
        try
            IERC20Permit(address(OPG)).permit(
                payer,
                address(this),
                permit.value,
                permit.deadline,
                permit.v,
                permit.r,
                permit.s
            )
        {} catch {}
    }

    function _fund(Funding calldata funding) private returns (bytes32 channelId) {
        require(!channelsPaused, ChannelsPaused());
        require(block.timestamp <= funding.deadline, FundingExpired(funding.deadline));
        require(funding.voucherKey != address(0), ZeroAddress());
        ChannelSlot storage slot = _channels[funding.operatorId][funding.payer][funding.voucherKey];
        ChannelState state = slot.state;
        bool isNew = !state.isOpen();
        if (isNew) state = _opened(state, funding.operatorId);
        require(funding.opening == state.opening(), WrongOpening(funding.opening, state.opening()));
        require(state.exitsAt() == 0, ChannelAlreadyExiting(state.exitsAt()));
        uint256 deposited = state.deposited();
        require(funding.totalDeposited > deposited, AlreadyFunded(deposited, funding.totalDeposited));

        slot.state = state.withDeposited(funding.totalDeposited);
        channelId = _channelIdOf(funding.payer, funding.operatorId, funding.voucherKey, state);
        if (isNew) {
            emit ChannelOpened(channelId, funding.payer, funding.operatorId, funding.voucherKey, funding.opening);
        }
        uint256 amount = funding.totalDeposited - deposited;
        emit ChannelFunded(channelId, amount, funding.totalDeposited);
        _pull(funding.payer, amount);
    }

    function _opened(ChannelState state, uint32 operatorId) private view returns (ChannelState) {
        require(STAKING.stakeOf(operatorId).owner != address(0), UnknownOperator(operatorId));
        return state.opened();
    }

    function _pull(address payer, uint256 amount) private {
        uint256 held = OPG.balanceOf(address(this));
        OPG.safeTransferFrom(payer, address(this), amount);
        uint256 received = OPG.balanceOf(address(this)) - held;
        require(received == amount, TokenTookFee(received, amount));
    }

    /// @dev There is no comparison of signers: a voucher that isn't signed by a channel's key leads to another slot, where
    /// no channel is. The key zero, which a bad signature gives, opens none.
    function _claim(
        mapping(address => mapping(address => ChannelSlot)) storage channels,
        uint32 operatorId,
        bytes calldata vouchers,
        uint256 offset,
        bytes32 separator
    ) private returns (uint256 due) {
        address payer = vouchers.payer(offset);
        ChannelSlot storage slot = channels[payer][vouchers.signer(offset, operatorId, separator)];
        ChannelState state = slot.state;
        if (!state.isOpen()) return _skip(operatorId, payer, offset, Skipped.NoChannel);
        if (vouchers.opening(offset) != state.opening()) {
            return _skip(operatorId, payer, offset, Skipped.OtherOpening);
        }
        uint256 total = vouchers.cumulativeAmount(offset);
        if (total > state.deposited()) {
            uint256 unpaid = total - state.deposited();
            total = state.deposited();
            if (total > state.claimed()) emit VoucherPartlyPaid(operatorId, payer, offset / VoucherLib.SIZE, unpaid);
        }
        if (total <= state.claimed()) return _skip(operatorId, payer, offset, Skipped.NothingDue);
        slot.state = state.withClaimed(total);
        unchecked {
            return total - state.claimed(); // positive, as the line above says
        }
    }

    function _skip(uint32 operatorId, address payer, uint256 offset, Skipped reason) private returns (uint256) {
        emit VoucherSkipped(operatorId, payer, offset / VoucherLib.SIZE, reason);
        return 0;
    }

    function _open(
        address payer,
        uint32 operatorId,
        address voucherKey
    ) private view returns (ChannelSlot storage slot, ChannelState state) {
        slot = _channels[operatorId][payer][voucherKey];
        state = slot.state;
        require(state.isOpen(), ChannelNotOpen(payer, operatorId, voucherKey));
    }

    function _channelIdOf(
        address payer,
        uint32 operatorId,
        address voucherKey,
        ChannelState state
    ) private view returns (bytes32) {
        Channel memory channel = Channel(payer, operatorId, voucherKey, uint24(state.opening()));
        return _hashTypedDataV4(channel.hash());
    }
}
