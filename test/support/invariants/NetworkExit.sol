// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/jobs/IJobEscrow.sol";
import {Params} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {StakeActions} from "./StakeActions.sol";

/// @notice Everybody goes home: from wherever a campaign stands, without asking anyone.
abstract contract NetworkExit is StakeActions {
    uint256 private constant MAX_ROUNDS = 200;
    uint32 private constant MAX_HOUR = 3600;

    /// @notice The governor does all the harm it can do.
    function strike() external {
        (address recipient, , ) = escrow.protocolFee();
        vm.startPrank(GOVERNOR);
        escrow.setJobsPaused(true);
        staking.setPaused(true);
        models.setModelsPaused(true);
        escrow.setProtocolFee(recipient, escrow.MAX_PROTOCOL_FEE_PPM());
        staking.permitVerifier(address(verifier), false);
        staking.permitVerifier(address(hostileVerifier), false);
        staking.setUnbondingSeconds(staking.MAX_UNBONDING_SECONDS());
        verifier.setParams(Params(MAX_HOUR, MAX_HOUR, MAX_HOUR, 10_000_000, 1_000_000_000));
        address[3] memory targets = [address(escrow), address(staking), address(verifier)];
        for (uint256 i = 0; i < targets.length; ++i) {
            authority.setTargetClosed(targets[i], true);
            authority.updateAuthority(targets[i], address(hostileConsumer));
        }
        vm.stopPrank();
    }

    /// @notice Ends every job, takes out every stake and every balance. What is not as it must be breaks E1.
    /// @return balances A hash of what everybody holds in the end
    function exit() external returns (bytes32 balances) {
        for (uint256 round = 0; round < MAX_ROUNDS && openPlays.length > 0; ++round) {
            _endWhatCanEnd();
            if (openPlays.length > 0) _passToNextMoment();
        }
        _promise(openPlays.length == 0, "E1", "a job can't be ended");
        _promise(_locked() == 0, "E1", "a bond stays locked");
        _takeStakesOut();
        _takeBalancesOut();
        return _balances();
    }

    /* JOBS */

    function _endWhatCanEnd() private {
        for (uint256 n = openPlays.length; n > 0; --n) {
            uint256 i = openPlays[n - 1];
            if (_phaseOf(i) == 0) continue;
            if (_settle(i, _leadingKind(i), type(uint256).max)) continue;
            if (block.timestamp < plays[i].job.expiresAt) continue;
            bool late = block.timestamp >= plays[i].job.expiresAt + escrow.REFUND_GRACE_SECONDS();
            bool refunded = _refund(i);
            _promise(refunded || !(late || plays[i].commitReveal), "E1", "a refund was refused");
        }
    }

    function _passToNextMoment() private {
        uint256 next = type(uint256).max;
        for (uint256 n = 0; n < openPlays.length; ++n) {
            uint256 moment = _nextMoment(openPlays[n]);
            if (moment < next) next = moment;
        }
        vm.roll(block.number + 1 + (next - block.timestamp) / 2);
        vm.warp(next);
    }

    /// @dev When an open job's phase changes next.
    function _nextMoment(uint256 i) internal view returns (uint256) {
        uint256[5] memory moments = [
            _commitsCloseAt(i),
            _revealsCloseAt(i),
            _settlesBy(i),
            uint256(plays[i].job.expiresAt),
            uint256(plays[i].job.expiresAt) + escrow.REFUND_GRACE_SECONDS()
        ];
        for (uint256 n = 0; n < moments.length; ++n) {
            if (moments[n] > block.timestamp) return moments[n];
        }
        return block.timestamp + 1;
    }

    /* MONEY */

    function _takeStakesOut() private {
        for (uint256 operator = 0; operator < OPERATORS; ++operator) {
            uint32 id = uint32(operator + 1);
            if (signerKeys[operator] == 0) continue;
            _leave(operator, verifier.memberOf(id).share);
            uint96 free = staking.stakeOf(id).unallocated;
            vm.prank(owners[operator]);
            staking.unbond(free);
            uint96 lent = staking.allocationOf(id, address(hostileVerifier)).active;
            vm.prank(address(hostileVerifier)); // what its owner lent it is the hostile verifier's to return
            staking.deallocate(id, lent);
        }
        vm.warp(block.timestamp + staking.MIN_UNBONDING_SECONDS() - 1);
        _releaseAll(); // only what had left before may come
        vm.warp(block.timestamp + staking.MAX_UNBONDING_SECONDS());
        for (uint256 operator = 0; operator < OPERATORS; ++operator) {
            uint32 id = uint32(operator + 1);
            if (signerKeys[operator] == 0) continue;
            _release(id, address(verifier));
            _release(id, address(hostileVerifier));
            _release(id, address(0));
            _harvest(id, address(verifier));
            _withdraw(operator);
        }
        staking.burn();
        _promise(stakingHolds() == 0, "E1", "staking keeps something");
    }

    function _takeBalancesOut() private {
        for (uint256 i = 0; i < modelIds.length; ++i) {
            escrow.claimRoyalty(modelIds[i]);
            escrow.claimProtocolFee(modelIds[i]);
        }
        uint256 mute = 0; // given, in the ledger, to contracts that spend only what they owe
        for (uint256 i = 0; i < accounts.length; ++i) {
            address account = accounts[i];
            uint256 balance = escrow.balanceOf(account);
            if (account == address(escrow) || account == address(staking) || account == address(verifier)) {
                mute += balance;
                continue;
            }
            vm.prank(account);
            (bool success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.withdraw, (account, balance)));
            _promise(success, "E1", "a balance can't be withdrawn");
        }
        _promise(escrow.balanceOf(address(escrow)) == 0, "E1", "the escrow owes itself something");
        _promise(escrow.balanceOf(address(verifier)) == givenToVerifier, "E1", "the verifier keeps earnings");
        _promise(escrowHolds() == mute, "E1", "the escrow keeps something");
    }

    function _balances() private view returns (bytes32 hash) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            hash = keccak256(abi.encode(hash, opg.balanceOf(accounts[i])));
        }
        hash = keccak256(abi.encode(hash, opg.balanceOf(staking.DEAD())));
    }
}
