// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {IVerifier} from "../../../contracts/jobs/IVerifier.sol";
import {IModelRegistry} from "../../../contracts/models/IModelRegistry.sol";
import {IEarningsSource} from "../../../contracts/staking/IEarningsSource.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {Member, Params, Schedule, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {HostileConsumer} from "../../mocks/HostileConsumer.sol";
import {HostileVerifier} from "../../mocks/HostileVerifier.sol";
import {NetworkExit} from "./NetworkExit.sol";

/// @notice All that can happen to the network, in any order: each external function is one action of a campaign.
abstract contract NetworkHandler is NetworkExit {
    constructor() {
        _deployNetwork();
        _castActors();
    }

    /// @notice What a campaign calls; actions that move jobs on are listed several times.
    function actions() external pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](54);
        uint256 n = 0;
        for (uint256 i = 0; i < 8; ++i) selectors[n++] = this.advance.selector;
        for (uint256 i = 0; i < 5; ++i) selectors[n++] = this.open.selector;
        for (uint256 i = 0; i < 3; ++i) selectors[n++] = this.commit.selector;
        selectors[n++] = this.reveal.selector;
        selectors[n++] = this.revealEarly.selector;
        for (uint256 i = 0; i < 2; ++i) selectors[n++] = this.settle.selector;
        selectors[n++] = this.refund.selector;
        selectors[n++] = this.pinSeed.selector;
        selectors[n++] = this.endAgain.selector;
        selectors[n++] = this.expire.selector;
        selectors[n++] = this.stake.selector;
        for (uint256 i = 0; i < 3; ++i) selectors[n++] = this.join.selector;
        selectors[n++] = this.leave.selector;
        selectors[n++] = this.unbond.selector;
        selectors[n++] = this.release.selector;
        selectors[n++] = this.withdraw.selector;
        selectors[n++] = this.harvest.selector;
        selectors[n++] = this.burn.selector;
        selectors[n++] = this.rotateSigner.selector;
        selectors[n++] = this.lendToHostile.selector;
        selectors[n++] = this.robOperator.selector;
        selectors[n++] = this.giveBack.selector;
        for (uint256 i = 0; i < 4; ++i) selectors[n++] = this.passTime.selector;
        selectors[n++] = this.deposit.selector;
        selectors[n++] = this.withdrawBalance.selector;
        selectors[n++] = this.transferBalance.selector;
        selectors[n++] = this.donate.selector;
        selectors[n++] = this.claim.selector;
        selectors[n++] = this.cancelNonces.selector;
        selectors[n++] = this.govern.selector;
        selectors[n++] = this.publisherActs.selector;
        for (uint256 i = 0; i < 2; ++i) selectors[n++] = this.changeMoods.selector;
        selectors[n++] = this.deliver.selector;
        selectors[n++] = this.trespass.selector;
    }

    /* TIME */

    /// @notice Mostly to the next moment that matters to some open job, sometimes by days.
    function passTime(uint256 which, uint256 how) external step {
        which = _mix(which);
        how = _mix(how);
        uint256 target = block.timestamp + 1 + (how % 6);
        (bool found, uint256 i) = _pick(which);
        if (found && how % 8 < 3) target = _nextMoment(i);
        else if (how % 12 == 7) target = block.timestamp + 1 hours + ((how >> 8) % 10 days);
        uint256 passed = target - block.timestamp;
        vm.warp(target);
        vm.roll(block.number + (passed > 400 ? 200 : 1 + passed / 2));
        if (passed > 1 hours) _releaseAll();
        _count(true, "passTime");
    }

    /* LEDGER */

    function deposit(uint256 who, uint256 to, uint256 amount) external step {
        who = _mix(who);
        to = _mix(to);
        amount = _mix(amount);
        address from = vm.addr(payerKeys[who % PAYERS]);
        address account = to % 3 == 0 ? accounts[(to >> 8) % accounts.length] : from;
        amount %= 500e18;
        vm.prank(from);
        (bool success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.deposit, (account, amount)));
        _count(success, "deposit");
        _promise(!success || account != address(escrow), "E1", "a deposit nobody could withdraw");
        if (success) _noteGift(account, amount);
    }

    function withdrawBalance(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        address from = vm.addr(payerKeys[who % PAYERS]);
        amount %= escrow.balanceOf(from) / 4 + 1;
        vm.prank(from);
        (bool success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.withdraw, (from, amount)));
        _count(success, "withdraw balance");
        _promise(success, "A1", "a withdrawal was refused");
        _mustFailTo(from, address(escrow));
        _mustFailTo(from, address(0));
    }

    /// @dev What would go there could never come back.
    function _mustFailTo(address from, address to) private {
        vm.prank(from);
        (bool withdrawn, ) = address(escrow).call(abi.encodeCall(IJobEscrow.withdraw, (to, 0)));
        vm.prank(from);
        (bool transferred, ) = address(escrow).call(abi.encodeCall(IJobEscrow.transfer, (to, 0)));
        vm.prank(from);
        (bool deposited, ) = address(escrow).call(abi.encodeCall(IJobEscrow.deposit, (to, 0)));
        _promise(!withdrawn && !transferred && !deposited, "E1", "money may go where nobody can withdraw it");
    }

    function transferBalance(uint256 who, uint256 to, uint256 amount) external step {
        who = _mix(who);
        to = _mix(to);
        amount = _mix(amount);
        address account = accounts[to % accounts.length];
        amount %= 20e18;
        vm.prank(vm.addr(payerKeys[who % PAYERS]));
        (bool success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.transfer, (account, amount)));
        _count(success, "transfer balance");
        _promise(!success || account != address(escrow), "E1", "a transfer nobody could withdraw");
        if (success) _noteGift(account, amount);
    }

    function _noteGift(address account, uint256 amount) private {
        if (account == address(verifier)) givenToVerifier += amount;
    }

    function donate(uint256 amount, uint256 where) external step {
        amount = _mix(amount);
        where = _mix(where);
        bool toStaking = where % 2 == 0;
        amount %= 10e18;
        opg.transfer(toStaking ? address(staking) : address(escrow), amount);
        if (toStaking) donatedToStaking += amount;
        else donatedToEscrow += amount;
        _count(true, "donate");
    }

    function claim(uint256 which) external step {
        which = _mix(which);
        bytes32 modelId = modelIds[which % modelIds.length];
        escrow.claimRoyalty(modelId);
        escrow.claimProtocolFee(modelId);
        _count(true, "claim");
    }

    function cancelNonces(uint256 who, uint256 skipped) external step {
        who = _mix(who);
        skipped = _mix(skipped);
        address payer = vm.addr(payerKeys[who % PAYERS]);
        uint224 key = uint224((who >> 8) % KEYS);
        (uint32 next, bool busy) = escrow.nextSequence(payer, key);
        vm.prank(payer);
        (bool success, ) = address(escrow).call(
            abi.encodeCall(IJobEscrow.cancelNonces, (next + uint32(skipped % 3), key))
        );
        _count(success, busy ? "cancelNonces, live" : "cancelNonces");
        _promise(success == (skipped % 3 > 0), "A1", "nonces can't be cancelled at any time");
    }

    /* GOVERNANCE, PUBLISHERS, MOODS */

    /// @notice The governor uses each of its powers, as far as the code lets it.
    function govern(uint256 what, uint256 how) external step {
        what = _mix(what);
        how = _mix(how);
        vm.startPrank(GOVERNOR);
        uint256 power = what % 8;
        if (power == 0) escrow.setJobsPaused(how % 8 == 0);
        if (power == 1) staking.setPaused(how % 8 == 0);
        if (power == 2) models.setModelsPaused(how % 2 == 0);
        if (power == 3) escrow.setProtocolFee(how % 2 == 0 ? PROTOCOL : HEIR, uint32(how % 50_001));
        if (power == 4) staking.permitVerifier(address(verifier), how % 8 != 0);
        if (power == 5) staking.permitVerifier(address(hostileVerifier), how % 4 != 0);
        if (power == 6) staking.setUnbondingSeconds(uint40(7 days + (how % (how % 3 == 0 ? 53 days + 1 : 1))));
        if (power == 7) verifier.setParams(_someParams(how));
        vm.stopPrank();
        _count(true, "govern");
    }

    function _someParams(uint256 how) private pure returns (Params memory) {
        return
            Params({
                minCommitWindowSeconds: uint32(1 + (how % (how % 8 == 0 ? 3600 : 10))),
                minRevealWindowSeconds: uint32(1 + ((how >> 16) % 10)),
                minSettleWindowSeconds: uint32(1 + ((how >> 32) % 10)),
                minBondPpm: uint32((how >> 64) % (how % 16 == 0 ? 10_000_001 : 1_000_001)),
                minBondUnits: uint56((how >> 128) % (how % 16 == 1 ? 1_000_000_001 : 1_000_001))
            });
    }

    function publisherActs(uint256 which, uint256 how) external step {
        which = _mix(which);
        how = _mix(how);
        bytes32 modelId = modelIds[which % modelIds.length];
        vm.startPrank(PUBLISHER);
        models.setPrice(modelId, how % 8 == 0 ? uint96(how >> 8) % 2e18 : 0, uint32((how >> 32) % 300_001));
        models.setRoyaltyRecipient(modelId, how % 2 == 0 ? HEIR : STRANGER);
        vm.stopPrank();
        _count(true, "publisherActs");
    }

    function changeMoods(uint256 how) external step {
        how = _mix(how);
        hostileVerifier.setMood(HostileVerifier.Mood(how % 8 < 5 ? how % 8 : 0));
        hostileConsumer.setMood(HostileConsumer.Mood((how >> 8) % 8 < 5 ? (how >> 8) % 8 : 0));
        _count(true, "changeMoods");
    }

    /* STRANGERS */

    /// @notice Everything that is somebody else's to call.
    function trespass(uint256 which, uint256 who) external step {
        which = _mix(which);
        who = _mix(who);
        (bool found, uint256 i) = _pick(which);
        uint32 id = uint32(1 + (who % OPERATORS));
        _mustFail(address(verifier), abi.encodeCall(IEarningsSource.releaseEarnings, (id)));
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.slash, (id, 1e18, new uint32[](0))), who);
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.deallocate, (id, 1)));
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.allocate, (id, 1)));
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.withdraw, (STRANGER)));
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.setPaused, (true)));
        _mustFail(address(staking), abi.encodeCall(IOperatorStaking.permitVerifier, (STRANGER, true)));
        _mustFail(address(escrow), abi.encodeCall(IJobEscrow.setJobsPaused, (true)));
        _mustFail(address(escrow), abi.encodeCall(IJobEscrow.setProtocolFee, (STRANGER, 0)));
        _mustFail(address(models), abi.encodeCall(IModelRegistry.retire, (modelIds[0])));
        if (!found) return;
        bytes32 jobId = plays[i].jobId;
        _mustFail(address(verifier), abi.encodeCall(IVerifier.opened, (64, true, plays[i].job, jobId)));
        _mustFail(address(verifier), abi.encodeCall(IVerifier.conclude, (plays[i].job, 0, jobId, "", 0, 0)));
        _mustFail(address(escrow), abi.encodeCall(IJobEscrow.open, (plays[i].job, "what is asked")));
        _count(true, "trespass");
    }

    function _mustFail(address target, bytes memory data) private {
        vm.prank(STRANGER);
        (bool success, ) = target.call(data);
        _promise(!success, "A1", "a stranger did what only others may");
    }

    /// @dev A stranger may call `slash`: it has no allocation, so nothing may be taken.
    function _mustFail(address target, bytes memory data, uint256 who) private {
        uint256 before = _allocated(uint32(1 + (who % OPERATORS)), address(verifier));
        vm.prank(STRANGER);
        (bool success, ) = target.call(data);
        success; // whether it went through says nothing
        _promise(_allocated(uint32(1 + (who % OPERATORS)), address(verifier)) == before, "A1", "a stranger slashed");
    }

    /* WHAT MUST HOLD NOW */

    /// @notice Every job stands where its calls left it.
    function areStatusesAsLeft() external view returns (bool) {
        for (uint256 i = 0; i < plays.length; ++i) {
            JobStatus status = escrow.statusOf(plays[i].job);
            if (plays[i].end == JobStatus.None && status != JobStatus.Open) return false;
            if (plays[i].end != JobStatus.None && status != plays[i].end && status != JobStatus.None) return false;
        }
        return !hostileVerifier.broken() && !hostileConsumer.broken();
    }

    /// @notice The verifier's books and staking's say the same, and exactly the open jobs' bonds are locked.
    function areSharesAllocations() external view returns (bool) {
        uint256 total = 0;
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            Member memory member = verifier.memberOf(id);
            total += member.share;
            if (uint256(member.share) * 1e12 != staking.allocationOf(id, address(verifier)).active) return false;
            if (member.locked != bondsOf(id, false)) return false;
        }
        return verifier.totalShares() == total;
    }

    /// @notice Earnings that wait at the verifier are its ledger balance, gifts aside.
    function earningsGap() external view returns (uint256) {
        return escrow.balanceOf(address(verifier)) - givenToVerifier - _earnings();
    }

    /// @notice The seats of every open job are the lowest draws of all that committed.
    function areSeatsLowest() external view returns (bool) {
        for (uint256 n = 0; n < openPlays.length; ++n) {
            uint256 i = openPlays[n];
            if (!plays[i].commitReveal) continue;
            uint256[] memory seats = _seated(i);
            if (verifier.committeeOf(plays[i].job).length != seats.length) return false;
            for (uint256 s = 0; s < seats.length; ++s) {
                (bool seated, ) = _seatOf(i, pledges[i][seats[s]].operatorId);
                if (!seated) return false;
            }
        }
        return true;
    }

    /// @notice While commits are open, the chain shows commitments only.
    function areResultsHidden() external view returns (bool) {
        for (uint256 n = 0; n < openPlays.length; ++n) {
            uint256 i = openPlays[n];
            if (!plays[i].commitReveal) continue;
            Schedule memory schedule = verifier.scheduleOf(plays[i].job);
            if (schedule.commitsCloseAt != _commitsCloseAt(i)) return false;
            if (block.timestamp < schedule.commitsCloseAt && !_isHidden(i)) return false;
        }
        return true;
    }

    function _isHidden(uint256 i) private view returns (bool) {
        Seat[] memory committee = verifier.committeeOf(plays[i].job);
        for (uint256 s = 0; s < committee.length; ++s) {
            if (committee[s].revealed) return false;
            for (uint256 p = 0; p < pledges[i].length; ++p) {
                if (committee[s].hash == bytes32((uint256(pledges[i][p].resultHash) >> 64) << 64)) return false;
            }
        }
        return true;
    }
}
