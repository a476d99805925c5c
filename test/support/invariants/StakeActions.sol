// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {ICommitRevealVerifier} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobActions} from "./JobActions.sol";

/// @notice Operators come, go in the middle of jobs, change keys, lend stake to a verifier that will rob them.
abstract contract StakeActions is JobActions {
    /* IN */

    function stake(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint256 operator = who % OPERATORS;
        if (signerKeys[operator] == 0) return _register(operator);
        bool success = _as(operator, abi.encodeCall(IOperatorStaking.stake, (amount % 300e18)));
        _count(success, "stake");
    }

    function _register(uint256 operator) private {
        uint256 key = 0xc000 + operator;
        bytes memory consent = _consent(owners[operator], key);
        bytes memory call_ = abi.encodeCall(IOperatorStaking.register, (vm.addr(key), block.timestamp, consent));
        bool success = _as(operator, call_);
        _count(success, "register");
        if (success) signerKeys[operator] = key;
    }

    function join(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint256 operator = who % OPERATORS;
        uint256 free = staking.stakeOf(uint32(operator + 1)).unallocated;
        _as(operator, abi.encodeCall(IOperatorStaking.allowVerifier, (address(verifier), type(uint96).max)));
        uint256 units = amount % 3 == 0 ? free / 1e12 : amount % (free / 1e12 + 1);
        vm.prank(owners[operator]);
        (bool success, ) = address(verifier).call(abi.encodeCall(ICommitRevealVerifier.join, (units * 1e12)));
        _count(success, "join");
    }

    /* OUT */

    function leave(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint256 operator = who % OPERATORS;
        uint256 share = verifier.memberOf(uint32(operator + 1)).share;
        _leave(operator, amount % 8 == 0 ? share : (amount >> 8) % (share / 4 + 1));
    }

    function _leave(uint256 operator, uint256 units) internal {
        uint32 id = uint32(operator + 1);
        uint256 claimable = staking.stakeOf(id).claimable;
        vm.prank(owners[operator]);
        (bool success, ) = address(verifier).call(abi.encodeCall(ICommitRevealVerifier.leave, (units * 1e12)));
        _count(success, "leave");
        _promise(success || signerKeys[operator] == 0, "A1", "leaving was refused");
        if (success) _noteLeft(id, address(verifier), units, claimable);
    }

    function unbond(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint256 operator = who % OPERATORS;
        uint32 id = uint32(operator + 1);
        uint256 free = staking.stakeOf(id).unallocated;
        uint256 claimable = staking.stakeOf(id).claimable;
        amount %= free + 1;
        bool success = _as(operator, abi.encodeCall(IOperatorStaking.unbond, (uint96(amount))));
        _count(success, "unbond");
        _promise(success || signerKeys[operator] == 0, "A1", "unbonding was refused");
        if (success) _noteLeft(id, address(0), amount, claimable);
    }

    function release() external step {
        _releaseAll();
    }

    /// @dev Whoever waits for stake to mature tries at every occasion.
    function _releaseAll() internal {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            _release(id, address(verifier));
            _release(id, address(0));
            _release(id, address(hostileVerifier));
        }
    }

    function _release(uint32 id, address left) internal {
        uint256 claimable = staking.stakeOf(id).claimable;
        (bool success, ) = address(staking).call(abi.encodeCall(IOperatorStaking.release, (id, left)));
        _count(success, "release");
        if (staking.stakeOf(id).claimable > claimable) _noteMatured(id, left);
    }

    function withdraw(uint256 who) external step {
        who = _mix(who);
        _withdraw(who % OPERATORS);
    }

    function _withdraw(uint256 operator) internal {
        uint256 claimable = staking.stakeOf(uint32(operator + 1)).claimable;
        uint256 held = opg.balanceOf(owners[operator]);
        bool lost = _as(operator, abi.encodeCall(IOperatorStaking.withdraw, (address(staking))));
        lost = _as(operator, abi.encodeCall(IOperatorStaking.withdraw, (address(0)))) || lost;
        _promise(!lost, "E1", "stake may go where nobody can withdraw it");
        bool success = _as(operator, abi.encodeCall(IOperatorStaking.withdraw, (owners[operator])));
        _count(success && claimable > 0, "withdraw stake");
        _promise(success || signerKeys[operator] == 0, "A1", "a withdrawal was refused");
        _promise(opg.balanceOf(owners[operator]) - held == (success ? claimable : 0), "M2", "not what was claimable");
    }

    function harvest(uint256 who, uint256 where) external step {
        who = _mix(who);
        where = _mix(where);
        address source = where % 4 == 0 ? address(hostileVerifier) : address(verifier);
        _harvest(uint32(1 + (who % OPERATORS)), source);
    }

    function _harvest(uint32 id, address source) internal {
        uint256 owed = verifier.memberOf(id).earnings;
        uint256 claimable = staking.stakeOf(id).claimable;
        (bool success, ) = address(staking).call(abi.encodeCall(IOperatorStaking.harvest, (id, source)));
        uint256 brought = staking.stakeOf(id).claimable - claimable;
        _count(success && brought > 0, "harvest");
        if (source == address(verifier) && success) _promise(brought == owed, "M2", "harvested something else");
    }

    function burn() external step {
        uint256 waiting = staking.awaitingBurn();
        staking.burn();
        _count(waiting > 0, "burn");
    }

    /// @notice The signer changes in the middle of whatever is going on; old commits must still be revealable.
    function rotateSigner(uint256 who, uint256 sync) external step {
        who = _mix(who);
        sync = _mix(sync);
        uint256 operator = who % OPERATORS;
        if (signerKeys[operator] == 0) return;
        uint256 key = signerKeys[operator] + 0x100;
        bytes memory consent = _consent(owners[operator], key);
        bytes memory call_ = abi.encodeCall(IOperatorStaking.rotateSigner, (vm.addr(key), block.timestamp, consent));
        _count(_as(operator, call_), "rotateSigner");
        signerKeys[operator] = key;
        if (sync % 2 == 0 && verifier.memberOf(uint32(operator + 1)).changedAt > 0)
            verifier.syncSigner(uint32(operator + 1));
    }

    /* A VERIFIER THAT ROBS */

    /// @notice An operator lends stake to the hostile verifier; governance may or may not permit it.
    function lendToHostile(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint256 operator = who % OPERATORS;
        uint32 id = uint32(operator + 1);
        uint96 units = uint96(amount % (uint256(staking.stakeOf(id).unallocated) + 1));
        bool allowed = _as(operator, abi.encodeCall(IOperatorStaking.allowVerifier, (address(hostileVerifier), units)));
        (bool success, ) = hostileVerifier.execute(
            address(staking),
            abi.encodeCall(IOperatorStaking.allocate, (id, units))
        );
        _count(success, "lendToHostile");
        uint256 active = staking.allocationOf(id, address(hostileVerifier)).active;
        _promise(!success || allowed || active <= units, "A1", "stake was lent without its owner");
    }

    /// @notice It slashes more than there is, for its own friends.
    function robOperator(uint256 who, uint256 amount, uint256 friend) external step {
        who = _mix(who);
        amount = _mix(amount);
        friend = _mix(friend);
        uint32 id = uint32(1 + (who % OPERATORS));
        uint256 here = _allocated(id, address(hostileVerifier));
        uint256 there = _allocated(id, address(verifier));
        uint256 owed = stakingOwes();
        uint32[] memory friends = new uint32[](friend % 4);
        for (uint256 i = 0; i < friends.length; ++i) {
            friends[i] = uint32(1 + ((friend >> 8) % OPERATORS));
        }
        uint96 wanted = uint96(amount % 1_000e18);
        bytes memory call_ = abi.encodeCall(IOperatorStaking.slash, (id, wanted, friends));
        (bool success, ) = hostileVerifier.execute(address(staking), call_);
        _count(success && here > 0, "robOperator");
        uint256 taken = here - _allocated(id, address(hostileVerifier));
        _promise(taken <= wanted && taken <= here, "S1", "more was taken than allocated");
        _promise(_allocated(id, address(verifier)) == there, "S1", "another verifier's allocation was taken");
        _promise(stakingOwes() == owed, "M2", "a slash made or lost money");
        if (success) _promise(staking.awaitingBurn() >= taken / 2, "S1", "less than half was burnt");
    }

    /// @notice It gives back what it was lent.
    function giveBack(uint256 who, uint256 amount) external step {
        who = _mix(who);
        amount = _mix(amount);
        uint32 id = uint32(1 + (who % OPERATORS));
        uint256 active = staking.allocationOf(id, address(hostileVerifier)).active;
        uint256 claimable = staking.stakeOf(id).claimable;
        amount %= active + 1;
        bytes memory call_ = abi.encodeCall(IOperatorStaking.deallocate, (id, uint96(amount)));
        (bool success, ) = hostileVerifier.execute(address(staking), call_);
        _count(success && active > 0, "giveBack");
        if (success) _noteLeft(id, address(hostileVerifier), amount, claimable);
    }

    /* CHECKS */

    /// @dev Leaving with nothing is nothing: it prolongs no part that leaves already.
    function _noteLeft(uint32 id, address left, uint256 amount, uint256 claimableBefore) private {
        if (staking.stakeOf(id).claimable > claimableBefore) _noteMatured(id, left);
        if (amount > 0) lastLeftAt[id][left] = uint40(block.timestamp);
    }

    /// @dev What matured had left before the shortest unbonding time, and backs no bond that can still be slashed.
    function _noteMatured(uint32 id, address left) private {
        ++times["matured"];
        uint256 leftAt = lastLeftAt[id][left];
        _promise(block.timestamp >= leftAt + staking.MIN_UNBONDING_SECONDS(), "S2", "stake left too early");
        if (left != address(verifier)) return;
        for (uint256 n = 0; n < openPlays.length; ++n) {
            uint256 i = openPlays[n];
            if (block.timestamp > plays[i].openedAt + staking.MAX_LOCK_SECONDS()) continue;
            for (uint256 p = 0; p < pledges[i].length; ++p) {
                bool backed = pledges[i][p].operatorId == id && pledges[i][p].at < leftAt;
                _promise(!backed, "S2", "stake left before a job that can slash it was over");
            }
        }
    }

    function _as(uint256 operator, bytes memory data) private returns (bool success) {
        vm.prank(owners[operator]);
        (success, ) = address(staking).call(data);
    }
}
