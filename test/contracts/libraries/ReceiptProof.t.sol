// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IReceiptLog, Inclusion, SignedReceipt} from "../../../contracts/calls/IReceiptLog.sol";
import {ReceiptProof} from "../../../contracts/libraries/ReceiptProof.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {Link, Receipt as CallReceipt, ReceiptLib} from "../../../contracts/types/Receipt.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// @dev A contract that acts on a receipt once it is shown to be its operator's and anchored.
contract ReceiptConsumer {
    IReceiptLog private immutable LOG;
    IOperatorStaking private immutable STAKING;

    mapping(bytes32 receiptId => uint256) public acceptedAt;

    constructor(IReceiptLog log, IOperatorStaking staking) {
        LOG = log;
        STAKING = staking;
    }

    function accept(SignedReceipt calldata signed, Inclusion calldata inclusion) external returns (bytes32 receiptId) {
        receiptId = ReceiptProof.checkSigned(LOG, STAKING, signed.receipt, signed.signature);
        acceptedAt[receiptId] = ReceiptProof.anchoredAt(LOG, signed.receipt.operatorId, receiptId, inclusion);
    }

    function rewind(bytes32 runningHash, Link[] calldata links) external pure returns (bytes32) {
        return ReceiptProof.rewind(runningHash, links);
    }

    function leafOf(bytes32 receiptId) external pure returns (bytes32) {
        return ReceiptProof.leafOf(receiptId);
    }

    function isInRoot(bytes32 receiptId, Inclusion calldata inclusion) external pure returns (bool) {
        return ReceiptProof.isInRoot(receiptId, inclusion);
    }
}

