// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {ICommitRevealVerifier} from "./ICommitRevealVerifier.sol";
import {MemberState} from "./MemberState.sol";
import {PoolState} from "./PoolState.sol";

/// @notice Who has how much stake at a verifier, now and before any moment. The time of the last change stands beside
/// the stake, so history is read only when that is newer than the question.
library StakeShares {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev A struct, so that its slot is hashed once for reading and writing.
    struct Holder {
        MemberState state;
    }

    struct Store {
        mapping(uint256 operatorId => Holder) holders; // slot 0
        mapping(uint256 operatorId => Checkpoints.Trace208) history; // slot 1
        PoolState pool; // slot 2
    }

    /* CHANGES */

    function add(Store storage self, uint256 operatorId, uint256 units) internal {
        _setShare(self, operatorId, memberOf(self, operatorId).share() + units);
        self.pool = self.pool.withShare(self.pool.share() + units);
    }

    function remove(Store storage self, uint256 operatorId, uint256 units) internal {
        _setShare(self, operatorId, memberOf(self, operatorId).share() - units);
        self.pool = self.pool.withShare(self.pool.share() - units);
    }

    /// @dev Locks only against what is allocated and not leaving: whatever leaves later stays slashable until after
    /// this lock has ended.
    function lock(Holder storage holder, MemberState member, uint256 bondUnits) internal {
        uint256 share = member.share();
        unchecked {
            uint256 wanted = member.locked() + bondUnits; // 56 bits each
            if (wanted > share) revert ICommitRevealVerifier.InsufficientShare(share, wanted);
        }
        holder.state = member.lock(bondUnits);
    }

    function unlock(Store storage self, uint256 operatorId, uint256 bondUnits) internal {
        Holder storage holder = self.holders[operatorId];
        holder.state = holder.state.unlock(bondUnits);
    }

    function unlockAndPay(Store storage self, uint256 operatorId, uint256 bondUnits, uint256 amount) internal {
        Holder storage holder = self.holders[operatorId];
        holder.state = holder.state.unlock(bondUnits).earn(amount);
    }

    /// @return amount What had been earned, OPG base units
    function takeEarnings(Store storage self, uint256 operatorId) internal returns (uint256 amount) {
        Holder storage holder = self.holders[operatorId];
        amount = holder.state.earnings();
        holder.state = holder.state.withoutEarnings();
    }

    /* QUESTIONS */

    function memberOf(Store storage self, uint256 operatorId) internal view returns (MemberState) {
        return self.holders[operatorId].state;
    }

    /// @notice Share at the end of second `timestamp`, stake units.
    function shareAt(Store storage self, uint256 operatorId, uint256 timestamp) internal view returns (uint256) {
        return _shareAt(self, memberOf(self, operatorId), operatorId, timestamp);
    }

    /// @notice Share strictly before `timestamp`: what arrived in the same block counts for nothing.
    /// @param member The operator's, as it stands
    function shareBefore(
        Store storage self,
        MemberState member,
        uint256 operatorId,
        uint256 timestamp
    ) internal view returns (uint256) {
        unchecked {
            return _shareAt(self, member, operatorId, timestamp - 1); // no block is from second zero
        }
    }

    /* INTERNAL */

    function _shareAt(
        Store storage self,
        MemberState member,
        uint256 operatorId,
        uint256 timestamp
    ) private view returns (uint256) {
        if (member.changedAt() <= timestamp) return member.share();
        return self.history[operatorId].upperLookupRecent(uint48(timestamp));
    }

    function _setShare(Store storage self, uint256 operatorId, uint256 units) private {
        Holder storage holder = self.holders[operatorId];
        holder.state = holder.state.withShare(units, block.timestamp);
        self.history[operatorId].push(uint48(block.timestamp), uint208(units));
    }
}
