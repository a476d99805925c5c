// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReceiptLog} from "../../../contracts/calls/IReceiptLog.sol";
import {IVoucherEscrow} from "../../../contracts/calls/IVoucherEscrow.sol";
import {Voucher} from "../../../contracts/types/Voucher.sol";
import {ReceiptActions} from "./ReceiptActions.sol";

/// @notice All that can happen to channels and receipts, in any order, and everybody's way home from there.
abstract contract CallsHandler is ReceiptActions {
    constructor() {
        _castCalls();
    }

    /// @notice What a campaign calls; the commoner actions are listed several times.
    function actions() external pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](31);
        uint256 n = 0;
        for (uint256 i = 0; i < 4; ++i) selectors[n++] = this.fund.selector;
        for (uint256 i = 0; i < 4; ++i) selectors[n++] = this.claim.selector;
        for (uint256 i = 0; i < 2; ++i) selectors[n++] = this.startExit.selector;
        for (uint256 i = 0; i < 2; ++i) selectors[n++] = this.close.selector;
        selectors[n++] = this.harvest.selector;
        selectors[n++] = this.donate.selector;
        selectors[n++] = this.serve.selector;
        selectors[n++] = this.crash.selector;
        selectors[n++] = this.rotate.selector;
        selectors[n++] = this.accuse.selector;
        selectors[n++] = this.lie.selector;
        selectors[n++] = this.anchorLies.selector;
        selectors[n++] = this.equivocate.selector;
        selectors[n++] = this.showAgain.selector;
        selectors[n++] = this.moveBond.selector;
        selectors[n++] = this.challenge.selector;
        selectors[n++] = this.answer.selector;
        selectors[n++] = this.uphold.selector;
        selectors[n++] = this.reenter.selector;
        for (uint256 i = 0; i < 3; ++i) selectors[n++] = this.passTime.selector;
        selectors[n++] = this.govern.selector;
    }

    /* TIME */

    function passTime(uint256 how) external step {
        how = _mix(how);
        uint256 i = how % lanes.length;
        uint256 target = block.timestamp + 1 + ((how >> 64) % 20 minutes);
        if ((how >> 8) % 3 == 0 && lanes[i].exitsAt > target) target = lanes[i].exitsAt;
        else if ((how >> 8) % 16 == 1) target = block.timestamp + 15 days; // what left is out
        _passTo(target);
        _count("time passed");
    }

    /* AUTHORITY */

    /// @notice The authority uses each of its powers. Nobody's channel, earnings, bond or challenge changes by that.
    function govern(uint256 how) external step {
        how = _mix(how);
        bytes32 before = _belongings();
        uint256 power = how % 5;
        vm.startPrank(GOVERNOR);
        if (power == 0) vouchers.setChannelsPaused((how >> 8) % 4 == 0);
        if (power == 1) receipts.setChallengeBond(uint96(1e16 + ((how >> 8) % 1000) * 1e12));
        if (power == 2) staking.permitVerifier(address(receipts), (how >> 8) % 4 != 0);
        if (power == 3) staking.setPaused((how >> 8) % 4 == 0);
        if (power == 4) staking.setUnbondingSeconds(uint40(7 days + ((how >> 8) % 8 days)));
        vm.stopPrank();
        _promise(before == _belongings(), "A1", "the authority moved something");
        for (uint256 i = 0; i < lanes.length; ++i) {
            (address payer_, uint32 id, address key) = _names(i);
            if (lanes[i].deposited == 0 || lanes[i].exitsAt != 0) continue;
            bytes memory data = abi.encodeCall(IVoucherEscrow.startExit, (payer_, id, key));
            _mustFail(GOVERNOR, address(vouchers), data, "A1", "the authority started an exit");
        }
        _count("governed");
    }

    /// @notice The authority does all the harm it can do.
    function strike() external {
        bytes32 before = _belongings();
        vm.startPrank(GOVERNOR);
        vouchers.setChannelsPaused(true);
        escrow.setJobsPaused(true);
        staking.setPaused(true);
        staking.permitVerifier(address(receipts), false);
        staking.setUnbondingSeconds(staking.MAX_UNBONDING_SECONDS());
        receipts.setChallengeBond(uint96(receipts.MAX_CHALLENGE_BOND()));
        address[4] memory targets = [address(escrow), address(staking), address(vouchers), address(receipts)];
        for (uint256 i = 0; i < targets.length; ++i) {
            authority.setTargetClosed(targets[i], true);
            authority.updateAuthority(targets[i], address(token));
        }
        vm.stopPrank();
        _promise(before == _belongings(), "A1", "a strike moved something");
    }

    /// @dev Of everybody, as the contracts have it.
    function _belongings() private view returns (bytes32 hash) {
        for (uint256 i = 0; i < lanes.length; ++i) hash = keccak256(abi.encode(hash, _statusOf(i)));
        for (uint8 i = 0; i < 2; ++i) {
            uint32 id = operators[i].id;
            hash = keccak256(abi.encode(hash, vouchers.earningsOf(id), _bondOf(i), staking.stakeOf(id)));
        }
        for (uint256 n = 0; n < openChallenges.length; ++n) {
            hash = keccak256(abi.encode(hash, _priceOf(openChallenges[n])));
        }
        return keccak256(abi.encode(hash, opg.balanceOf(address(vouchers)), opg.balanceOf(address(receipts))));
    }

    /* A HOSTILE TOKEN */

    /// @notice While a contract moves tokens, the token tries its doors.
    function reenter(uint256 how) external step {
        how = _mix(how);
        uint256 i = how % lanes.length;
        if ((how >> 8) % 2 == 0 && openChallenges.length > 0) {
            uint256 n = (how >> 16) % openChallenges.length;
            token.prepare(address(receipts), _doorsOfLog(openChallenges[n]));
            _answerNow(n);
        } else {
            token.prepare(address(vouchers), _doorsOfEscrow(i));
            if (lanes[i].exitsAt != 0) _closeLane(i);
            else if ((how >> 8) % 4 == 1) _harvest(lanes[i].operator);
            else _fundPlain(i, _nextFunding(i, 1 ether));
        }
        for (uint256 n = 0; n < token.triedCalls(); ++n) {
            _promise(!token.succeeded(n), "M3", "a token came in again");
            _count("reentered in vain");
        }
        token.prepare(address(0), new bytes[](0));
    }

    function _doorsOfEscrow(uint256 i) private view returns (bytes[] memory doors) {
        (address payer_, uint32 id, address key) = _names(i);
        bytes memory voucher = _voucherBy(lanes[i].key, Voucher(payer_, id, lanes[i].opening, type(uint96).max));
        doors = new bytes[](3);
        doors[0] = abi.encodeCall(IVoucherEscrow.claim, (id, voucher));
        doors[1] = abi.encodeCall(IVoucherEscrow.close, (payer_, id, key));
        doors[2] = abi.encodeCall(IVoucherEscrow.releaseEarnings, (id));
    }

    function _doorsOfLog(uint256 id) private view returns (bytes[] memory doors) {
        doors = new bytes[](3);
        doors[0] = abi.encodeCall(IReceiptLog.answerOmission, (_receiptOf(id), _inclusionOf(id)));
        doors[1] = _upholding(id);
        doors[2] = _asking(id);
    }

    /* EVERYBODY GOES HOME */

    /// @notice Closes every channel, ends every challenge, takes out everything. What is not as it must be breaks E1.
    /// @return balances A hash of what everybody holds in the end
    function exit() external returns (bytes32 balances) {
        for (uint256 i = 0; i < lanes.length; ++i) {
            (address payer_, uint32 id, address key) = _names(i);
            if (lanes[i].deposited == 0 || lanes[i].exitsAt != 0) continue;
            bool success = _tryAs(
                payer_,
                address(vouchers),
                abi.encodeCall(IVoucherEscrow.startExit, (payer_, id, key))
            );
            _promise(success, "E1", "an exit was refused");
            lanes[i].exitsAt = uint40(block.timestamp + EXIT_SECONDS);
        }
        _passTo(block.timestamp + EXIT_SECONDS + ANSWER_SECONDS + 1);
        for (uint256 i = 0; i < lanes.length; ++i) {
            if (lanes[i].deposited != 0) _closeLane(i);
        }
        while (openChallenges.length > 0) _upholdNow(openChallenges.length - 1);
        _takeStakesOut();
        _takeBondsOut();
        _promise(opg.balanceOf(address(vouchers)) == donatedToVouchers, "E1", "the voucher escrow keeps something");
        _promise(opg.balanceOf(address(receipts)) == donatedToReceipts, "E1", "the log keeps something");
        _promise(opg.balanceOf(address(staking)) == 0, "E1", "staking keeps something");
        _promise(opg.balanceOf(address(escrow)) == 0, "E1", "the ledger keeps something");
        for (uint256 i = 0; i < PAYERS; ++i) {
            uint256 wanted = WALLET - spent[i];
            _promise(opg.balanceOf(vm.addr(0xa000 + i)) == wanted, "E1", "a payer has not its money back");
        }
        return _balances();
    }

    function _takeStakesOut() private {
        for (uint8 i = 0; i < 2; ++i) {
            _harvest(i);
            uint32 id = operators[i].id;
            uint96 bond = uint96(receipts.bondOf(id));
            vm.prank(operators[i].owner);
            receipts.leave(bond);
            uint96 free = staking.stakeOf(id).unallocated;
            vm.prank(operators[i].owner);
            staking.unbond(free);
        }
        vm.warp(block.timestamp + staking.MAX_UNBONDING_SECONDS());
        for (uint8 i = 0; i < 2; ++i) {
            uint32 id = operators[i].id;
            staking.release(id, address(receipts));
            staking.release(id, address(0));
            vm.prank(operators[i].owner);
            staking.withdraw(operators[i].owner);
        }
        staking.burn();
    }

    function _takeBondsOut() private {
        address[3] memory all = [CHALLENGER, operators[HONEST].owner, operators[LIAR].owner];
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 balance = escrow.balanceOf(all[i]);
            vm.prank(all[i]);
            escrow.withdraw(all[i], balance);
        }
    }

    function _balances() private view returns (bytes32 hash) {
        for (uint256 i = 0; i < PAYERS; ++i) hash = keccak256(abi.encode(hash, opg.balanceOf(vm.addr(0xa000 + i))));
        for (uint256 i = 0; i < 2; ++i) hash = keccak256(abi.encode(hash, opg.balanceOf(operators[i].owner)));
        hash = keccak256(abi.encode(hash, opg.balanceOf(CHALLENGER), opg.balanceOf(stranger)));
        return keccak256(abi.encode(hash, opg.balanceOf(staking.DEAD())));
    }
}