/// The library, used by another contract than the log.
contract ReceiptProofTest is CallsFixture {
    ReceiptConsumer private consumer;

    function setUp() public override {
        super.setUp();
        consumer = new ReceiptConsumer(receipts, staking);
    }

    function test_AContractChecksAReceiptAndItsInclusion() public {
        CallReceipt memory receipt = _receipt(1);
        SignedReceipt memory signed = _signed(receipt);
        vm.warp(block.timestamp + 100);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        uint256 anchoredAt = block.timestamp;
        vm.warp(block.timestamp + 365 days);
        assertEq(consumer.accept(signed, inclusion), _receiptId(receipt));
        assertEq(consumer.acceptedAt(_receiptId(receipt)), anchoredAt);
    }

    /// Years later, with another key in place and the stake gone.
    function test_AnOldReceiptStaysVerifiable() public {
        CallReceipt memory receipt = _receipt(1);
        SignedReceipt memory signed = _signed(receipt);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        vm.warp(block.timestamp + 1);
        _rotate("new signer");
        receipts.syncSigner(operators[0].id);
        _leave(BOND);
        consumer.accept(signed, inclusion);
        assertEq(consumer.acceptedAt(_receiptId(receipt)), receipt.issuedAt);
    }

    function test_WhatIsNotAnchoredHasNoTime() public {
        CallReceipt memory receipt = _receipt(1);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        SignedReceipt memory other = _signed(_receipt(2));
        consumer.accept(other, inclusion);
        assertEq(consumer.acceptedAt(_receiptId(other.receipt)), 0, "another receipt");
        inclusion.batch.count = 4;
        consumer.accept(_signed(receipt), inclusion);
        assertEq(consumer.acceptedAt(_receiptId(receipt)), 0, "another batch");
        inclusion.batch.root = _leaf(_receiptId(receipt));
        inclusion.proof = new bytes32[](0);
        assertTrue(consumer.isInRoot(_receiptId(receipt), inclusion));
        consumer.accept(_signed(receipt), inclusion);
        assertEq(consumer.acceptedAt(_receiptId(receipt)), 0, "a root nobody anchored");
    }

    /// Once the ring has gone round the batch is to be proven from the events.
    function test_ABatchThatWasReplacedHasNoTime() public {
        CallReceipt memory receipt = _receipt(1);
        SignedReceipt memory signed = _signed(receipt);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        for (uint256 i = 1; i < RING_SIZE; ++i) {
            _passInterval();
            _anchorRoot(bytes32(i), 1, "data");
        }
        vm.warp(block.timestamp + 30 days);
        consumer.accept(signed, inclusion);
        assertEq(consumer.acceptedAt(_receiptId(receipt)), receipt.issuedAt);
        _anchorRoot("next", 1, "data");
        consumer.accept(signed, inclusion);
        assertEq(consumer.acceptedAt(_receiptId(receipt)), 0);
    }

    function test_RevertWhen_TheReceiptIsNotItsOperators() public {
        CallReceipt memory receipt = _receipt(1);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        (uint256 key, address signer) = (operators[0].signerKey, operators[0].signer);
        _expectInvalid(operators[1].signer, signer);
        consumer.accept(_signedBy(operators[1].signerKey, receipt), inclusion);
        _expectInvalid(address(0), signer);
        consumer.accept(SignedReceipt(receipt, _highS(key, _receiptId(receipt))), inclusion);
        _expectInvalid(address(0), signer);
        consumer.accept(SignedReceipt(receipt, ""), inclusion);
        receipt.operatorId = 3; // nobody's signature is not the unknown operator's
        _expectInvalid(address(0), address(0));
        consumer.accept(SignedReceipt(receipt, new bytes(65)), inclusion);
    }

    /// Before the operator was there, and after its key was replaced.
    function test_RevertWhen_TheKeyIsOfAnotherTime() public {
        CallReceipt memory receipt = _receipt(1);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        vm.warp(block.timestamp + 10);
        (address signer, ) = _rotate("new signer");
        receipt.issuedAt = uint40(block.timestamp + 1);
        _expectInvalid(operators[0].signer, signer);
        consumer.accept(_signed(receipt), inclusion);
        receipt.issuedAt = 1;
        _expectInvalid(operators[0].signer, address(0));
        consumer.accept(_signed(receipt), inclusion);
    }

    function _expectInvalid(address recovered, address signer) private {
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, recovered, signer));
    }

    /* MERKLE */

    /// Every receipt is under its root, and nothing else is by its proof.
    function testFuzz_EveryLeafIsInTheRoot(uint256 count, uint256 index, bytes32 other) public view {
        count = bound(count, 1, 60);
        index = bound(index, 0, count - 1);
        bytes32 receiptId = keccak256("receipt");
        vm.assume(other != receiptId);
        Inclusion memory inclusion;
        (inclusion.batch.root, inclusion.proof) = _merkle(_leavesWith(receiptId, index, count), index);
        assertTrue(consumer.isInRoot(receiptId, inclusion));
        assertFalse(consumer.isInRoot(other, inclusion));
        assertEq(consumer.leafOf(receiptId), keccak256(bytes.concat(receiptId)));
    }

    /// An inner node shown as a receipt would need its hash's preimage to be 32 bytes.
    function test_AnInnerNodeIsNoReceipt() public view {
        bytes32[] memory leaves = _leavesWith(keccak256("receipt"), 0, 4);
        Inclusion memory inclusion;
        (inclusion.batch.root, ) = _merkle(leaves, 0);
        inclusion.proof = new bytes32[](1);
        inclusion.proof[0] = _node(leaves[2], leaves[3]);
        assertFalse(consumer.isInRoot(_node(leaves[0], leaves[1]), inclusion));
        inclusion.proof = new bytes32[](2);
        (, inclusion.proof) = _merkle(leaves, 0);
        assertFalse(consumer.isInRoot(leaves[0], inclusion), "a leaf's hash");
    }

    /* THE RUNNING HASH */

    function testFuzz_ARunningHashLeadsBack(uint256 from, uint256 to) public view {
        from = bound(from, 0, 40);
        to = bound(to, 0, from);
        assertEq(consumer.rewind(_running("a", from + 1), _links("a", from, to)), _running("a", to + 1));
    }

    function testFuzz_RevertWhen_ALinkIsBroken(uint256 count, uint256 at, bytes32 hash, bool previous) public {
        count = bound(count, 1, 20);
        at = bound(at, 0, count - 1);
        Link[] memory links = _links("a", count, 0);
        vm.assume(hash != links[at].previousHash && hash != links[at].partHash);
        if (previous) links[at].previousHash = hash;
        else links[at].partHash = hash;
        bytes32 last = _running("a", count + 1);
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.BrokenLink.selector, at));
        consumer.rewind(last, links);
    }

    function testFuzz_ExtendingHashesBothWords(bytes32 running, bytes32 part) public pure {
        assertEq(ReceiptLib.extend(running, part), keccak256(bytes.concat(running, part)));
    }
}
