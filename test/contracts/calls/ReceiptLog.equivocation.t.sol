// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReceiptLog, SignedPart, SignedReceipt} from "../../../contracts/calls/IReceiptLog.sol";
import {ReceiptProof} from "../../../contracts/libraries/ReceiptProof.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {Link, Part, Receipt as CallReceipt} from "../../../contracts/types/Receipt.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Two statements of one sequence: which contradict each other, until when that counts, and what it costs.
contract ReceiptLogEquivocationTest is CallsFixture {
    uint64 private constant SEQUENCE = (3 << 40) | 7;
    uint96 private constant BOUNTY = 10 ether + 1; // a tenth, rounded down

    /* TWO RECEIPTS */

    function test_TwoReceiptsOfOneSequence() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        vm.expectEmit(address(receipts));
        emit IReceiptLog.EquivocationShown(operators[0].id, _channelId(1), SEQUENCE);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Slashed(operators[0].id, address(receipts), EQUIVOCATION_SLASH, EQUIVOCATION_SLASH);
        vm.prank(stranger);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertTrue(receipts.isShown(operators[0].id, _channelId(1), SEQUENCE));
        assertEq(_active(0), BOND - EQUIVOCATION_SLASH);
        assertEq(staking.awaitingBurn(), EQUIVOCATION_SLASH);
    }

    /// Any difference is one: whatever field it is in, apart from the three that make the sequence.
    function testFuzz_AnyDifferenceContradicts(uint256 field, uint256 value) public {
        (CallReceipt memory a, ) = _pair();
        CallReceipt memory b = abi.decode(abi.encode(a), (CallReceipt));
        _change(b, 3 + (field % 11), value);
        vm.assume(_receiptId(a) != _receiptId(b) && b.issuedAt <= block.timestamp && b.issuedAt >= a.issuedAt);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertTrue(receipts.isShown(operators[0].id, _channelId(1), SEQUENCE));
    }

    /// Of another operator, channel or sequence it is another statement.
    function test_RevertWhen_ReceiptsAreOfTwoSequences() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        for (uint256 field = 0; field < 3; ++field) {
            CallReceipt memory other = abi.decode(abi.encode(b), (CallReceipt));
            _change(other, field, 2);
            SignedReceipt memory signed = _signedBy(operators[field == 0 ? 1 : 0].signerKey, other);
            SignedReceipt memory first = _signed(a);
            vm.expectRevert(IReceiptLog.OtherSequence.selector);
            receipts.showReceipts(first, signed, 0);
            vm.expectRevert(IReceiptLog.OtherSequence.selector);
            receipts.showReceipts(signed, first, 0);
        }
    }

    function _change(CallReceipt memory receipt, uint256 field, uint256 value) private pure {
        if (field == 0) receipt.operatorId = uint32(value);
        if (field == 1) receipt.channelId = bytes32(value);
        if (field == 2) receipt.sequence = uint64(value);
        if (field == 3) receipt.payer = address(uint160(value));
        if (field == 4) receipt.modelHash = bytes32(value);
        if (field == 5) receipt.servedModelHash = bytes32(value);
        if (field == 6) receipt.requestHash = bytes32(value);
        if (field == 7) receipt.responseRoot = bytes32(value);
        if (field == 8) receipt.partCount = uint32(value);
        if (field == 9) receipt.inputUnits = uint64(value);
        if (field == 10) receipt.outputUnits = uint64(value);
        if (field == 11) receipt.price = uint128(value);
        if (field == 12) receipt.cumulativeOwed = uint128(value);
        if (field == 13) receipt.issuedAt = receipt.issuedAt + 1;
    }

    /// Sent again is not signed again.
    function test_RevertWhen_BothAreTheSameReceipt() public {
        (CallReceipt memory a, ) = _pair();
        SignedReceipt memory signed = _signed(a);
        vm.expectRevert(IReceiptLog.NoContradiction.selector);
        receipts.showReceipts(signed, signed, 0);
    }

    function test_RevertWhen_OneReceiptIsNotSigned() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        address signer = operators[0].signer;
        SignedReceipt memory good = _signed(a);
        SignedReceipt[3] memory bad = [
            _signedBy(operators[1].signerKey, b),
            SignedReceipt(b, _highS(operators[0].signerKey, _receiptId(b))),
            SignedReceipt(b, new bytes(65))
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            address recovered = i == 0 ? operators[1].signer : address(0);
            bytes memory wanted = abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, recovered, signer);
            vm.expectRevert(wanted);
            receipts.showReceipts(good, bad[i], 0);
            vm.expectRevert(wanted);
            receipts.showReceipts(bad[i], good, 0);
        }
    }

    /// Signed for another chain, deployment or contract it proves nothing here.
    function test_RevertWhen_OneReceiptIsForElsewhere() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        SignedReceipt memory good = _signed(a);
        bytes32 here = receiptDomain;
        bytes32 digest = _receiptId(b);
        for (uint256 i = 0; i < 4; ++i) {
            if (i == 2) continue; // this log
            receiptDomain = _otherDomain("OpenGradient ReceiptLog", address(receipts), i);
            SignedReceipt memory bad = _signed(b);
            receiptDomain = here;
            vm.expectRevert(
                abi.encodeWithSelector(
                    ReceiptProof.InvalidStatement.selector,
                    _recover(digest, bad.signature),
                    operators[0].signer
                )
            );
            receipts.showReceipts(good, bad, 0);
        }
        vm.chainId(block.chainid + 1);
        digest = receipts.receiptIdOf(a);
        vm.expectRevert(
            abi.encodeWithSelector(
                ReceiptProof.InvalidStatement.selector,
                _recover(digest, good.signature),
                operators[0].signer
            )
        );
        receipts.showReceipts(good, _signed(b), 0);
    }

    function _recover(bytes32 digest, bytes memory signature) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return ecrecover(digest, uint8(signature[64]), r, s);
    }

    function test_RevertWhen_AReceiptIsFromTheFuture() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        b.issuedAt = uint40(block.timestamp + 1);
        bytes memory wanted = abi.encodeWithSelector(
            IReceiptLog.StatementFromFuture.selector,
            block.timestamp + 1,
            block.timestamp
        );
        vm.expectRevert(wanted);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        vm.warp(b.issuedAt);
        receipts.showReceipts(_signed(a), _signed(b), 0);
    }

    /// A call that no channel pays has the payment authorisation's hash and sequence zero.
    function test_ACallWithoutAChannelIsASequenceToo() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        (a.channelId, b.channelId) = (bytes32("authorisation"), bytes32("authorisation"));
        (a.sequence, b.sequence) = (0, 0);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertTrue(receipts.isShown(operators[0].id, "authorisation", 0));
    }

    /* ONCE EACH */

    function test_RevertWhen_ASequenceIsShownTwice() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        receipts.showReceipts(_signed(a), _signed(b), 0);
        bytes memory wanted = abi.encodeWithSelector(
            IReceiptLog.AlreadyShown.selector,
            operators[0].id,
            _channelId(1),
            SEQUENCE
        );
        SignedPart memory other = _signed(_part(SEQUENCE, 0, "b"));
        SignedPart memory first = _signed(_part(SEQUENCE, 0, "a"));
        vm.expectRevert(wanted);
        receipts.showReceipts(_signed(b), _signed(a), 0);
        vm.expectRevert(wanted);
        receipts.showReceiptAndPart(_signed(a), other, _noLinks(), 0);
        vm.expectRevert(wanted);
        receipts.showParts(first, other, _noLinks(), 0);
        assertEq(_active(0), BOND - EQUIVOCATION_SLASH);
        ++a.sequence; // the next is another
        ++b.sequence;
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertEq(_active(0), BOND - 2 * EQUIVOCATION_SLASH);
    }

    /* A RECEIPT AND A PART */

    function test_APartAfterTheLastContradictsTheReceipt() public {
        CallReceipt memory receipt = _of("a", 3);
        SignedPart memory part = _signed(_part(SEQUENCE, 3, "a")); // the fourth of three
        receipts.showReceiptAndPart(_signed(receipt), part, _noLinks(), 0);
        _assertShown();
    }

    function test_APartOfAnotherAnswerContradictsTheReceipt() public {
        for (uint32 index = 0; index < 3; ++index) {
            uint256 here = vm.snapshotState();
            receipts.showReceiptAndPart(
                _signed(_of("a", 3)),
                _signed(_part(SEQUENCE, index, "b")),
                _links("a", 2, index),
                0
            );
            _assertShown();
            vm.revertToState(here);
        }
    }

    function test_RevertWhen_ThePartIsTheReceipts() public {
        SignedReceipt memory receipt = _signed(_of("a", 3));
        for (uint32 index = 0; index < 3; ++index) {
            SignedPart memory part = _signed(_part(SEQUENCE, index, "a"));
            vm.expectRevert(IReceiptLog.NoContradiction.selector);
            receipts.showReceiptAndPart(receipt, part, _links("a", 2, index), 0);
        }
    }

    function test_RevertWhen_ThePartIsOfAnotherSequence() public {
        SignedReceipt memory receipt = _signed(_of("a", 1));
        for (uint256 field = 0; field < 3; ++field) {
            Part memory part = _part(SEQUENCE, 0, "b");
            if (field == 0) part.operatorId = operators[1].id;
            if (field == 1) part.channelId = _channelId(2);
            if (field == 2) part.sequence = SEQUENCE + 1;
            SignedPart memory signed = _signedBy(operators[field == 0 ? 1 : 0].signerKey, part);
            vm.expectRevert(IReceiptLog.OtherSequence.selector);
            receipts.showReceiptAndPart(receipt, signed, _noLinks(), 0);
        }
    }

    function test_RevertWhen_TheReceiptOrThePartIsNotSigned() public {
        CallReceipt memory receipt = _of("a", 1);
        Part memory part = _part(SEQUENCE, 0, "b");
        SignedReceipt memory goodReceipt = _signed(receipt);
        SignedPart memory goodPart = _signed(part);
        uint256 key = operators[1].signerKey;
        bytes memory wanted = abi.encodeWithSelector(
            ReceiptProof.InvalidStatement.selector,
            operators[1].signer,
            operators[0].signer
        );
        vm.expectRevert(wanted);
        receipts.showReceiptAndPart(_signedBy(key, receipt), goodPart, _noLinks(), 0);
        vm.expectRevert(wanted);
        receipts.showReceiptAndPart(goodReceipt, _signedBy(key, part), _noLinks(), 0);
        part.issuedAt = uint40(block.timestamp + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IReceiptLog.StatementFromFuture.selector, block.timestamp + 1, block.timestamp)
        );
        receipts.showReceiptAndPart(goodReceipt, _signed(part), _noLinks(), 0);
    }

    /* TWO PARTS */

    function test_TwoPartsOfOneIndex() public {
        receipts.showParts(_signed(_part(SEQUENCE, 4, "a")), _signed(_part(SEQUENCE, 4, "b")), _noLinks(), 0);
        _assertShown();
    }

    /// However far apart the two are.
    function testFuzz_APartContradictsALaterOne(uint32 later, uint32 earlier) public {
        later = uint32(bound(later, 0, 40));
        earlier = uint32(bound(earlier, 0, later));
        receipts.showParts(
            _signed(_part(SEQUENCE, later, "a")),
            _signed(_part(SEQUENCE, earlier, "b")),
            _links("a", later, earlier),
            0
        );
        _assertShown();
    }

    /// A stream that goes on where it was is honest, at any length.
    function testFuzz_RevertWhen_OnePartGoesOn(uint32 later, uint32 earlier) public {
        later = uint32(bound(later, 0, 40));
        earlier = uint32(bound(earlier, 0, later));
        SignedPart memory last = _signed(_part(SEQUENCE, later, "a"));
        SignedPart memory first = _signed(_part(SEQUENCE, earlier, "a"));
        Link[] memory links = _links("a", later, earlier);
        vm.expectRevert(IReceiptLog.NoContradiction.selector);
        receipts.showParts(last, first, links, 0);
    }

    function test_RevertWhen_PartsAreOfTwoSequences() public {
        SignedPart memory good = _signed(_part(SEQUENCE, 0, "a"));
        for (uint256 field = 0; field < 3; ++field) {
            Part memory part = _part(SEQUENCE, 0, "b");
            if (field == 0) part.operatorId = operators[1].id;
            if (field == 1) part.channelId = _channelId(2);
            if (field == 2) part.sequence = SEQUENCE + 1;
            SignedPart memory signed = _signedBy(operators[field == 0 ? 1 : 0].signerKey, part);
            vm.expectRevert(IReceiptLog.OtherSequence.selector);
            receipts.showParts(good, signed, _noLinks(), 0);
        }
    }

    function test_RevertWhen_TheLaterPartComesFirst() public {
        SignedPart memory later = _signed(_part(SEQUENCE, 1, "a"));
        SignedPart memory earlier = _signed(_part(SEQUENCE, 0, "b"));
        vm.expectRevert(IReceiptLog.OtherSequence.selector);
        receipts.showParts(earlier, later, _noLinks(), 0);
    }

    function test_RevertWhen_OnePartIsNotSigned() public {
        Part memory a = _part(SEQUENCE, 0, "a");
        Part memory b = _part(SEQUENCE, 0, "b");
        uint256 key = operators[1].signerKey;
        bytes memory wanted = abi.encodeWithSelector(
            ReceiptProof.InvalidStatement.selector,
            operators[1].signer,
            operators[0].signer
        );
        vm.expectRevert(wanted);
        receipts.showParts(_signedBy(key, a), _signed(b), _noLinks(), 0);
        vm.expectRevert(wanted);
        receipts.showParts(_signed(a), _signedBy(key, b), _noLinks(), 0);
    }

    function test_APartsIdIsItsDigest() public view {
        Part memory part = _part(SEQUENCE, 0, "a");
        assertEq(receipts.partIdOf(part), _partId(part));
    }

    /* LINKS */

    function test_RevertWhen_ThereAreTooFewOrTooManyLinks() public {
        SignedPart memory later = _signed(_part(SEQUENCE, 3, "a"));
        SignedPart memory earlier = _signed(_part(SEQUENCE, 1, "b"));
        SignedReceipt memory receipt = _signed(_of("a", 4));
        for (uint256 count = 0; count < 4; ++count) {
            if (count == 2) continue;
            Link[] memory links = _links("a", 3, 3 - count);
            bytes memory wanted = abi.encodeWithSelector(IReceiptLog.WrongLinkCount.selector, count, 2);
            vm.expectRevert(wanted);
            receipts.showParts(later, earlier, links, 0);
            vm.expectRevert(wanted);
            receipts.showReceiptAndPart(receipt, earlier, links, 0);
        }
        receipts.showParts(later, earlier, _links("a", 3, 1), 0);
    }

    /// Otherwise anybody could make an honest operator's parts contradict each other.
    function test_RevertWhen_ALinkIsWrong() public {
        SignedPart memory later = _signed(_part(SEQUENCE, 3, "a"));
        SignedPart memory earlier = _signed(_part(SEQUENCE, 0, "a"));
        SignedReceipt memory receipt = _signed(_of("a", 4));
        for (uint256 i = 0; i < 6; ++i) {
            Link[] memory links = _links("a", 3, 0);
            if (i % 2 == 0) links[i / 2].previousHash = "wrong";
            else links[i / 2].partHash = "wrong";
            bytes memory wanted = abi.encodeWithSelector(ReceiptProof.BrokenLink.selector, i / 2);
            vm.expectRevert(wanted);
            receipts.showParts(later, earlier, links, 0);
            vm.expectRevert(wanted);
            receipts.showReceiptAndPart(receipt, earlier, links, 0);
        }
    }

    /* TIME */

    /// The limit counts from the later of both, to the second.
    function test_RevertWhen_TheEvidenceIsTooOld() public {
        CallReceipt memory a = _of("a", 1);
        uint256 start = block.timestamp;
        vm.warp(start + 1 days);
        CallReceipt memory b = _of("b", 1);
        Part memory part = _part(SEQUENCE, 0, "b");
        Part memory first = _part(SEQUENCE, 0, "a");
        first.issuedAt = uint40(start);
        uint256 until = start + 1 days + EVIDENCE_SECONDS;
        vm.warp(until + 1);
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.EvidenceExpired.selector, until + 1, until);
        vm.expectRevert(wanted);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        vm.expectRevert(wanted);
        receipts.showReceipts(_signed(b), _signed(a), 0);
        vm.expectRevert(wanted);
        receipts.showReceiptAndPart(_signed(a), _signed(part), _noLinks(), 0);
        vm.expectRevert(wanted);
        receipts.showParts(_signed(part), _signed(first), _noLinks(), 0);
        vm.expectRevert(wanted);
        receipts.showParts(_signed(first), _signed(part), _noLinks(), 0);
        vm.warp(until);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 here = vm.snapshotState();
            if (i == 0) receipts.showReceipts(_signed(a), _signed(b), 0);
            if (i == 1) receipts.showReceipts(_signed(b), _signed(a), 0);
            if (i == 2) receipts.showReceiptAndPart(_signed(a), _signed(part), _noLinks(), 0);
            if (i == 3) receipts.showParts(_signed(first), _signed(part), _noLinks(), 0);
            _assertShown();
            vm.revertToState(here);
        }
    }

    /// A key that was replaced is bound by what it signed for its own time, and by nothing later.
    function test_EvidenceByARotatedKey() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        SignedReceipt memory first = _signed(a);
        SignedReceipt memory second = _signed(b);
        vm.warp(block.timestamp + 100);
        (address signer, uint256 key) = _rotate("new signer");
        CallReceipt memory late = abi.decode(abi.encode(b), (CallReceipt));
        late.issuedAt = uint40(block.timestamp); // the second of the rotation is the new key's
        SignedReceipt memory byOld = _signed(late);
        SignedReceipt memory byNew = _signedBy(key, late);
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, operators[0].signer, signer));
        receipts.showReceipts(first, byOld, 0);
        uint256 here = vm.snapshotState();
        receipts.showReceipts(first, second, 0);
        _assertShown();
        vm.revertToState(here);
        receipts.showReceipts(first, byNew, 0); // both keys are the operator's
        _assertShown();
        vm.revertToState(here);
        --late.issuedAt; // the last second of the old one
        receipts.showReceipts(first, _signed(late), 0);
        _assertShown();
    }

    /* WHAT IT COSTS */

    function test_TheFinderGetsItsPart() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Rewarded(operators[1].id, BOUNTY);
        receipts.showReceipts(_signed(a), _signed(b), operators[1].id);
        assertEq(_active(0), BOND - EQUIVOCATION_SLASH);
        assertEq(staking.stakeOf(operators[1].id).claimable, BOUNTY);
        assertEq(staking.awaitingBurn(), EQUIVOCATION_SLASH - BOUNTY);
    }

    function test_TheFinderGetsItsPartOfPartsToo() public {
        receipts.showReceiptAndPart(
            _signed(_of("a", 1)),
            _signed(_part(SEQUENCE, 0, "b")),
            _noLinks(),
            operators[1].id
        );
        assertEq(staking.stakeOf(operators[1].id).claimable, BOUNTY);
        receipts.showParts(
            _signed(_part(SEQUENCE + 1, 0, "a")),
            _signed(_part(SEQUENCE + 1, 0, "b")),
            _noLinks(),
            operators[1].id
        );
        assertEq(staking.stakeOf(operators[1].id).claimable, 2 * BOUNTY);
        assertEq(_active(0), BOND - 2 * EQUIVOCATION_SLASH);
    }

    function test_RevertWhen_TheFinderIsUnknown() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.UnknownOperator.selector, 9));
        receipts.showReceipts(_signed(a), _signed(b), 9);
    }

    /// However little is allocated, however much of it is leaving: no more is taken than that, and at least nine tenths of
    /// the full slash's worth, or half of what there was, is burnt.
    function testFuzz_ASlashTakesWhatThereIs(uint96 bond, uint96 left, bool withBounty) public {
        bond = uint96(bound(bond, 0, 2 * EQUIVOCATION_SLASH));
        left = uint96(bound(left, 0, bond));
        Operator memory third = _newOperator();
        _join(third, bond);
        vm.prank(third.owner);
        receipts.leave(left);
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        (a.operatorId, b.operatorId) = (third.id, third.id);
        receipts.showReceipts(
            _signedBy(third.signerKey, a),
            _signedBy(third.signerKey, b),
            withBounty ? operators[1].id : 0
        );
        uint256 taken = bond < EQUIVOCATION_SLASH ? bond : EQUIVOCATION_SLASH;
        uint256 rewarded = bond < 2 * BOUNTY ? bond / 2 : BOUNTY;
        if (!withBounty) rewarded = 0;
        uint256 fromActive = taken < bond - left ? taken : bond - left;
        assertEq(receipts.bondOf(third.id), bond - left - fromActive);
        assertEq(staking.allocationOf(third.id, address(receipts)).leaving, left - (taken - fromActive));
        assertEq(staking.stakeOf(operators[1].id).claimable, rewarded);
        assertEq(staking.awaitingBurn(), taken - rewarded);
        assertEq(staking.stakeOf(third.id).unallocated, STAKE - bond);
    }

    /// A bond that began to leave with the statement is there until the evidence's time is over.
    function test_NobodyLeavesBeforeTheEvidenceExpires() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        vm.prank(GOVERNOR);
        staking.setUnbondingSeconds(7 days);
        _leave(BOND);
        vm.warp(block.timestamp + EVIDENCE_SECONDS);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertEq(_leaving(0), BOND - EQUIVOCATION_SLASH);
    }

    /// Two answers of one sequence, issued now.
    function _pair() private view returns (CallReceipt memory a, CallReceipt memory b) {
        a = _of("a", 1);
        b = _of("b", 1);
    }

    function _of(string memory answer, uint32 partCount) private view returns (CallReceipt memory receipt) {
        receipt = _receipt(SEQUENCE);
        receipt.partCount = partCount;
        receipt.responseRoot = _running(answer, partCount);
    }

    function _assertShown() private view {
        assertTrue(receipts.isShown(operators[0].id, _channelId(1), SEQUENCE), "shown");
        assertEq(_active(0), BOND - EQUIVOCATION_SLASH, "slashed");
    }
}
