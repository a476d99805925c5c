// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {ICommitRevealVerifier, Member} from "./ICommitRevealVerifier.sol";

/// @notice Who has how much stake at a verifier, now and before any moment. The time of the last change stands beside
/// the stake, so history is read only when that is newer than the question.
library StakeShares {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev One word, and all that opening a job reads: lower bounds of its terms (see `Params`) and all shares.
    struct Pool {
        uint16 minCommitWindowSeconds;
        uint16 minRevealWindowSeconds;
        uint16 minSettleWindowSeconds;
        uint24 minBondPpm;
        uint32 minBondUnits;
        uint56 share; // of all operators, stake units
        uint56 shareBefore; // the same, strictly before `changedAt`
        uint40 changedAt; // unix seconds: last change of `share`
    }

    struct Store {
        mapping(uint32 operatorId => Member) members; // slot 0
        mapping(uint32 operatorId => Checkpoints.Trace208) history; // slot 1
        Pool pool; // slot 2
    }

    /* CHANGES */

    function add(Store storage self, uint32 operatorId, uint56 units) internal {
        _setShare(self, operatorId, self.members[operatorId].share + units);
        _setTotal(self, self.pool.share + units);
    }

    function remove(Store storage self, uint32 operatorId, uint56 units) internal {
        _setShare(self, operatorId, self.members[operatorId].share - units);
        _setTotal(self, self.pool.share - units);
    }

    /// @dev Locks only against what is allocated and not leaving: whatever leaves later stays slashable until after
    /// this lock has ended.
    function lock(Store storage self, uint32 operatorId, uint56 bondUnits) internal {
        Member memory member = self.members[operatorId];
        uint256 wanted = uint256(member.locked) + bondUnits;
        require(wanted <= member.share, ICommitRevealVerifier.InsufficientShare(member.share, wanted));
        member.locked += bondUnits;
        self.members[operatorId] = member;
    }

    function unlock(Store storage self, uint32 operatorId, uint56 bondUnits) internal {
        self.members[operatorId].locked -= bondUnits;
    }

    function unlockAndPay(Store storage self, uint32 operatorId, uint56 bondUnits, uint96 amount) internal {
        Member memory member = self.members[operatorId];
        member.locked -= bondUnits;
        member.earnings += amount;
        self.members[operatorId] = member;
    }

    /* QUESTIONS */

    /// @notice Share at the end of second `timestamp`, stake units.
    function shareAt(Store storage self, uint32 operatorId, uint48 timestamp) internal view returns (uint56) {
        Member memory member = self.members[operatorId];
        if (member.changedAt <= timestamp) return member.share;
        return uint56(self.history[operatorId].upperLookupRecent(timestamp));
    }

    /// @notice Share strictly before `timestamp`: what arrived in the same block counts for nothing.
    function shareBefore(Store storage self, uint32 operatorId, uint40 timestamp) internal view returns (uint56) {
        return shareAt(self, operatorId, timestamp - 1);
    }

    /// @notice All shares strictly before now, stake units.
    function totalBeforeNow(Pool memory pool) internal view returns (uint56) {
        return pool.changedAt < block.timestamp ? pool.share : pool.shareBefore;
    }

    /* INTERNAL */

    function _setShare(Store storage self, uint32 operatorId, uint56 share) private {
        Member memory member = self.members[operatorId];
        member.share = share;
        member.changedAt = uint40(block.timestamp);
        self.members[operatorId] = member;
        self.history[operatorId].push(uint48(block.timestamp), share);
    }

    function _setTotal(Store storage self, uint56 share) private {
        Pool memory pool = self.pool;
        pool.shareBefore = totalBeforeNow(pool);
        pool.share = share;
        pool.changedAt = uint40(block.timestamp);
        self.pool = pool;
    }
}
