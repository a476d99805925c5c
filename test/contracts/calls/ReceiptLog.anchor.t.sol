// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch, IReceiptLog, LogTerms} from "../../../contracts/calls/IReceiptLog.sol";
import {BatchWord} from "../../../contracts/calls/BatchWord.sol";
import {ReceiptLog as CallLog} from "../../../contracts/calls/ReceiptLog.sol";
import {IVoucherEscrow, Skipped} from "../../../contracts/calls/IVoucherEscrow.sol";
import {VoucherLib} from "../../../contracts/types/Voucher.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Anchoring: who may, the interval and the ring, the chain of words, and vouchers that travel along.
contract ReceiptLogAnchorTest is CallsFixture {
    function test_ABatchIsAnchored() public {
        vm.expectEmit(address(receipts));
        emit IReceiptLog.BatchAnchored(operators[0].id, "root", 7, "data");
        Batch memory batch = _anchorRoot("root", 7, "data");
        assertEq(receipts.anchoredAt(operators[0].id, batch), block.timestamp);
        (, uint256 batchCount, ) = receipts.logOf(operators[0].id);
        assertEq(batchCount, 1);
        assertEq(receipts.anchoredAt(operators[1].id, batch), 0, "another operator's");
    }

    function test_TheDatasPlaceIsTold() public {
        vm.expectEmit(address(receipts));
        emit IReceiptLog.BatchAnchored(operators[0].id, "root", 7, "data");
        vm.expectEmit(address(receipts));
        emit IReceiptLog.BatchDataAt(operators[0].id, "root", "ipfs://batch");
        _anchor("ipfs://batch", 7, "");
    }

    function test_NoPlaceIsTold() public {
        vm.recordLogs();
        _anchor("", 7, "");
        assertEq(vm.getRecordedLogs().length, 1);
    }

    function test_RevertWhen_SomebodyElseAnchors() public {
        address[4] memory others = [stranger, operators[0].owner, operators[1].signer, GOVERNOR];
        uint32 id = operators[0].id;
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, others[i], operators[0].signer));
            receipts.anchor("", id, 1, "root", "", "data");
        }
        Operator memory third = _newOperator(); // never joined
        vm.prank(third.signer);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, third.signer, address(0)));
        receipts.anchor("", third.id, 1, "root", "", "data");
    }

    /// The copy counts until somebody brings it up to date.
    function test_RevertWhen_TheSignerIsNotSynced() public {
        uint32 id = operators[0].id;
        address old = operators[0].signer;
        (address signer, ) = _rotate("new signer");
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, signer, old));
        receipts.anchor("", id, 1, "root", "", "data");
        vm.prank(old);
        receipts.anchor("", id, 1, "root", "", "data");
        receipts.syncSigner(id);
        vm.prank(old);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, old, signer));
        receipts.anchor("", id, 1, "root", "", "data");
        _passInterval();
        vm.prank(signer);
        receipts.anchor("", id, 1, "root", "", "data");
        (, uint256 batchCount, ) = receipts.logOf(id);
        assertEq(batchCount, 2);
    }

    function test_RevertWhen_TheBatchIsEmpty() public {
        vm.expectRevert(IReceiptLog.EmptyBatch.selector);
        _anchor("", 0, "");
    }

    /// An operator without a bond can still bring what it owes to the log.
    function test_AnOperatorThatLeftAnchors() public {
        _leave(BOND);
        Batch memory batch = _anchorRoot("root", 1, "data");
        assertEq(receipts.anchoredAt(operators[0].id, batch), block.timestamp);
    }

    /* THE CHAIN OF WORDS */

    /// Whoever replays the events comes to the same word.
    function testFuzz_WordsAreAChain(bytes32[5] memory roots, uint32 count, uint16 gap) public {
        count = uint32(bound(count, 1, type(uint32).max));
        uint256 word = 0;
        for (uint256 i = 0; i < roots.length; ++i) {
            vm.warp(block.timestamp + ANCHOR_INTERVAL + gap);
            _anchorRoot(roots[i], count, keccak256(abi.encode(roots[i])));
            bytes32 hash = keccak256(abi.encode(word, roots[i], count, keccak256(abi.encode(roots[i]))));
            word = uint256(bytes32(bytes27(hash))) | block.timestamp;
            assertEq(BatchWord.unwrap(receipts.batchWordAt(operators[0].id, i)), word);
        }
    }

    /// Nothing of a batch can be told otherwise.
    function testFuzz_AnotherBatchIsNotAnchored(uint256 field, uint256 value) public {
        _anchorRoot("first", 1, "data");
        _passInterval();
        Batch memory batch = _anchorRoot("root", 7, "data");
        bytes32 before = keccak256(abi.encode(batch));
        field %= 5;
        if (field == 0) batch.number = uint48(value);
        if (field == 1) batch.previousWord = BatchWord.wrap(value);
        if (field == 2) batch.root = bytes32(value);
        if (field == 3) batch.count = uint32(value);
        if (field == 4) batch.dataHash = bytes32(value);
        vm.assume(keccak256(abi.encode(batch)) != before);
        vm.assume(field != 0 || value % RING_SIZE != 1); // only its place is checked
        assertEq(receipts.anchoredAt(operators[0].id, batch), 0);
    }

    function test_NothingIsAnchoredInAnEmptyRing() public view {
        for (uint48 number = 0; number < 3; ++number) {
            Batch memory nothing = Batch(number, BatchWord.wrap(0), 0, 0, 0);
            assertEq(receipts.anchoredAt(operators[0].id, nothing), 0);
        }
    }

    /* ONCE AN INTERVAL, AND THE RING */

    function test_RevertWhen_AnchoredTooSoon() public {
        uint256 start = block.timestamp;
        _anchor("", 1, "");
        uint256[3] memory early = [start, start + 1, start + ANCHOR_INTERVAL - 1];
        for (uint256 i = 0; i < early.length; ++i) {
            vm.warp(early[i]);
            vm.expectRevert(_tooSoon(early[i], start + ANCHOR_INTERVAL));
            _anchor("", 1, "");
        }
        vm.warp(start + ANCHOR_INTERVAL);
        _anchor("", 1, "");
        vm.expectRevert(_tooSoon(start + ANCHOR_INTERVAL, start + 2 * ANCHOR_INTERVAL));
        _anchor("", 1, "");
        (, uint256 batchCount, ) = receipts.logOf(operators[0].id);
        assertEq(batchCount, 2);
    }

    /// No more often than keeps every batch for as long as a window needs it, and no more seldom.
    function testFuzz_TheIntervalIsTheShortestThatKeepsABatch(uint40[3] memory windows) public {
        LogTerms memory terms = _logTerms();
        terms.evidenceSeconds = uint40(MAX_EVIDENCE_SECONDS);
        terms.anchorSeconds = uint40(bound(windows[0], 1, EXIT_SECONDS - 1));
        uint256 rest = MAX_EVIDENCE_SECONDS - terms.anchorSeconds;
        terms.challengeSeconds = uint40(bound(windows[1], 1, rest - 1));
        terms.answerSeconds = uint40(bound(windows[2], 1, rest - terms.challengeSeconds));
        CallLog log = CallLog(_deploy("ReceiptLog", abi.encode(vouchers, authority, terms, CHALLENGE_BOND)));
        uint256 needed = uint256(terms.anchorSeconds) + terms.challengeSeconds + terms.answerSeconds + 10 minutes;
        uint256 interval = log.ANCHOR_INTERVAL_SECONDS();
        assertGt(interval * RING_SIZE, needed);
        assertLe((interval - 1) * RING_SIZE, needed);
    }

    /// A batch is replaced by the 256th after it, and by then every window that may need it is over.
    function test_ABatchIsReplacedWhenNothingNeedsIt() public {
        assertEq(receipts.ANCHOR_INTERVAL_SECONDS(), ANCHOR_INTERVAL);
        assertEq(receipts.RING_SIZE(), RING_SIZE);
        Batch[] memory all = new Batch[](RING_SIZE);
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < RING_SIZE; ++i) {
            all[i] = _anchorRoot(bytes32(i), 1, "data");
            _passInterval();
        }
        assertGe(block.timestamp, start + NEEDED_SECONDS);
        for (uint256 i = 0; i < RING_SIZE; ++i) {
            assertEq(receipts.anchoredAt(operators[0].id, all[i]), start + i * ANCHOR_INTERVAL);
        }

        Batch memory next = _anchorRoot("next", 1, "data");
        assertEq(next.number, RING_SIZE);
        assertEq(receipts.anchoredAt(operators[0].id, next), block.timestamp);
        assertEq(receipts.anchoredAt(operators[0].id, all[0]), 0, "replaced");
        assertEq(receipts.anchoredAt(operators[0].id, all[1]), start + ANCHOR_INTERVAL);
        assertEq(BatchWord.unwrap(next.previousWord), BatchWord.unwrap(_wordAt(RING_SIZE - 1)), "over the ring's end");
        assertTrue(_wordAt(RING_SIZE).isOf(next.previousWord, "next", 1, "data"));
        vm.expectRevert(_tooSoon(block.timestamp, block.timestamp + ANCHOR_INTERVAL));
        _anchor("", 1, "");
    }

    function test_IntervalsAreApart() public {
        _anchor("", 1, "");
        vm.expectRevert(_tooSoon(block.timestamp, block.timestamp + ANCHOR_INTERVAL));
        _anchor("", 1, "");
        vm.prank(operators[1].signer);
        receipts.anchor("", operators[1].id, 1, "root", "", "data");
        (, uint256 batchCount, ) = receipts.logOf(operators[1].id);
        assertEq(batchCount, 1);
    }

    /// Whoever has a key that was replaced, but isn't synced yet, can't fill the ring: it keeps the new key out for one interval
    /// at most.
    function test_AReplacedKeyCannotShutTheNewOneOut() public {
        uint32 id = operators[0].id;
        (address fresh, ) = _rotate("fresh key");
        uint256 anchored = 0;
        for (uint256 i = 0; i < RING_SIZE; ++i) {
            vm.prank(operators[0].signer);
            try receipts.anchor("", id, 1, bytes32(i), "", "data") {
                ++anchored;
            } catch {}
        }
        assertEq(anchored, 1);
        receipts.syncSigner(id);
        uint256 from = block.timestamp + ANCHOR_INTERVAL;
        vm.prank(fresh);
        vm.expectRevert(_tooSoon(block.timestamp, from));
        receipts.anchor("", id, 1, "root", "", "data");
        vm.warp(from);
        vm.prank(operators[0].signer);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, operators[0].signer, fresh));
        receipts.anchor("", id, 1, "root", "", "data");
        vm.prank(fresh);
        receipts.anchor("", id, 1, "root", "", "data");
    }

    function _tooSoon(uint256 at, uint256 from) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IReceiptLog.AnchoredTooSoon.selector, at, from);
    }

    function _wordAt(uint256 number) private view returns (BatchWord) {
        return receipts.batchWordAt(operators[0].id, number);
    }

    /* VOUCHERS */

    function test_VouchersTravelAlong() public {
        _fund(10 ether);
        bytes memory batch = bytes.concat(_voucher(1, 1 ether), _voucher(2, 1 ether), _voucher(1, 4 ether));
        vm.expectEmit(address(receipts));
        emit IReceiptLog.BatchAnchored(operators[0].id, "root", 1, "data");
        _expectSkip(1, payer, Skipped.OtherOpening);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VouchersClaimed(operators[0].id, 4 ether);
        _anchor("", 1, batch);
        assertEq(_earnings(), 4 ether);
    }

    function test_WithoutVouchersNothingIsClaimed() public {
        vm.expectCall(address(vouchers), abi.encodeWithSelector(IVoucherEscrow.claim.selector), 0);
        _anchor("", 1, "");
    }

    function test_RevertWhen_VouchersAreNotWhole() public {
        vm.expectRevert(abi.encodeWithSelector(VoucherLib.BatchMalformed.selector, 98));
        _anchor("", 1, new bytes(98));
        (, uint256 batchCount, ) = receipts.logOf(operators[0].id);
        assertEq(batchCount, 0);
    }

    function _anchor(string memory uri, uint32 count, bytes memory batch) private {
        uint32 id = operators[0].id;
        vm.prank(operators[0].signer);
        receipts.anchor(uri, id, count, "root", batch, "data");
    }
}
