// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ChannelStatus, IVoucherEscrow} from "../../../contracts/calls/IVoucherEscrow.sol";
import {Funding} from "../../../contracts/types/Channel.sol";
import {Voucher} from "../../../contracts/types/Voucher.sol";
import {CallsGhost, Lane} from "./CallsGhost.sol";

/// @notice What payers, operators and strangers do with channels. Whatever goes through is mirrored.
abstract contract ChannelActions is CallsGhost {
    /// @notice Opens a channel or tops it up, by the payer or by a signature; now and then with one that must not count.
    function fund(uint256 how) external step {
        how = _mix(how);
        uint256 i = how % lanes.length;
        Funding memory funding = _nextFunding(i, uint96(1 + ((how >> 16) % 40 ether)));
        if ((how >> 8) % 3 == 0) _fundAs(i, funding, how >> 64);
        else _fundPlain(i, funding);
        if ((how >> 12) % 4 == 0) _fundElsewhere(i, how >> 64);
    }

    function _nextFunding(uint256 i, uint96 more) internal view returns (Funding memory) {
        Lane storage lane = lanes[i];
        bool isNew = lane.deposited == 0;
        return
            Funding({
                payer: lane.payer,
                operatorId: operators[lane.operator].id,
                voucherKey: lane.signer,
                opening: isNew ? lane.opening + 1 : lane.opening,
                totalDeposited: lane.deposited + more,
                deadline: block.timestamp
            });
    }

    function _fundPlain(uint256 i, Funding memory funding) internal {
        bool success = _tryAs(funding.payer, address(vouchers), abi.encodeCall(IVoucherEscrow.fund, (funding)));
        _noteFunded(i, funding, success);
    }

    function _fundAs(uint256 i, Funding memory funding, uint256 how) private {
        bytes memory signature = _signFunding(lanes[i].payerKey, funding);
        bytes memory data = abi.encodeCall(IVoucherEscrow.fundWithSignature, (funding, signature, _noPermit()));
        _noteFunded(i, funding, _tryAs(stranger, address(vouchers), data));
        _mustFail(stranger, address(vouchers), data, "R1", "a funding counted twice");
        if (how % 2 == 0)
            _mustFail(stranger, address(vouchers), _elsewhere(i, funding, how), "R1", "a foreign funding");
    }

    function _noteFunded(uint256 i, Funding memory funding, bool success) private {
        Lane storage lane = lanes[i];
        bool allowed = lane.exitsAt == 0 && !vouchers.channelsPaused();
        _promise(success == allowed, "E1", allowed ? "a funding was refused" : "an exiting channel was topped up");
        if (!success) return;
        if (lane.deposited == 0) _count(lane.opening == 0 ? "opened" : "reopened");
        else _count("topped up");
        lane.opening = funding.opening;
        bool isOwed = lane.deposited > 0 && lane.highest > lane.paid;
        lane.deposited = funding.totalDeposited;
        if (isOwed) _showHighest(i);
    }

    /// @dev Who was partly paid comes again when there is more.
    function _showHighest(uint256 i) private {
        Lane storage lane = lanes[i];
        uint32 id = operators[lane.operator].id;
        Voucher memory voucher = Voucher(lane.payer, id, lane.opening, lane.highest);
        uint256 due = _noteShown(i, lane.highest);
        earned[lane.operator] += due;
        _promise(vouchers.claim(id, _voucherBy(lane.key, voucher)) == due, "R2", "the rest was not paid");
        _count("paid after a top-up");
    }

    /// @dev For another opening, chain, contract, or by another key.
    function _fundElsewhere(uint256 i, uint256 how) private {
        Funding memory funding = _nextFunding(i, 1 ether);
        if (how % 2 == 0) funding.opening = funding.opening + 1 - 2 * uint24((how >> 1) % 2);
        bytes memory data =
            how % 2 == 0
                ? abi.encodeCall(
                    IVoucherEscrow.fundWithSignature,
                    (funding, _signFunding(lanes[i].payerKey, funding), _noPermit())
                )
                : _elsewhere(i, funding, how);
        _mustFail(stranger, address(vouchers), data, "R1", "a funding for elsewhere");
        _count("foreign funding refused");
    }

    function _elsewhere(uint256 i, Funding memory funding, uint256 how) private view returns (bytes memory) {
        bytes32 domain = _otherDomain("OpenGradient VoucherEscrow", address(vouchers), (how >> 8) % 3);
        bytes memory signature = _sign(lanes[i].payerKey, _digest(domain, _fundingHash(funding)));
        return abi.encodeCall(IVoucherEscrow.fundWithSignature, (funding, signature, _noPermit()));
    }

    /* CLAIMS */

    /// @notice A batch of up to three vouchers, good and bad, of one operator.
    function claim(uint256 how) external step {
        how = _mix(how);
        uint8 operator = uint8(how % 2);
        bytes memory batch;
        uint256 due = 0;
        for (uint256 n = 0; n <= (how >> 8) % 3; ++n) {
            uint256 chance = uint256(keccak256(abi.encode(how, n)));
            uint256 i = operator + 2 * ((chance >> 64) % PAYERS);
            (bytes memory voucher, uint96 promised) = _someVoucher(i, chance);
            batch = bytes.concat(batch, voucher);
            due += _noteShown(i, promised);
        }
        earned[operator] += due;
        vm.prank(stranger);
        uint256 amount = vouchers.claim(operators[operator].id, batch);
        _promise(amount <= due, "R1", "a voucher for elsewhere paid");
        _promise(amount == due, "R2", "a batch paid another amount");
    }

    /// @return voucher Packed
    /// @return promised What it is worth in the lane; zero when it must pay nothing
    function _someVoucher(uint256 i, uint256 how) internal returns (bytes memory voucher, uint96 promised) {
        Lane storage lane = lanes[i];
        uint96 amount = uint96((how >> 96) % (uint256(lane.deposited) + lane.deposited / 3 + 1));
        Voucher memory plain = Voucher(lane.payer, operators[lane.operator].id, lane.opening, amount);
        uint256 kind = how % 10;
        if (kind == 0)
            plain.opening = plain.opening == 0 || (how >> 32) % 2 == 0 ? plain.opening + 1 : plain.opening - 1;
        if (kind == 1) plain.operatorId = operators[1 - lane.operator].id;
        bytes32 domain =
            kind == 2 ? _otherDomain("OpenGradient VoucherEscrow", address(vouchers), (how >> 32) % 3) : voucherDomain;
        voucher = _voucherIn(domain, kind == 3 ? lane.payerKey : lane.key, plain);
        if (kind == 4) voucher[(how >> 32) % voucher.length] ^= 0x01;
        if (kind > 4) return (voucher, amount);
        _count("bad voucher shown");
    }

    function _noteShown(uint256 i, uint96 promised) internal returns (uint256 due) {
        Lane storage lane = lanes[i];
        if (lane.deposited == 0) {
            _count("skipped, no channel");
            return 0;
        }
        if (promised > lane.highest) lane.highest = promised;
        uint96 total = promised < lane.deposited ? promised : lane.deposited;
        if (total <= lane.paid) {
            _count("skipped");
            return 0;
        }
        _count(total < promised ? "partly paid" : "paid");
        if (lane.exitsAt != 0) _count(block.timestamp < lane.exitsAt ? "paid while exiting" : "paid after the exit");
        due = total - lane.paid;
        lane.paid = total;
    }

    /* OUT */

    function startExit(uint256 how) external step {
        how = _mix(how);
        uint256 i = how % lanes.length;
        Lane storage lane = lanes[i];
        (address payer_, uint32 id, address key) = _names(i);
        bytes memory data = abi.encodeCall(IVoucherEscrow.startExit, (payer_, id, key));
        _mustFail(stranger, address(vouchers), data, "R2", "a stranger starts an exit");
        bool success = _tryAs((how >> 8) % 2 == 0 ? payer_ : key, address(vouchers), data);
        bool allowed = lane.deposited != 0 && lane.exitsAt == 0;
        _promise(success == allowed, "E1", allowed ? "an exit was refused" : "an exit of nothing");
        if (!success) return;
        lane.exitsAt = uint40(block.timestamp + EXIT_SECONDS);
        _count("exit started");
    }

    function close(uint256 how) external step {
        _closeLane(_mix(how) % lanes.length);
    }

    function _closeLane(uint256 i) internal {
        Lane storage lane = lanes[i];
        (address payer_, uint32 id, address key) = _names(i);
        uint256 held = opg.balanceOf(payer_);
        bool success = _tryAs(stranger, address(vouchers), abi.encodeCall(IVoucherEscrow.close, (payer_, id, key)));
        bool allowed = lane.deposited != 0 && lane.exitsAt != 0 && block.timestamp >= lane.exitsAt;
        _promise(success == allowed, "E1", allowed ? "a close was refused" : "a channel was closed early");
        if (!success) return;
        _promise(opg.balanceOf(payer_) == held + lane.deposited - lane.paid, "R2", "a close paid another amount");
        _noteClosed(lane);
    }

    function _noteClosed(Lane storage lane) private {
        spent[lane.payerKey - 0xa000] += lane.paid;
        (lane.deposited, lane.paid, lane.highest, lane.exitsAt) = (0, 0, 0, 0);
        _count("closed");
    }

    function harvest(uint256 how) external step {
        _harvest(uint8(_mix(how) % 2));
    }

    function _harvest(uint8 operator) internal {
        uint256 amount = staking.harvest(operators[operator].id, address(vouchers));
        _promise(amount == earned[operator], "R2", "another amount was harvested");
        if (amount > 0) _count("harvested");
        harvestedOf[operator] += amount;
        earned[operator] = 0;
        _mustFail(
            stranger,
            address(vouchers),
            abi.encodeCall(IVoucherEscrow.releaseEarnings, (operators[operator].id)),
            "M3",
            "a stranger released earnings"
        );
    }

    function donate(uint256 how) external step {
        how = _mix(how);
        uint256 amount = (how >> 8) % 1 ether;
        bool toVouchers = how % 2 == 0;
        opg.transfer(toVouchers ? address(vouchers) : address(receipts), amount);
        if (toVouchers) donatedToVouchers += amount;
        else donatedToReceipts += amount;
        _count("donated");
    }

    /* LOOKING */

    function _names(uint256 i) internal view returns (address, uint32, address) {
        Lane storage lane = lanes[i];
        return (lane.payer, operators[lane.operator].id, lane.signer);
    }

    function _statusOf(uint256 i) internal view returns (ChannelStatus memory) {
        (address payer_, uint32 id, address key) = _names(i);
        return vouchers.channelOf(payer_, id, key);
    }

    /// @notice What the voucher escrow owes to somebody, by its own books.
    function vouchersOwe() external view returns (uint256 owed) {
        for (uint256 i = 0; i < lanes.length; ++i) {
            ChannelStatus memory status = _statusOf(i);
            owed += status.deposited - status.claimed;
        }
        owed += vouchers.earningsOf(operators[HONEST].id) + vouchers.earningsOf(operators[LIAR].id);
        owed += donatedToVouchers;
    }

    function vouchersHold() external view returns (uint256) {
        return opg.balanceOf(address(vouchers));
    }

    /// @notice Whether every channel stands where its parties think, and paid what the highest voucher promises.
    function areChannelsAsMirrored() external view returns (bool) {
        for (uint256 i = 0; i < lanes.length; ++i) {
            Lane storage lane = lanes[i];
            ChannelStatus memory status = _statusOf(i);
            if (status.opening != lane.opening || status.deposited != lane.deposited) return false;
            if (status.claimed != lane.paid || status.exitsAt != lane.exitsAt) return false;
            uint96 most = lane.highest < lane.deposited ? lane.highest : lane.deposited;
            if (status.claimed != most) return false;
        }
        return
            vouchers.earningsOf(operators[HONEST].id) == earned[HONEST] &&
            vouchers.earningsOf(operators[LIAR].id) == earned[LIAR];
    }
}
