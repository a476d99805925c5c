// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReceiptLog, SignedPart, SignedReceipt} from "../../../contracts/calls/IReceiptLog.sol";
import {ReceiptProof} from "../../../contracts/libraries/ReceiptProof.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {Link, Part, Receipt as CallReceipt, ReceiptLib} from "../../../contracts/types/Receipt.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Two statements of one sequence: which contradict each other, until when that counts, and what it costs.
contract ReceiptLogEquivocationTest is CallsFixture {
    uint64 private constant SEQUENCE = (3 << 40) | 7;
    uint96 private constant BOUNTY = 10 ether + 1; // a tenth, rounded down
    uint256 private constant MAX_LINKS = 4_096;
    uint256 private constant TRANSACTION_GAS = 1 << 24; // EIP-7825

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

    /// A receipt has one encoding: with other bits in any field it is another receipt, or refused.
    function testFuzz_RevertWhen_AFieldHasBitsItCannotHave(uint256 field, uint256 bits) public view {
        CallReceipt memory receipt = _of("a", 1);
        bytes memory data = abi.encodeCall(IReceiptLog.receiptIdOf, (receipt));
        field = bound(field, 0, 13);
        bits = bound(bits, 1, type(uint256).max);
        assembly ("memory-safe") {
            let at := add(add(data, 0x24), mul(field, 0x20))
            mstore(at, xor(mload(at), bits))
        }
        (bool success, bytes memory answer) = address(receipts).staticcall(data);
        if (success) assertTrue(abi.decode(answer, (bytes32)) != _receiptId(receipt));
        else assertEq(answer.length, 0);
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

    /// An honest stream can't be contradicted, even where its request was chosen to look like a link of it.
    function testFuzz_RevertWhen_AnHonestStreamIsContradicted(
        uint256 count,
        uint256 index,
        uint256 linkCount,
        bytes32[2] memory request
    ) public {
        count = bound(count, 1, 12);
        index = bound(index, 0, count - 1);
        linkCount = bound(linkCount, 0, count + 1);
        CallReceipt memory receipt = _receipt(SEQUENCE);
        bytes32[] memory running = new bytes32[](count + 1);
        running[0] = ReceiptLib.extend(request[0], request[1]);
        for (uint256 i = 0; i < count; ++i) running[i + 1] = ReceiptLib.extend(running[i], _partHash("a", i));
        receipt.requestHash = running[0];
        receipt.responseRoot = running[count];
        receipt.partCount = uint32(count);
        Part memory part = _part(SEQUENCE, uint32(index), "a");
        part.runningHash = running[index + 1];
        Link[] memory links = new Link[](linkCount);
        for (uint256 i = 0; i < linkCount; ++i) {
            links[i] =
                i < count ? Link(running[count - 1 - i], _partHash("a", count - 1 - i)) : Link(request[0], request[1]);
        }
        SignedReceipt memory signed = _signed(receipt);
        SignedPart memory signedPart = _signed(part);
        uint256 wanted = count - 1 - index;
        vm.expectRevert(
            linkCount == wanted
                ? abi.encodeWithSelector(IReceiptLog.NoContradiction.selector)
                : abi.encodeWithSelector(IReceiptLog.WrongLinkCount.selector, linkCount, wanted)
        );
        receipts.showReceiptAndPart(signed, signedPart, links, 0);
    }

    /// The longest way back that is allowed for fits a transaction: 2^24 gas, of which calldata has its own price (EIP-7623).
    function test_TheLongestWayBackFitsATransaction() public {
        uint256 count = MAX_LINKS + 1;
        bytes32[] memory running = new bytes32[](count + 1);
        running[0] = REQUEST;
        for (uint256 i = 0; i < count; ++i) running[i + 1] = ReceiptLib.extend(running[i], _partHash("a", i));
        Link[] memory links = new Link[](MAX_LINKS);
        for (uint256 i = 0; i < MAX_LINKS; ++i) {
            links[i] = Link(running[count - 1 - i], _partHash("a", count - 1 - i));
        }
        CallReceipt memory receipt = _receipt(SEQUENCE);
        receipt.responseRoot = running[count];
        receipt.partCount = uint32(count);
        bytes memory data = abi.encodeCall(
            IReceiptLog.showReceiptAndPart,
            (_signed(receipt), _signed(_part(SEQUENCE, 0, "b")), links, operators[1].id)
        );
        uint256 gas = gasleft();
        (bool success, ) = address(receipts).call(data);
        gas -= gasleft();
        assertTrue(success);
        _assertShown();
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; ++i) tokens += data[i] == 0 ? 1 : 4;
        assertLt(21_000 + 4 * tokens + gas, TRANSACTION_GAS);
        assertLt(21_000 + 10 * tokens, TRANSACTION_GAS, "the floor");
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
        vm.warp(block.timestamp + 1);
        CallReceipt memory late = abi.decode(abi.encode(b), (CallReceipt));
        late.issuedAt = uint40(block.timestamp); // from the second after the rotation on it is the new key's
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

    /// A key that was replaced, in whoever's hands, harms nobody once its last day's evidence is over: to the second, and
    /// whatever of the new key's it is held against.
    function test_RevertWhen_AReplacedKeyContradictsTheNewOne() public {
        (uint256 last, uint256 key) = _replaceKey();
        for (uint256 i = 0; i < 3; ++i) {
            // in the last second, in the next one, a year later
            vm.warp(i == 2 ? last + 365 days : last + EVIDENCE_SECONDS + i);
            bytes[] memory attacks = _backdated(key, last);
            for (uint256 k = 0; k < attacks.length; ++k) {
                uint256 here = vm.snapshotState();
                (bool success, bytes memory answer) = address(receipts).call(attacks[k]);
                if (i == 0) {
                    assertTrue(success);
                    _assertShown();
                } else {
                    assertFalse(success);
                    assertEq(answer, _expired(last + EVIDENCE_SECONDS));
                    assertEq(_active(0), BOND);
                }
                vm.revertToState(here);
            }
        }
    }

    /// Nor does it, one honest receipt after another, take the whole bond.
    function test_RevertWhen_AReplacedKeyIsHeldAgainstEverySequence() public {
        uint256 oldKey = operators[0].signerKey;
        (uint256 last, uint256 key) = _replaceKey();
        vm.warp(last + 365 days);
        for (uint64 i = 1; i <= 6; ++i) {
            CallReceipt memory forged = _receipt(i);
            forged.issuedAt = uint40(last);
            forged.price = 7;
            SignedReceipt memory honest = _signedBy(key, _receipt(i));
            vm.expectRevert(_expired(last + EVIDENCE_SECONDS));
            receipts.showReceipts(honest, _signedBy(oldKey, forged), operators[1].id);
        }
        assertEq(_active(0), BOND);
    }

    /// A key that comes back is one key: its time counts from the later date again.
    function test_AKeyThatCameBackIsOneKey() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        _rotate("between");
        vm.warp(block.timestamp + 1 days);
        bytes memory consent = _consent(operators[0].owner, operators[0].signer, operators[0].signerKey);
        vm.prank(operators[0].owner);
        staking.rotateSigner(operators[0].signer, type(uint256).max, consent);
        vm.warp(block.timestamp + 1 days);
        b.issuedAt = uint40(block.timestamp);
        vm.warp(b.issuedAt + EVIDENCE_SECONDS + 1);
        vm.expectRevert(_expired(b.issuedAt + EVIDENCE_SECONDS));
        receipts.showReceipts(_signed(a), _signed(b), 0);
        vm.warp(b.issuedAt + EVIDENCE_SECONDS);
        receipts.showReceipts(_signed(a), _signed(b), 0);
        _assertShown();
    }

    /// What was good when it came can't be made void by a rotation in its second.
    function test_ARotationVoidsNoStatement() public {
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        assertEq(staking.signerAt(operators[0].id, a.issuedAt), operators[0].signer, "whoever gets it can check");
        _rotate("new signer");
        receipts.showReceipts(_signed(a), _signed(b), 0);
        _assertShown();
    }

    /// @dev The old key's last second, and the new key.
    function _replaceKey() private returns (uint256 last, uint256 key) {
        (, key) = _rotate("new signer");
        last = block.timestamp;
        receipts.syncSigner(operators[0].id);
    }

    /// @dev What a thief of the old key can bring against an honest statement of now.
    function _backdated(uint256 key, uint256 last) private view returns (bytes[] memory calls) {
        uint256 oldKey = operators[0].signerKey;
        (CallReceipt memory honest, CallReceipt memory forged) = _pair();
        Part memory honestPart = _part(SEQUENCE, 0, "a");
        Part memory forgedPart = _part(SEQUENCE, 0, "b");
        (forged.issuedAt, forgedPart.issuedAt) = (uint40(last), uint40(last));
        SignedReceipt memory good = _signedBy(key, honest);
        SignedReceipt memory bad = _signedBy(oldKey, forged);
        SignedPart memory goodPart = _signedBy(key, honestPart);
        SignedPart memory badPart = _signedBy(oldKey, forgedPart);
        uint32 finder = operators[1].id;
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(IReceiptLog.showReceipts, (good, bad, finder));
        calls[1] = abi.encodeCall(IReceiptLog.showReceipts, (bad, good, finder));
        calls[2] = abi.encodeCall(IReceiptLog.showReceiptAndPart, (good, badPart, _noLinks(), finder));
        calls[3] = abi.encodeCall(IReceiptLog.showReceiptAndPart, (bad, goodPart, _noLinks(), finder));
        calls[4] = abi.encodeCall(IReceiptLog.showParts, (goodPart, badPart, _noLinks(), finder));
        calls[5] = abi.encodeCall(IReceiptLog.showParts, (badPart, goodPart, _noLinks(), finder));
    }

    function _expired(uint256 until) private view returns (bytes memory) {
        return abi.encodeWithSelector(IReceiptLog.EvidenceExpired.selector, block.timestamp, until);
    }

    /* AGAIN, UNTIL IT HAS COST THE WHOLE */

    /// Shown while nothing was at stake it is no licence: with a bond there it costs what it costs.
    function test_ShowingItselfBeforehandSparesNobody() public {
        operators[0] = _newOperator();
        vm.warp(block.timestamp + 1);
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        receipts.showReceipts(_signed(a), _signed(b), 0);
        assertTrue(receipts.isShown(operators[0].id, _channelId(1), SEQUENCE));
        assertEq(_slashedFor(), 0);
        _join(operators[0], BOND);
        vm.warp(block.timestamp + 1 hours);
        (a, b) = _pair();
        receipts.showReceipts(_signed(a), _signed(b), 0);
        _assertShown();
        assertEq(_slashedFor(), EQUIVOCATION_SLASH);
        vm.expectRevert(_alreadyShown());
        receipts.showReceipts(_signed(a), _signed(b), 0);
    }

    /// However little is there each time: in sum it costs the whole slash, and never more. The part with the bounty goes last,
    /// and once it is begun nobody gets a bounty for the rest.
    function testFuzz_ASequenceCostsTheWholeSlashInSum(uint96[6] memory bonds, bool withBounty) public {
        operators[0] = _newOperator();
        vm.warp(block.timestamp + 1);
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        uint32 finder = withBounty ? operators[1].id : 0;
        uint256 cost = 0;
        uint256 bounty = 0;
        for (uint256 i = 0; i < bonds.length; ++i) {
            uint96 bond = uint96(bound(bonds[i], 0, EQUIVOCATION_SLASH / 2));
            _join(operators[0], bond);
            uint256 there = _active(0);
            if (cost == EQUIVOCATION_SLASH) {
                vm.expectRevert(_alreadyShown());
                receipts.showReceipts(_signed(a), _signed(b), finder);
                continue;
            }
            receipts.showReceipts(_signed(a), _signed(b), finder);
            uint256 owed = EQUIVOCATION_SLASH - cost;
            uint256 taken = there < owed ? there : owed;
            if (withBounty && owed >= 2 * BOUNTY && taken > owed - 2 * BOUNTY)
                bounty += (taken + 2 * BOUNTY - owed) / 2;
            cost += taken;
            assertEq(_slashedFor(), cost);
            assertEq(_active(0), there - taken);
            assertTrue(receipts.isShown(operators[0].id, _channelId(1), SEQUENCE));
            assertEq(staking.stakeOf(operators[1].id).claimable, bounty);
            assertEq(staking.awaitingBurn(), cost - bounty);
        }
        assertLe(bounty, BOUNTY);
    }

    /// Whoever shows itself gets no more than the tenth back, and nothing while there is something to burn.
    function test_TheBountyGoesLast() public {
        operators[0] = _newOperator();
        vm.warp(block.timestamp + 1);
        uint96 burntFirst = EQUIVOCATION_SLASH - 2 * BOUNTY;
        _join(operators[0], EQUIVOCATION_SLASH / 5);
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        receipts.showReceipts(_signed(a), _signed(b), operators[0].id);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0);
        _join(operators[0], burntFirst - EQUIVOCATION_SLASH / 5);
        receipts.showReceipts(_signed(a), _signed(b), operators[0].id);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0);
        assertEq(_slashedFor(), burntFirst);
        uint256 here = vm.snapshotState();
        _join(operators[0], 2 * BOUNTY);
        receipts.showReceipts(_signed(a), _signed(b), operators[0].id);
        assertEq(staking.stakeOf(operators[0].id).claimable, BOUNTY);
        vm.revertToState(here);
        _join(operators[0], 1 ether); // a remainder smaller than the bounty's part
        receipts.showReceipts(_signed(a), _signed(b), operators[0].id);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0.5 ether);
        _join(operators[0], BOND / 2);
        receipts.showReceipts(_signed(a), _signed(b), operators[0].id);
        assertEq(staking.stakeOf(operators[0].id).claimable, 0.5 ether);
        assertEq(_slashedFor(), EQUIVOCATION_SLASH);
    }

    function _slashedFor() private view returns (uint256) {
        return receipts.slashedFor(operators[0].id, _channelId(1), SEQUENCE);
    }

    function _alreadyShown() private view returns (bytes memory) {
        return abi.encodeWithSelector(IReceiptLog.AlreadyShown.selector, operators[0].id, _channelId(1), SEQUENCE);
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

    /// However little is allocated, however much of it is leaving: no more is taken than that, and what is burnt whole goes
    /// first.
    function testFuzz_ASlashTakesWhatThereIs(uint96 bond, uint96 left, bool withBounty) public {
        bond = uint96(bound(bond, 0, 2 * EQUIVOCATION_SLASH));
        left = uint96(bound(left, 0, bond));
        Operator memory third = _newOperator();
        _join(third, bond);
        vm.prank(third.owner);
        receipts.leave(left);
        vm.warp(block.timestamp + 1);
        (CallReceipt memory a, CallReceipt memory b) = _pair();
        (a.operatorId, b.operatorId) = (third.id, third.id);
        receipts.showReceipts(
            _signedBy(third.signerKey, a),
            _signedBy(third.signerKey, b),
            withBounty ? operators[1].id : 0
        );
        uint256 taken = bond < EQUIVOCATION_SLASH ? bond : EQUIVOCATION_SLASH;
        uint256 burntFirst = EQUIVOCATION_SLASH - 2 * BOUNTY;
        uint256 rewarded = withBounty && taken > burntFirst ? (taken - burntFirst) / 2 : 0;
        uint256 fromActive = taken < bond - left ? taken : bond - left;
        assertEq(receipts.bondOf(third.id), bond - left - fromActive);
        assertEq(staking.allocationOf(third.id, address(receipts)).leaving, left - (taken - fromActive));
        assertEq(staking.stakeOf(operators[1].id).claimable, rewarded);
        assertEq(staking.awaitingBurn(), taken - rewarded);
        assertEq(receipts.slashedFor(third.id, _channelId(1), SEQUENCE), taken);
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
