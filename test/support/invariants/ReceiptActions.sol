// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Batch,
    Challenge,
    ChallengeStatus,
    Inclusion,
    IReceiptLog,
    SignedPart,
    SignedReceipt
} from "../../../contracts/calls/IReceiptLog.sol";
import {Allocation, OperatorStake} from "../../../contracts/staking/IOperatorStaking.sol";
import {Link, Part, Receipt as CallReceipt} from "../../../contracts/types/Receipt.sol";
import {Anchored, Issued, Owed} from "./CallsGhost.sol";
import {ChannelActions} from "./ChannelActions.sol";

/// @notice What operators state, and what challengers make of it.
abstract contract ReceiptActions is ChannelActions {
    uint32 private constant PARTS = 3;

    // The honest operator's store, and an older copy of it. Receipts that left are in both: what is lost with a copy is how
    // far the counter was.
    uint64 private incarnation;
    uint64 private counter;
    uint64 private copiedCounter;
    uint64 private liarCounter;
    mapping(uint64 sequence => uint256) private _issuedAs; // one more than its place, the honest operator's
    uint256 private _clashA; // two of one sequence, if there ever are
    uint256 private _clashB;
    uint256 private _rotations;
    uint256 private _replacedKey; // the honest operator's last one, in a thief's hands
    uint256 private _replacedAt; // its last second
    /// @dev What the counter-test takes away.
    bool internal forgetsIncarnations;

    /* THE HONEST OPERATOR */

    /// @notice Reserves a sequence, answers, stores the receipt, hands it out; or stops in between.
    function serve(uint256 how) external step {
        how = _mix(how);
        ++counter; // reserved, and never again
        if (how % 5 == 0) return _count("gap");
        uint64 sequence = (incarnation << 40) | counter;
        uint256 id = _issue(HONEST, sequence, uint32(how >> 8));
        if (_issuedAs[sequence] != 0) (_clashA, _clashB) = (_issuedAs[sequence], id + 1);
        _issuedAs[sequence] = id + 1;
    }

    /// @notice A copy of the store is taken, or brought back in place of the store: then a new incarnation starts.
    function crash(uint256 how) external step {
        if (_mix(how) % 2 == 0) {
            copiedCounter = counter;
            return;
        }
        counter = copiedCounter;
        _count("restored");
        if (forgetsIncarnations) return;
        ++incarnation;
        copiedCounter = 0;
        counter = 0;
        (address signer, , ) = receipts.logOf(operators[HONEST].id);
        bytes memory again = abi.encodeCall(
            IReceiptLog.startIncarnation,
            (operators[HONEST].id, uint24(incarnation - 1), bytes32(how))
        );
        _mustFail(signer, address(receipts), again, "R2", "an incarnation started twice");
        vm.prank(signer);
        receipts.startIncarnation(operators[HONEST].id, uint24(incarnation), bytes32(how));
    }

    /// @notice Its key is replaced; the log hears of it at once or later, and until then the old key anchors.
    function rotate(uint256 how) external step {
        ++_rotations;
        uint256 key = uint256(keccak256(abi.encode("rotated", _rotations)));
        bytes memory consent = _consent(operators[HONEST].owner, vm.addr(key), key);
        vm.prank(operators[HONEST].owner);
        staking.rotateSigner(vm.addr(key), type(uint256).max, consent);
        (_replacedKey, _replacedAt) = (operators[HONEST].signerKey, block.timestamp);
        if (_mix(how) % 2 == 0) receipts.syncSigner(operators[HONEST].id);
        _passTo(block.timestamp + 1); // statements of this second are still the old key's
        (operators[HONEST].signer, operators[HONEST].signerKey) = (vm.addr(key), key);
        _count("rotated");
    }

    /// @dev Everything that can be shown against the honest operator, which must be nothing.
    function accuse(uint256 how) external step {
        how = _mix(how);
        if (_clashA != 0) _accuseOfClash();
        (bool found, uint256 id) = _pick(HONEST, how >> 8);
        if (!found) return;
        SignedReceipt memory receipt = _signedOf(id);
        _refused(abi.encodeCall(IReceiptLog.showReceipts, (receipt, receipt, 0)), "sent again");
        uint32 index = uint32((how >> 64) % PARTS);
        SignedPart memory part = _partOf(id, index, 0);
        Link[] memory links = _links(_answer(id, 0), PARTS - 1, index);
        _refused(abi.encodeCall(IReceiptLog.showReceiptAndPart, (receipt, part, links, 0)), "a prefix of a receipt");
        SignedPart memory last = _partOf(id, PARTS - 1, 0);
        _refused(abi.encodeCall(IReceiptLog.showParts, (last, part, links, 0)), "a prefix of a part");
        links = new Link[](links.length + 1);
        _refused(abi.encodeCall(IReceiptLog.showReceiptAndPart, (receipt, part, links, 0)), "with made-up links");
        (, uint256 other) = _pick(HONEST, how >> 128);
        if (issued[other].sequence != issued[id].sequence) {
            _refused(
                abi.encodeCall(IReceiptLog.showReceipts, (receipt, _signedOf(other), 0)),
                "two receipts of two sequences"
            );
        }
        _accuseByThief(id, links.length - 1, index);
        _count("accused in vain");
    }

    /// @dev Who has the last key that was replaced dates what it signs back, as late as that key counts.
    function _accuseByThief(uint256 id, uint256 linkCount, uint32 index) private {
        if (_replacedAt == 0 || block.timestamp <= _replacedAt + EVIDENCE_SECONDS) return;
        CallReceipt memory forged = _receiptOf(id);
        ++forged.price;
        forged.issuedAt = uint40(_replacedAt);
        SignedReceipt memory receipt = _signedBy(_replacedKey, forged);
        _refused(abi.encodeCall(IReceiptLog.showReceipts, (_signedOf(id), receipt, 0)), "by a thief");
        Part memory part = _part(issued[id].sequence, index, _answer(id, 1));
        part.operatorId = operators[HONEST].id;
        part.issuedAt = uint40(_replacedAt);
        SignedPart memory signed = _signedBy(_replacedKey, part);
        Link[] memory links = _links(_answer(id, 0), PARTS - 1, PARTS - 1 - linkCount);
        _refused(abi.encodeCall(IReceiptLog.showReceiptAndPart, (_signedOf(id), signed, links, 0)), "a thief's part");
        _refused(
            abi.encodeCall(IReceiptLog.showParts, (_partOf(id, PARTS - 1, 0), signed, links, 0)),
            "a thief's parts"
        );
        _count("thief in vain");
    }

    function _accuseOfClash() private {
        SignedReceipt memory a = _signedOf(_clashA - 1);
        SignedReceipt memory b = _signedOf(_clashB - 1);
        (_clashA, _clashB) = (0, 0);
        bytes memory data = abi.encodeCall(IReceiptLog.showReceipts, (a, b, 0));
        bool success = _tryAs(CHALLENGER, address(receipts), data);
        _promise(!success, "R2", "the honest operator equivocated");
    }

    function _refused(bytes memory data, string memory how) private {
        _mustFail(CHALLENGER, address(receipts), data, "R2", how);
    }

    /* THE OTHER ONE */

    /// @notice Hands out a receipt and anchors it late, or never.
    function lie(uint256 how) external step {
        how = _mix(how);
        _issue(LIAR, ++liarCounter, uint32(how >> 8));
    }

    /// @notice Anchors what it has handed out, if it feels like it.
    function anchorLies(uint256) external step {
        if (pending[LIAR].length > 0) _passTo(anchorsFrom[LIAR]);
        _anchorAll(LIAR);
    }

    /// @notice Says two things in one sequence. Somebody shows it: first with what counts elsewhere, then as it is, then again.
    function equivocate(uint256 how) external step {
        how = _mix(how);
        uint256 id = _issue(LIAR, ++liarCounter, uint32(how >> 8));
        uint256 late = (how >> 64) % 4 == 0 ? EVIDENCE_SECONDS + 1 : (how >> 72) % 1 hours;
        uint32 bountyTo = (how >> 40) % 2 == 0 ? 0 : operators[HONEST].id;
        bytes memory good = _evidence(id, how, bountyTo);
        receiptDomain = _otherDomain("OpenGradient ReceiptLog", address(receipts), 3 * ((how >> 48) % 2));
        bytes memory foreign = _evidence(id, how, bountyTo);
        receiptDomain = receipts.domainSeparator();
        _passTo(block.timestamp + late);
        _mustFail(CHALLENGER, address(receipts), foreign, "R1", "statements for elsewhere were shown");
        _mustFail(CHALLENGER, address(receipts), _twoSequences(id), "R1", "statements of two sequences were shown");
        if (!_show(good, EQUIVOCATION_SLASH, bountyTo, late <= EVIDENCE_SECONDS)) return;
        uint256 rest = EQUIVOCATION_SLASH - receipts.slashedFor(operators[LIAR].id, _channelId(1), issued[id].sequence);
        if (rest > 0) owed.push(Owed(id, how, rest));
        else _mustFail(CHALLENGER, address(receipts), good, "R1", "an equivocation counted twice");
    }

    /// @notice What a sequence has not cost yet is asked for again; once it has cost all, never more.
    function showAgain(uint256 how) external step {
        if (owed.length == 0) return;
        how = _mix(how);
        uint256 n = how % owed.length;
        Owed memory one = owed[n];
        uint32 bountyTo = (how >> 40) % 2 == 0 ? 0 : operators[HONEST].id;
        bytes memory data = _evidence(one.id, one.how, bountyTo);
        bool inTime = block.timestamp <= uint256(issued[one.id].issuedAt) + EVIDENCE_SECONDS;
        uint256 before = slashed;
        bool success = _show(data, one.rest, bountyTo, inTime);
        if (success) owed[n].rest -= slashed - before;
        if (success && slashed > before) _count("cost more later");
        if (success && owed[n].rest > 0) return;
        _mustFail(CHALLENGER, address(receipts), data, "R1", "an equivocation counted twice");
        owed[n] = owed[owed.length - 1];
        owed.pop();
    }

    /// @dev What is still owed for it is taken as far as there is something; the part of which half is the bounty goes last.
    function _show(bytes memory data, uint256 rest, uint32 bountyTo, bool inTime) private returns (bool success) {
        uint256 bounty = staking.stakeOf(operators[HONEST].id).claimable;
        uint256 wanted = _slashable(rest);
        success = _tryAs(CHALLENGER, address(receipts), data);
        _promise(success == inTime, "R2", success ? "old evidence" : "evidence was refused");
        if (!success) {
            _count("evidence expired");
            return false;
        }
        _noteSlashed(wanted);
        bounty = staking.stakeOf(operators[HONEST].id).claimable - bounty;
        uint256 shared = 2 * (EQUIVOCATION_SLASH / 10);
        bool pays = bountyTo != 0 && rest >= shared && wanted > rest - shared;
        _promise(bounty == (pays ? (wanted + shared - rest) / 2 : 0), "M6", "another bounty");
        _count("equivocation shown");
    }

    /// @dev One of four contradictions.
    function _evidence(uint256 id, uint256 how, uint32 bountyTo) private view returns (bytes memory) {
        SignedReceipt memory receipt = _signedOf(id);
        uint32 index = uint32((how >> 32) % PARTS);
        Link[] memory links = _links(_answer(id, 0), PARTS - 1, index);
        if (how % 4 == 0) {
            CallReceipt memory other = _receiptOf(id);
            ++other.price;
            return abi.encodeCall(IReceiptLog.showReceipts, (receipt, _signedBy(issued[id].key, other), bountyTo));
        }
        if (how % 4 == 1) {
            return
                abi.encodeCall(IReceiptLog.showReceiptAndPart, (receipt, _partOf(id, PARTS, 0), _noLinks(), bountyTo));
        }
        SignedPart memory part = _partOf(id, index, 1);
        if (how % 4 == 2) {
            return abi.encodeCall(IReceiptLog.showReceiptAndPart, (receipt, part, links, bountyTo));
        }
        return abi.encodeCall(IReceiptLog.showParts, (_partOf(id, PARTS - 1, 0), part, links, bountyTo));
    }

    function _twoSequences(uint256 id) private view returns (bytes memory) {
        CallReceipt memory other = _receiptOf(id);
        ++other.sequence;
        return abi.encodeCall(IReceiptLog.showReceipts, (_signedOf(id), _signedBy(issued[id].key, other), 0));
    }

    /// @notice Its standing bond goes and comes.
    function moveBond(uint256 how) external step {
        how = _mix(how);
        uint32 id = operators[LIAR].id;
        vm.startPrank(operators[LIAR].owner);
        if (how % 3 == 0) {
            uint256 free = staking.stakeOf(id).unallocated;
            uint96 amount = uint96((how >> 8) % (free / 2 + 1));
            if (!staking.paused() && staking.isPermitted(address(receipts))) receipts.join(amount);
        } else {
            receipts.leave(uint96((how >> 8) % (receipts.bondOf(id) / 2 + 1)));
            _count("bond leaves");
        }
        vm.stopPrank();
    }

    /* OMISSIONS */

    /// @notice Asks for a receipt, once its time has come; for honest ones as well.
    function challenge(uint256 how) external step {
        how = _mix(how);
        (bool found, uint256 id) = _pick(uint8(how % 3 == 0 ? HONEST : LIAR), how >> 8);
        if (!found) return;
        Issued storage one = issued[id];
        uint256 opensAt = uint256(one.issuedAt) + ANCHOR_SECONDS;
        if (block.timestamp <= opensAt) {
            _mustFail(CHALLENGER, address(receipts), _asking(id), "R2", "asked for before its time");
            _passTo(opensAt + 1 + ((how >> 64) % CHALLENGE_SECONDS));
        }
        bool allowed = one.challengedAt == 0 && block.timestamp <= opensAt + CHALLENGE_SECONDS;
        uint256 price = receipts.challengeBond();
        bool success = _tryAs(CHALLENGER, address(receipts), _asking(id));
        _promise(success == allowed, "M6", success ? "a challenge out of time" : "a challenge was refused");
        if (!success) return _count("challenge refused");
        one.challengedAt = uint40(block.timestamp);
        one.open = true;
        openChallenges.push(id);
        openBonds += price;
        _count("challenged");
    }

    function _asking(uint256 id) internal view returns (bytes memory) {
        return abi.encodeCall(IReceiptLog.challengeOmission, (_signedOf(id)));
    }

    /// @notice Somebody answers, with whatever batch there is.
    function answer(uint256 how) external step {
        if (openChallenges.length == 0) return;
        _answerNow(_mix(how) % openChallenges.length);
    }

    function _answerNow(uint256 n) internal {
        uint256 id = openChallenges[n];
        Issued storage one = issued[id];
        bool allowed = one.batch != 0 && block.timestamp <= uint256(one.challengedAt) + ANSWER_SECONDS;
        if (one.batch != 0) allowed = allowed && anchored[one.batch - 1].at <= uint256(one.issuedAt) + ANCHOR_SECONDS;
        bytes memory data = abi.encodeCall(IReceiptLog.answerOmission, (_receiptOf(id), _inclusionOf(id)));
        uint256 price = _priceOf(id);
        address owner = operators[one.operator].owner;
        uint256 held = escrow.balanceOf(owner);
        bool success = _tryAs(stranger, address(receipts), data);
        _promise(success == allowed, "M6", success ? "a wrong answer" : "an answer was refused");
        if (!success) return _count("answer refused");
        _promise(escrow.balanceOf(owner) == held + price, "M6", "an answer got another bond");
        _ended(n, price);
        _count("answered");
    }

    /// @notice Nobody answered in time.
    function uphold(uint256 how) external step {
        if (openChallenges.length == 0) return;
        uint256 n = _mix(how) % openChallenges.length;
        uint256 id = openChallenges[n];
        uint256 answerBy = uint256(issued[id].challengedAt) + ANSWER_SECONDS;
        if (block.timestamp <= answerBy) {
            _mustFail(stranger, address(receipts), _upholding(id), "M6", "upheld before its time");
            _passTo(answerBy + 1); // may answer the honest operator's
        }
        for (n = 0; n < openChallenges.length; ++n) {
            if (openChallenges[n] == id) return _upholdNow(n);
        }
    }

    function _upholding(uint256 id) internal view returns (bytes memory) {
        return abi.encodeCall(IReceiptLog.upholdOmission, (operators[issued[id].operator].id, _idOf(id)));
    }

    function _upholdNow(uint256 n) internal {
        uint256 id = openChallenges[n];
        uint256 price = _priceOf(id);
        uint256 wanted = _slashable(OMISSION_SLASH);
        _promise(issued[id].operator == LIAR, "R2", "an honest operator's challenge is upheld");
        bool success = _tryAs(stranger, address(receipts), _upholding(id));
        _promise(success, "E1", "a challenge can't be ended");
        if (!success) return;
        _noteSlashed(wanted);
        _ended(n, price);
        _count("upheld");
    }

    function _ended(uint256 n, uint256 price) private {
        issued[openChallenges[n]].open = false;
        openChallenges[n] = openChallenges[openChallenges.length - 1];
        openChallenges.pop();
        openBonds -= price;
    }

    function _priceOf(uint256 id) internal view returns (uint256) {
        Challenge memory one = receipts.challengeOf(operators[issued[id].operator].id, _idOf(id));
        return one.status == ChallengeStatus.Open ? uint256(one.bondUnits) * 1e12 : 0;
    }

    /* SLASHES */

    /// @dev What the liar can lose at most now.
    function _slashable(uint256 amount) private view returns (uint256) {
        Allocation memory all = staking.allocationOf(operators[LIAR].id, address(receipts));
        uint256 there = all.active;
        if (block.timestamp < all.releasesAt) there += all.leaving;
        return amount < there ? amount : there;
    }

    function _noteSlashed(uint256 taken) private {
        slashed += taken;
        _count(taken == 0 ? "nothing to slash" : "slashed");
    }

    /* TIME */

    /// @dev The honest operator does what is due before time passes: it anchors as soon as it may, and it answers.
    function _passTo(uint256 timestamp) internal {
        if (timestamp <= block.timestamp) return;
        if (pending[HONEST].length > 0 && anchorsFrom[HONEST] <= timestamp) {
            if (anchorsFrom[HONEST] > block.timestamp) vm.warp(anchorsFrom[HONEST]);
            _anchorAll(HONEST);
        }
        for (uint256 n = openChallenges.length; n > 0; --n) {
            if (issued[openChallenges[n - 1]].operator == HONEST) _answerNow(n - 1);
        }
        vm.warp(timestamp);
    }

    /// @dev Everything handed out and not anchored yet, in one batch, with a voucher.
    function _anchorAll(uint8 operator) internal {
        uint256[] memory ids = pending[operator];
        if (ids.length == 0) return;
        delete pending[operator];
        bytes32[] memory leaves = new bytes32[](ids.length);
        for (uint256 n = 0; n < ids.length; ++n) leaves[n] = _leaf(_idOf(ids[n]));
        (bytes32 root, ) = _merkle(leaves, 0);
        uint32 id = operators[operator].id;
        (address signer, uint256 number, ) = receipts.logOf(id);
        Anchored storage one = anchored.push();
        one.batch = Batch(uint48(number), receipts.batchWordAt(id, number + 255), root, uint32(ids.length), "data");
        one.at = uint40(block.timestamp);
        one.ids = ids;
        for (uint256 n = 0; n < ids.length; ++n) issued[ids[n]].batch = anchored.length;
        (bytes memory voucher, uint96 promised) = _someVoucher(operator, uint256(root));
        earned[operator] += _noteShown(operator, promised);
        vm.prank(signer);
        receipts.anchor("", id, uint32(ids.length), root, voucher, "data");
        anchorsFrom[operator] = block.timestamp + ANCHOR_INTERVAL;
        _count("anchored");
        bytes memory again = abi.encodeCall(IReceiptLog.anchor, ("", id, 1, root, "", "data"));
        _mustFail(signer, address(receipts), again, "R2", "anchored too soon");
    }

    /* STATEMENTS */

    function _issue(uint8 operator, uint64 sequence, uint32 salt) private returns (uint256 id) {
        id = issued.length;
        uint256 key = operators[operator].signerKey;
        issued.push(Issued(operator, sequence, uint40(block.timestamp), salt, key, 0, 0, false));
        issuedBy[operator].push(id);
        pending[operator].push(id);
        _count("issued");
    }

    function _pick(uint8 operator, uint256 how) private view returns (bool, uint256) {
        uint256 count = issuedBy[operator].length;
        return count == 0 ? (false, 0) : (true, issuedBy[operator][how % count]);
    }

    /// @dev What was answered, and what might have been.
    function _answer(uint256 id, uint256 variant) private view returns (string memory) {
        return string(abi.encodePacked(issued[id].salt, variant));
    }

    function _receiptOf(uint256 id) internal view returns (CallReceipt memory receipt) {
        Issued storage one = issued[id];
        receipt = _receipt(one.sequence);
        receipt.operatorId = operators[one.operator].id;
        receipt.issuedAt = one.issuedAt;
        receipt.partCount = PARTS;
        receipt.responseRoot = _running(_answer(id, 0), PARTS);
        receipt.outputUnits = one.salt;
    }

    function _idOf(uint256 id) internal view returns (bytes32) {
        return _receiptId(_receiptOf(id));
    }

    function _signedOf(uint256 id) internal view returns (SignedReceipt memory) {
        return _signedBy(issued[id].key, _receiptOf(id));
    }

    function _partOf(uint256 id, uint32 index, uint256 variant) private view returns (SignedPart memory) {
        Part memory part = _part(issued[id].sequence, index, _answer(id, variant));
        part.operatorId = operators[issued[id].operator].id;
        part.issuedAt = issued[id].issuedAt;
        return _signedBy(issued[id].key, part);
    }

    function _inclusionOf(uint256 id) internal view returns (Inclusion memory inclusion) {
        if (issued[id].batch == 0) return inclusion;
        Anchored storage one = anchored[issued[id].batch - 1];
        bytes32[] memory leaves = new bytes32[](one.ids.length);
        uint256 index = 0;
        for (uint256 n = 0; n < leaves.length; ++n) {
            leaves[n] = _leaf(_idOf(one.ids[n]));
            if (one.ids[n] == id) index = n;
        }
        inclusion.batch = one.batch;
        (, inclusion.proof) = _merkle(leaves, index);
    }

    /* LOOKING */

    /// @notice What the log owes to challengers and answerers, by what was paid in.
    function receiptsOwe() external view returns (uint256) {
        return openBonds + donatedToReceipts;
    }

    function receiptsHold() external view returns (uint256) {
        return opg.balanceOf(address(receipts));
    }

    /// @notice Whether the honest operator has its whole bond, and the other one lost what was shown and no more.
    function areBondsAsMirrored() external view returns (bool) {
        OperatorStake memory liar = staking.stakeOf(operators[LIAR].id);
        uint256 rest = uint256(liar.unallocated) + liar.claimable + _bondOf(LIAR);
        return _bondOf(HONEST) == BOND && rest + slashed == STAKE + harvestedOf[LIAR];
    }

    function _bondOf(uint8 operator) internal view returns (uint256) {
        Allocation memory all = staking.allocationOf(operators[operator].id, address(receipts));
        return uint256(all.active) + all.leaving;
    }
}
