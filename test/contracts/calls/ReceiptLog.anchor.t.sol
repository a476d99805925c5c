// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch, IReceiptLog} from "../../../contracts/calls/IReceiptLog.sol";
import {BatchWord} from "../../../contracts/calls/BatchWord.sol";
import {IVoucherEscrow, Skipped} from "../../../contracts/calls/IVoucherEscrow.sol";
import {VoucherLib} from "../../../contracts/types/Voucher.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Anchoring: who may, the ring and its bound, the chain of words, and vouchers that travel along.
contract ReceiptLogAnchorTest is CallsFixture {
    uint256 private constant RING = 256;
    uint256 private constant RETENTION = uint256(ANCHOR_SECONDS) + CHALLENGE_SECONDS + ANSWER_SECONDS + 10 minutes;

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
            vm.warp(block.timestamp + gap);
            _anchorRoot(roots[i], count, keccak256(abi.encode(roots[i])));
            bytes32 hash = keccak256(abi.encode(word, roots[i], count, keccak256(abi.encode(roots[i]))));
            word = uint256(bytes32(bytes27(hash))) | block.timestamp;
            assertEq(BatchWord.unwrap(receipts.batchWordAt(operators[0].id, i)), word);
        }
    }

    /// Nothing of a batch can be told otherwise.
    function testFuzz_AnotherBatchIsNotAnchored(uint256 field, uint256 value) public {
        _anchorRoot("first", 1, "data");
        Batch memory batch = _anchorRoot("root", 7, "data");
        bytes32 before = keccak256(abi.encode(batch));
        field %= 5;
        if (field == 0) batch.number = uint48(value);
        if (field == 1) batch.previousWord = BatchWord.wrap(value);
        if (field == 2) batch.root = bytes32(value);
        if (field == 3) batch.count = uint32(value);
        if (field == 4) batch.dataHash = bytes32(value);
        vm.assume(keccak256(abi.encode(batch)) != before);
        vm.assume(field != 0 || value % RING != 1); // only its place is checked
        assertEq(receipts.anchoredAt(operators[0].id, batch), 0);
    }

    function test_NothingIsAnchoredInAnEmptyRing() public view {
        for (uint48 number = 0; number < 3; ++number) {
            Batch memory nothing = Batch(number, BatchWord.wrap(0), 0, 0, 0);
            assertEq(receipts.anchoredAt(operators[0].id, nothing), 0);
        }
    }

    /* THE RING */

    /// A place is free again when every window that may need its batch is over, and not a second before.
    function test_RevertWhen_TheRingIsFull() public {
        Batch[] memory all = new Batch[](RING);
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < RING; ++i) {
            all[i] = _anchorRoot(bytes32(i), 1, "data");
            vm.warp(block.timestamp + 1);
        }
        assertLt(block.timestamp, start + RETENTION);
        bytes memory full = abi.encodeWithSelector(IReceiptLog.RingFull.selector, block.timestamp, start + RETENTION);
        vm.expectRevert(full);
        _anchor("", 1, "");
        vm.warp(start + RETENTION - 1);
        full = abi.encodeWithSelector(IReceiptLog.RingFull.selector, start + RETENTION - 1, start + RETENTION);
        vm.expectRevert(full);
        _anchor("", 1, "");
        for (uint256 i = 0; i < RING; ++i) assertEq(receipts.anchoredAt(operators[0].id, all[i]), start + i);

        vm.warp(start + RETENTION);
        Batch memory next = _anchorRoot("next", 1, "data");
        assertEq(next.number, RING);
        assertEq(receipts.anchoredAt(operators[0].id, next), start + RETENTION);
        assertEq(receipts.anchoredAt(operators[0].id, all[0]), 0, "replaced");
        assertEq(receipts.anchoredAt(operators[0].id, all[1]), start + 1);
        assertEq(BatchWord.unwrap(next.previousWord), BatchWord.unwrap(_wordAt(RING - 1)), "over the ring's end");
        assertTrue(_wordAt(RING).isOf(next.previousWord, "next", 1, "data"));
        full = abi.encodeWithSelector(IReceiptLog.RingFull.selector, start + RETENTION, start + RETENTION + 1);
        vm.expectRevert(full);
        _anchor("", 1, "");
    }

    function test_RingsAreApart() public {
        for (uint256 i = 0; i < RING; ++i) _anchorRoot(bytes32(i), 1, "data");
        vm.expectRevert(
            abi.encodeWithSelector(IReceiptLog.RingFull.selector, block.timestamp, block.timestamp + RETENTION)
        );
        _anchor("", 1, "");
        vm.prank(operators[1].signer);
        receipts.anchor("", operators[1].id, 1, "root", "", "data");
        (, uint256 batchCount, ) = receipts.logOf(operators[1].id);
        assertEq(batchCount, 1);
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
