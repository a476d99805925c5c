// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "@uniswap/v4-core/lib/forge-std/src/Vm.sol";

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {ModelTerms} from "../../../contracts/models/IModelRegistry.sol";
import {CommitRevealTerms, CommitRevealTermsLib} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {Fault, ICommitRevealVerifier, Params, Seat} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {HostileConsumer} from "../../mocks/HostileConsumer.sol";
import {NetworkGhost, Play, Pledge} from "./NetworkGhost.sol";

/// @notice Jobs are opened, answered rightly or not, shown, ended, and tried again when they are over.
abstract contract JobActions is NetworkGhost {
    /// @dev What an ending may change, read before it.
    struct Before {
        uint256 payer;
        uint256 verifier;
        uint256 royalty;
        uint256 protocolFee;
        uint256 earnings;
        uint256 claimable;
        uint256 awaitingBurn;
    }

    uint8 private constant RIGHT = 0;
    uint8 private constant WRONG = 1;
    uint8 private constant TOO_LONG = 2;

    uint8 private constant MINORITY = uint8(Fault.Minority);
    uint8 private constant SILENCE = uint8(Fault.Silence);
    uint8 private constant NO_FAULT = type(uint8).max;
    uint8 private constant WITHHELD = uint8(Fault.Withheld);

    /// @notice The next thing a working network would do for a job, whichever it is: what moves most jobs on.
    function advance(uint256 which, uint256 how) external step {
        how = _mix(how);
        (bool found, uint256 i) = _pick(_mix(which));
        if (!found) return;
        uint256 phase = _phaseOf(i);
        if (phase == 0) return _commitSome(i, how, how | (how >> 100));
        if (phase == 1 && how % 3 == 0) return _revealSome(i, how >> 8);
        uint256 carried = how % 4 == 0 ? how >> 8 : type(uint256).max;
        if (phase < 3 || how % 2 == 0) _settle(i, _leadingKind(i), carried);
        else _refund(i);
    }

    /* OPEN */

    function open(uint256 who, uint256 what, uint256 how) external step {
        who = _mix(who);
        what = _mix(what);
        how = _mix(how);
        (Job memory job, uint256 payerKey) = _draft(who, what, how);
        bytes memory input = "what is asked";
        uint256 balance = escrow.balanceOf(job.payer);
        bool success;
        if (how % 3 == 0) {
            bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
            vm.prank(STRANGER);
            (success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.openWithSignature, (job, input, signature)));
        } else {
            vm.prank(job.payer);
            (success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.open, (job, input)));
        }
        _count(success, "open");
        if (!success) return;
        _promise(escrow.balanceOf(job.payer) == balance - job.fee, "M4", "opening took something else than the fee");
        _promise(job.verifier != address(verifier) || _isBounded(job), "S1", "terms out of bounds were taken");
        _remember(job);
    }

    function _draft(uint256 who, uint256 what, uint256 how) private view returns (Job memory job, uint256 payerKey) {
        payerKey = payerKeys[who % PAYERS];
        uint224 key = uint224((who >> 8) % KEYS);
        job.payer = vm.addr(payerKey);
        (uint32 sequence, ) = escrow.nextSequence(job.payer, key);
        bool hostile = (who >> 16) % 8 == 0;
        job.modelId = modelIds[(what >> 32) % (hostile ? 3 : 2)];
        job.inputHash = keccak256("what is asked");
        job.verifier = hostile ? address(hostileVerifier) : address(verifier);
        job.fee = _fee(what);
        ModelTerms memory model = models.termsOf(job.modelId);
        job.royaltyPpm = model.royaltyPpm;
        (, job.protocolFeePpm, ) = escrow.protocolFee();
        job.nonce = (uint256(key) << 32) | sequence;
        if (how % 2 == 0) {
            job.consumer = address(hostileConsumer);
            job.consumerGasLimit = 50_000;
        }
        uint256 earliest;
        (job.verifierData, earliest) = _draftTerms(job.fee, how >> 8);
        uint256 latest = block.timestamp + 2 days;
        job.expiresAt = uint40((how >> 200) % 4 == 0 ? latest : earliest + ((how >> 210) % 600));
    }

    function _fee(uint256 what) private pure returns (uint128) {
        uint256 class = what % 8;
        if (class == 0) return 0;
        if (class == 1) return uint128(1 + ((what >> 64) % 1_000)); // dust
        if (class == 2) return uint128((50 + ((what >> 64) % 200)) * 1e18);
        return uint128(1e18 + ((what >> 64) % 20e18));
    }

    function _draftTerms(uint128 fee, uint256 how) private view returns (bytes32 packed, uint256 earliest) {
        Params memory bounds = verifier.params();
        CommitRevealTerms memory terms;
        terms.committeeSize = uint8(1 + 2 * (how % 3));
        terms.maxWidening = uint8((how >> 8) % 4) + ((how >> 60) % 32 == 0 ? 4 : 0); // sometimes too much
        terms.commitWindowSeconds = bounds.minCommitWindowSeconds + uint32((how >> 16) % 20);
        terms.revealWindowSeconds = bounds.minRevealWindowSeconds + uint32((how >> 24) % 20);
        terms.settleWindowSeconds = bounds.minSettleWindowSeconds + uint32((how >> 32) % 20);
        terms.maxResultBytes = uint24(MAX_RESULT_BYTES);
        uint256 bond = ((uint256(fee) * bounds.minBondPpm) / 1e6 + 1e12 - 1) / 1e12;
        if (bond < bounds.minBondUnits) bond = bounds.minBondUnits;
        uint256 most = (uint256(fee) * 10 + 1e12 - 1) / 1e12; // ten times the fee
        if (most > bond) bond += ((how >> 40) % 1e6) % (most - bond + 1);
        if ((how >> 65) % 32 == 0) bond = (most > bond ? most : bond) + 1;
        terms.bondUnits = uint56(bond);
        packed = CommitRevealTermsLib.pack(terms);
        earliest =
            block.timestamp +
            uint256(terms.commitWindowSeconds) * (uint256(terms.maxWidening) + 1) +
            terms.revealWindowSeconds +
            terms.settleWindowSeconds +
            10;
    }

    function _isBounded(Job memory job) private view returns (bool) {
        CommitRevealTerms memory terms = CommitRevealTermsLib.unpack(job.verifierData);
        uint256 most = (uint256(job.fee) * 10 + 1e12 - 1) / 1e12;
        uint256 least = verifier.params().minBondUnits;
        return terms.maxWidening <= 3 && terms.bondUnits >= least && terms.bondUnits <= (most > least ? most : least);
    }

    function _remember(Job memory job) private {
        openPlays.push(plays.length);
        Play storage play = plays.push();
        play.job = job;
        play.jobId = escrow.jobIdOf(job);
        play.openedAt = uint40(block.timestamp);
        play.openedBlock = uint64(block.number);
        play.commitReveal = job.verifier == address(verifier);
    }

    /* COMMIT */

    function pinSeed(uint256 which) external step {
        which = _mix(which);
        (bool found, uint256 i) = _pick(which);
        if (!found) return;
        _showSeedBlock(i);
        (bool success, ) = address(verifier).call(abi.encodeCall(ICommitRevealVerifier.pinSeed, (_ref(plays[i].job))));
        _count(success, "pinSeed");
        if (!success) return;
        // Of a block too old for the simulated chain to know, anything may be read.
        uint256 seedBlock = plays[i].openedBlock + 2;
        if (seedBlock + 256 < block.number) return;
        uint192 seed = _seedUnder(i, _hashOfBlock(seedBlock));
        _promise(verifier.seedOf(plays[i].job) == seed, "V1", "another block's seed");
    }

    /// @notice Several operators answer the same job: their own way, or as somebody who wants to harm it.
    function commit(uint256 which, uint256 who, uint256 how) external step {
        which = _mix(which);
        who = _mix(who);
        how = _mix(how);
        (bool found, uint256 i) = _pickBetween(which, 0, 1);
        if (!found) return;
        _commitSome(i, who, how);
    }

    function _commitSome(uint256 i, uint256 who, uint256 how) private {
        _showSeedBlock(i);
        for (uint256 n = 0; n < OPERATORS; ++n) {
            if ((how >> n) & 1 == 0) continue;
            uint256 operator = (n + (who % OPERATORS)) % OPERATORS;
            if (signerKeys[operator] == 0) continue;
            _commitOne(i, operator, _kindOf(i, operator, how >> (8 * n + 16)), (how >> 200) % 32 == n);
        }
    }

    /// @dev Operators 5 and 6 lie together, 4 sometimes with them: one wrong result, or one nobody may show.
    function _kindOf(uint256 i, uint256 operator, uint256 how) private pure returns (uint8) {
        uint8 lie = i % 3 == 0 ? TOO_LONG : WRONG;
        if (operator == 5 || operator == 6 || (operator == 4 && how % 2 == 0)) return how % 16 < 2 ? RIGHT : lie;
        return how % 16 == 0 ? lie : RIGHT;
    }

    function _commitOne(uint256 i, uint256 operator, uint8 kind, bool copy) private {
        Pledge memory pledge;
        pledge.operatorId = uint32(operator + 1);
        pledge.at = uint40(block.timestamp);
        pledge.kind = kind;
        pledge.resultHash = keccak256(_resultOf(i, kind));
        pledge.salt = keccak256(abi.encode("salt", operator, plays[i].jobId));
        pledge.commitment = keccak256(abi.encode(plays[i].jobId, pledge.operatorId, pledge.resultHash, pledge.salt));
        if (copy && pledges[i].length > 0) {
            pledge.commitment = pledges[i][0].commitment;
            pledge.copied = true;
        }
        bytes32 drawnUnder = _hashOfBlock(plays[i].openedBlock + 2);
        vm.prank(vm.addr(signerKeys[operator]));
        (bool success, bytes memory returned) = address(verifier).call(
            abi.encodeCall(
                ICommitRevealVerifier.commit,
                (_ref(plays[i].job), _prefixUnder(i, drawnUnder), _top(pledge.commitment))
            )
        );
        _count(success, "commit");
        if (success) _noteCommit(i, pledge, drawnUnder);
        else _noteRefusal(i, _seedUnder(i, drawnUnder), pledge.operatorId, bytes4(returned));
    }

    function _noteCommit(uint256 i, Pledge memory pledge, bytes32 drawnUnder) private {
        Play storage play = plays[i];
        _promise(play.commitReveal && play.end == JobStatus.None, "V1", "a commit to a job that isn't open");
        _promise(block.timestamp < _commitsCloseAt(i), "V2", "a commit after commits had closed");
        if (play.seed == 0) play.seed = _seedUnder(i, drawnUnder);
        _promise(_isDrawn(i, play.seed, pledge.operatorId), "V3", "a seat for an operator that was not drawn");
        _promise(_shareBefore(pledge.operatorId, play.openedAt) > 0, "V3", "a seat for stake that came later");
        for (uint256 n = 0; n < pledges[i].length; ++n) {
            _promise(pledges[i][n].operatorId != pledge.operatorId, "V1", "an operator committed twice");
            bool same = pledges[i][n].commitment == pledge.commitment;
            _promise(!same || pledge.copied || pledges[i][n].copied, "V2", "equal results, equal commitments");
        }
        pledges[i].push(pledge);
        CommitRevealTerms memory terms = _terms(i);
        if (pledges[i].length == terms.committeeSize) {
            play.filledStep = uint8((block.timestamp - play.openedAt) / terms.commitWindowSeconds);
        }
        if (pledges[i].length > terms.committeeSize) ++times["evict"];
    }

    /// @dev Nothing that happened after the opening made somebody ineligible either.
    function _noteRefusal(uint256 i, uint192 seed, uint32 operatorId, bytes4 reason) private {
        if (reason != ICommitRevealVerifier.NotDrawn.selector) return;
        _promise(!_isDrawn(i, seed, operatorId), "V3", "a drawn operator was refused");
    }

    /* REVEAL */

    function reveal(uint256 which, uint256 who) external step {
        which = _mix(which);
        who = _mix(who);
        (bool found, uint256 i) = _pickBetween(which, 1, 2);
        if (found) _revealSome(i, who);
    }

    /// @dev One time in three everybody reveals: where that is too long to show, it is known to have been withheld.
    function _revealSome(uint256 i, uint256 who) private {
        if ((who >> 64) % 3 == 0) who = type(uint256).max;
        for (uint256 n = 0; n < pledges[i].length; ++n) {
            if ((who >> n) & 1 == 1) _revealOne(i, n);
        }
    }

    /// @notice Somebody shows what must not be shown yet: as a reveal, and as evidence of a settlement.
    function revealEarly(uint256 which, uint256 who) external step {
        which = _mix(which);
        who = _mix(who);
        (bool found, uint256 i) = _pickBetween(which, 0, 1);
        if (!found || pledges[i].length == 0) return;
        _count(_phaseOf(i) == 0, "revealEarly");
        _revealOne(i, who % pledges[i].length);
        _settle(i, _leadingKind(i), type(uint256).max);
    }

    function _revealOne(uint256 i, uint256 n) private {
        Pledge storage pledge = pledges[i][n];
        (bool seated, uint8 seat) = _seatOf(i, pledge.operatorId);
        if (!seated) seat = uint8(n);
        (bool success, ) = address(verifier).call(
            abi.encodeCall(ICommitRevealVerifier.reveal, (pledge.resultHash, _ref(plays[i].job), seat, pledge.salt))
        );
        _count(success, "reveal");
        if (success) _noteReveal(i, n);
    }

    function _noteReveal(uint256 i, uint256 n) private {
        Pledge storage pledge = pledges[i][n];
        _promise(!pledge.copied, "V2", "a copied commitment was revealed");
        _promise(!pledge.revealed, "V1", "a seat revealed twice");
        _promise(block.timestamp >= _commitsCloseAt(i), "V2", "a reveal before commits had closed");
        _promise(block.timestamp < _revealsCloseAt(i), "V1", "a reveal after reveals had closed");
        pledge.revealed = true;
    }

    function _seatOf(uint256 i, uint32 operatorId) internal view returns (bool, uint8) {
        Seat[] memory committee = verifier.committeeOf(plays[i].job);
        for (uint8 seat = 0; seat < committee.length; ++seat) {
            if (committee[seat].operatorId == operatorId) return (true, seat);
        }
        return (false, 0);
    }

    /* END */

    /// @param who Which of the reveals that are missing travel with it, a bit each
    function settle(uint256 which, uint256 who, uint256 how) external step {
        which = _mix(which);
        who = _mix(who);
        how = _mix(how);
        (bool found, uint256 i) = _pickBetween(which, 1, 4);
        if (!found) return;
        _settle(i, how % 4 == 0 ? uint8((how >> 8) % 4) : _leadingKind(i), who);
    }

    function refund(uint256 which) external step {
        which = _mix(which);
        (bool found, uint256 i) = _pickBetween(which, 3, 4);
        if (found) _refund(i);
    }

    /// @notice Everything that could end a job is tried again on one that has ended.
    function endAgain(uint256 which) external step {
        which = _mix(which);
        if (plays.length == 0) return;
        uint256 i = which % plays.length;
        if (plays[i].end == JobStatus.None) return;
        bytes memory result = _resultOf(i, _leadingKind(i));
        (bool settled, ) = address(escrow).call(abi.encodeCall(IJobEscrow.settle, (result, "", plays[i].job)));
        (bool refunded, ) = address(escrow).call(abi.encodeCall(IJobEscrow.refund, (plays[i].job)));
        _count(true, "endAgain");
        _promise(!settled && !refunded, "M4", "a job ended twice");
        _commitLate(i);
    }

    /// @dev Everybody tries to get a seat in a job that has ended. One that was full early ends before its last commit
    /// window would have closed.
    function _commitLate(uint256 i) private {
        if (!plays[i].commitReveal) return;
        CommitRevealTerms memory terms = _terms(i);
        uint256 lastWindowEndsAt = plays[i].openedAt + (uint256(terms.maxWidening) + 1) * terms.commitWindowSeconds;
        _count(block.timestamp < lastWindowEndsAt, "commit late");
        _showSeedBlock(i);
        uint64 drawnUnder = _prefixUnder(i, _hashOfBlock(plays[i].openedBlock + 2));
        bytes memory late = abi.encodeCall(
            ICommitRevealVerifier.commit,
            (_ref(plays[i].job), drawnUnder, _top("too late"))
        );
        for (uint256 operator = 0; operator < OPERATORS; ++operator) {
            if (signerKeys[operator] == 0) continue;
            vm.prank(vm.addr(signerKeys[operator]));
            (bool success, bytes memory returned) = address(verifier).call(late);
            _promise(!success, "S1", "a job that has ended took a seat, and with it somebody's bond");
            _promise(_isLate(i, bytes4(returned)), "S1", "a job that has ended refused a seat for another reason");
        }
    }

    function _isLate(uint256 i, bytes4 reason) private view returns (bool) {
        if (reason == ICommitRevealVerifier.JobResolved.selector) return true;
        if (reason == ICommitRevealVerifier.NotASigner.selector) return true;
        // The key's next job has taken its place.
        return reason == ICommitRevealVerifier.UnknownJob.selector && escrow.statusOf(plays[i].job) == JobStatus.None;
    }

    /// @notice A callback that failed is tried again; so is one that didn't, or was never due.
    function deliver(uint256 which) external step {
        which = _mix(which);
        if (plays.length == 0) return;
        uint256 i = which % plays.length;
        for (uint256 n = 0; n < plays.length; ++n) {
            uint256 next = (n + (which % plays.length)) % plays.length;
            if (escrow.statusOf(plays[next].job) != JobStatus.Undelivered) continue;
            i = next;
            break;
        }
        if ((which >> 16) % 2 == 0) hostileConsumer.setMood(HostileConsumer.Mood.Take);
        _deliver(i, _resultOf(i, (which >> 8) % 8 == 0 ? 3 : plays[i].shown));
    }

    /// @notice Anyone asks the verifier to let go of a job's bonds: heeded only once the job has ended.
    function expire(uint256 which) external step {
        which = _mix(which);
        if (plays.length == 0) return;
        uint256 i = which % plays.length;
        uint256 locked = _locked();
        (bool success, ) = address(verifier).call(abi.encodeCall(verifier.expire, (plays[i].job)));
        _count(success, "expire");
        _promise(_locked() == locked, "M4", "a job that was open, or resolved, was resolved by a stranger");
    }

    function _settle(uint256 i, uint8 kind, uint256 carried) internal returns (bool success) {
        (bytes memory evidence, uint256[] memory shown) = _evidenceFor(i, kind, carried);
        Before memory before = _before(i);
        vm.recordLogs();
        bytes memory call_ = abi.encodeCall(IJobEscrow.settle, (_resultOf(i, kind), evidence, plays[i].job));
        (success, ) = address(escrow).call(call_);
        _count(success, "settle");
        if (!success) return false;
        for (uint256 n = 0; n < shown.length; ++n) {
            _noteReveal(i, shown[n]);
        }
        JobStatus end = escrow.statusOf(plays[i].job);
        if (end == JobStatus.Refunded) _noteRefund(i, before);
        else _noteResult(i, before, end, kind);
        _noteSlashes(i, before, end != JobStatus.Refunded);
        _close(i, end);
    }

    function _refund(uint256 i) internal returns (bool success) {
        Before memory before = _before(i);
        vm.recordLogs();
        (success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.refund, (plays[i].job)));
        _count(success, "refund");
        if (!success) return false;
        _promise(block.timestamp >= plays[i].job.expiresAt, "M4", "a refund before the job expired");
        _noteRefund(i, before);
        _noteSlashes(i, before, false);
        _close(i, JobStatus.Refunded);
    }

    function _deliver(uint256 i, bytes memory result) private {
        uint256 ledger = escrowOwes();
        (bool success, ) = address(escrow).call(abi.encodeCall(IJobEscrow.deliver, (plays[i].job, result)));
        _count(success, "deliver");
        if (!success) return;
        _promise(plays[i].end == JobStatus.Undelivered, "M4", "delivered twice");
        _promise(escrowOwes() == ledger, "M4", "a delivery moved money");
        plays[i].end = JobStatus.Settled;
    }

    /* ENDINGS, CHECKED */

    function _before(uint256 i) private view returns (Before memory before) {
        Job storage job = plays[i].job;
        before.payer = escrow.balanceOf(job.payer);
        before.verifier = escrow.balanceOf(job.verifier);
        (uint128 royalty, uint128 protocolFee) = escrow.accrualsOf(job.modelId);
        (before.royalty, before.protocolFee) = (royalty, protocolFee);
        before.earnings = _earnings();
        before.claimable = _claimable();
        before.awaitingBurn = staking.awaitingBurn();
    }

    function _noteResult(uint256 i, Before memory before, JobStatus end, uint8 kind) private {
        Job storage job = plays[i].job;
        Before memory now_ = _before(i);
        uint256 royalty = (uint256(job.fee) * job.royaltyPpm) / 1e6;
        uint256 protocolFee = (uint256(job.fee) * job.protocolFeePpm) / 1e6;
        uint256 earners = now_.verifier - before.verifier;
        _promise(now_.payer == before.payer, "M5", "a settlement touched the payer's balance");
        _promise(now_.royalty - before.royalty == royalty, "M5", "another royalty than the payer signed");
        _promise(now_.protocolFee - before.protocolFee == protocolFee, "M5", "another protocol fee than signed");
        _promise(earners + royalty + protocolFee == job.fee, "M5", "the parts are not the fee");
        if (plays[i].commitReveal) {
            _promise(now_.earnings - before.earnings == earners, "M5", "the earners' parts are not the pot");
            _promise(_canSlash(i), "S2", "a result after its stake could have left");
            _promise(_hasMajority(i, kind), "V1", "a result without a strict majority of the lowest draws");
            _promise(_resultOf(i, kind).length <= MAX_RESULT_BYTES, "V1", "a result larger than its model allows");
        }
        plays[i].shown = kind;
        (, bytes32 hash) = escrow.resultOf(plays[i].job);
        _promise(hash == keccak256(_resultOf(i, kind)), "V1", "another result stands than was shown");
        ++times[end == JobStatus.Undelivered ? "undelivered" : "settled"];
    }

    function _noteRefund(uint256 i, Before memory before) private {
        Before memory now_ = _before(i);
        _promise(now_.payer == before.payer + plays[i].job.fee, "M4", "a refund is not the fee");
        _promise(now_.verifier == before.verifier && now_.earnings == before.earnings, "M4", "a refund paid earners");
        _promise(
            now_.royalty == before.royalty && now_.protocolFee == before.protocolFee,
            "M4",
            "a refund paid shares"
        );
        ++times["refunded"];
    }

    /// @dev Whoever is at fault loses its bond, in full, and nobody else; nobody gets any of it.
    function _noteSlashes(uint256 i, Before memory before, bool paid) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 bond = uint256(_terms(i).bondUnits) * 1e12;
        uint256 taken = 0;
        uint256 slashed = 0;
        for (uint256 n = 0; n < logs.length; ++n) {
            if (logs[n].topics[0] != ICommitRevealVerifier.BondSlashed.selector) continue;
            (uint8 fault, uint256 amount) = abi.decode(logs[n].data, (uint8, uint256));
            _promise(logs[n].topics[1] == plays[i].jobId, "S1", "another job's bond was taken");
            _promise(amount <= bond, "S1", "more than the bond was taken");
            _promise(amount == bond, "S2", "a bond had left before its job was over");
            uint256 expected = _faultOf(i, uint32(uint256(logs[n].topics[2])), paid);
            _promise(expected == fault, "S1", "a bond was taken for what its operator had not done");
            _countSlash(fault, paid);
            taken += amount;
            ++slashed;
        }
        _promise(slashed == _faults(i, paid), "S1", "a bond at fault was spared, or taken twice");
        _promise(staking.awaitingBurn() - before.awaitingBurn == taken, "M2", "bonds were not burnt whole");
        _promise(_claimable() == before.claimable, "M2", "somebody got a part of a bond");
    }

    function _countSlash(uint8 fault, bool paid) private {
        if (fault == MINORITY) ++times[paid ? "slashed: minority" : "slashed: minority, withheld"];
        else ++times[fault == SILENCE ? "slashed: silence" : "slashed: withheld"];
    }

    /// @dev How many seats are at fault.
    function _faults(uint256 i, bool paid) private view returns (uint256 count) {
        if (!plays[i].commitReveal) return 0;
        uint256[] memory seats = _seated(i);
        for (uint256 s = 0; s < seats.length; ++s) {
            if (_faultOf(i, pledges[i][seats[s]].operatorId, paid) != NO_FAULT) ++count;
        }
    }

    /// @dev Why an operator must lose its bond now that the job ends; with or without a result.
    function _faultOf(uint256 i, uint32 operatorId, bool paid) private view returns (uint256) {
        uint256[] memory seats = _seated(i);
        if (!plays[i].commitReveal || !_canSlash(i)) return NO_FAULT;
        if (seats.length * 2 <= _terms(i).committeeSize) return NO_FAULT;
        for (uint256 s = 0; s < seats.length; ++s) {
            Pledge storage pledge = pledges[i][seats[s]];
            if (pledge.operatorId != operatorId) continue;
            if (!pledge.revealed) return SILENCE;
            if (_hasMajority(i, pledge.kind)) return paid ? NO_FAULT : WITHHELD;
            bool outvoted = _hasMajority(i, RIGHT) || _hasMajority(i, WRONG) || _hasMajority(i, TOO_LONG);
            return outvoted ? MINORITY : NO_FAULT;
        }
        return NO_FAULT;
    }

    /// @dev Later, bonds are only released, and fees only paid back.
    function _canSlash(uint256 i) private view returns (bool) {
        return block.timestamp <= plays[i].openedAt + staking.MAX_LOCK_SECONDS();
    }

    function _close(uint256 i, JobStatus end) private {
        _promise(plays[i].end == JobStatus.None, "M4", "a job ended twice");
        plays[i].end = end;
        _commitLate(i);
        for (uint256 n = 0; n < openPlays.length; ++n) {
            if (openPlays[n] != i) continue;
            openPlays[n] = openPlays[openPlays.length - 1];
            openPlays.pop();
            return;
        }
    }

    function _hasMajority(uint256 i, uint8 kind) private view returns (bool) {
        uint256[] memory seats = _seated(i);
        uint256 agreeing = 0;
        for (uint256 s = 0; s < seats.length; ++s) {
            Pledge storage pledge = pledges[i][seats[s]];
            if (pledge.revealed && pledge.resultHash == keccak256(_resultOf(i, kind))) ++agreeing;
        }
        return agreeing * 2 > _terms(i).committeeSize;
    }

    /* MATERIAL */

    function _resultOf(uint256 i, uint8 kind) internal view returns (bytes memory) {
        if (kind == RIGHT) return abi.encode(kind, plays[i].jobId);
        if (kind == WRONG) return abi.encode(plays[i].jobId, kind);
        if (kind == TOO_LONG) return new bytes(MAX_RESULT_BYTES + 1);
        return "";
    }

    /// @dev The result most seats committed to.
    function _leadingKind(uint256 i) internal view returns (uint8 leading) {
        uint256[3] memory votes;
        uint256[] memory seats = _seated(i);
        for (uint256 s = 0; s < seats.length; ++s) {
            ++votes[pledges[i][seats[s]].kind];
        }
        for (uint8 kind = 1; kind < 3; ++kind) {
            if (votes[kind] > votes[leading]) leading = kind;
        }
    }

    function _evidenceFor(
        uint256 i,
        uint8 kind,
        uint256 carried
    ) private view returns (bytes memory evidence, uint256[] memory shown) {
        if (!plays[i].commitReveal || carried == 0) return ("", new uint256[](0));
        uint256[] memory seats = _seated(i);
        uint256 count = 0;
        for (uint256 s = 0; s < seats.length; ++s) {
            if (_isCarried(i, seats[s], carried)) ++count;
        }
        shown = new uint256[](count);
        for (uint256 s = seats.length; s > 0; --s) {
            if (!_isCarried(i, seats[s - 1], carried)) continue;
            Pledge storage pledge = pledges[i][seats[s - 1]];
            (, uint8 seat) = _seatOf(i, pledge.operatorId);
            // Whoever has what is settled may say so, or spell it out.
            bool brief = pledge.kind == kind && (carried >> (64 + s)) & 1 == 1;
            bytes memory one =
                brief ? _carried(seat, pledge.salt) : _carriedOther(seat, pledge.resultHash, pledge.salt);
            evidence = bytes.concat(one, evidence);
            shown[--count] = seats[s - 1];
        }
    }

    function _isCarried(uint256 i, uint256 n, uint256 carried) private view returns (bool) {
        return
            (carried >> n) & 1 == 1 &&
            !pledges[i][n].revealed &&
            !pledges[i][n].copied &&
            block.timestamp < _revealsCloseAt(i);
    }

    function _earnings() internal view returns (uint256 sum) {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            sum += verifier.memberOf(id).earnings;
        }
    }

    function _claimable() private view returns (uint256 sum) {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            sum += staking.stakeOf(id).claimable;
        }
    }

    function _locked() internal view returns (uint256 sum) {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            sum += verifier.memberOf(id).locked;
        }
    }

    /* CHOICE */

    /// @dev 0: commits open, 1: reveals open, 2: results may be shown, 3: expired or about to be.
    function _phaseOf(uint256 i) internal view returns (uint256) {
        if (block.timestamp >= plays[i].job.expiresAt) return 3;
        if (!plays[i].commitReveal) return 2;
        if (block.timestamp < _commitsCloseAt(i)) return 0;
        return block.timestamp < _revealsCloseAt(i) ? 1 : 2;
    }

    /// @dev An open job in one of the phases [from, to) if there is one, any open job otherwise.
    function _pickBetween(uint256 which, uint256 from, uint256 to) internal view returns (bool found, uint256 i) {
        for (uint256 n = 0; n < openPlays.length; ++n) {
            i = openPlays[addmod(which, n, openPlays.length)];
            uint256 phase = _phaseOf(i);
            if (phase >= from && phase < to) return (true, i);
        }
        return _pick(which);
    }

    function _pick(uint256 which) internal view returns (bool found, uint256 i) {
        if (openPlays.length == 0) return (false, 0);
        return (true, openPlays[which % openPlays.length]);
    }

    /// @dev The simulated chain has no block hashes of its own for blocks that were rolled over.
    function _showSeedBlock(uint256 i) internal {
        uint256 seedBlock = plays[i].openedBlock + 2;
        if (block.number <= seedBlock) vm.roll(seedBlock + 1);
        if (seedBlock + 256 >= block.number) vm.setBlockhash(seedBlock, _hashOfBlock(seedBlock));
    }

    function _hashOfBlock(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("block", number));
    }
}
