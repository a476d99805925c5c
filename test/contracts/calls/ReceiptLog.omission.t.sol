// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {BatchWord} from "../../../contracts/calls/BatchWord.sol";
import {
    Batch,
    Challenge,
    ChallengeStatus,
    Inclusion,
    IReceiptLog,
    LogTerms,
    SignedPart,
    SignedReceipt
} from "../../../contracts/calls/IReceiptLog.sol";
import {ReceiptLog as CallLog} from "../../../contracts/calls/ReceiptLog.sol";
import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {ReceiptProof} from "../../../contracts/libraries/ReceiptProof.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {Receipt as CallReceipt} from "../../../contracts/types/Receipt.sol";
import {FeeToken} from "../../mocks/FeeToken.sol";
import {ReenteringToken} from "../../mocks/ReenteringToken.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Asking for a receipt, answering, and what happens without an answer.
contract ReceiptLogOmissionTest is CallsFixture {
    address private challenger = makeAddr("challenger");
    CallReceipt private receipt;
    uint256 private opensAt; // the last second in which it can't be challenged yet

    function setUp() public override {
        super.setUp();
        _giveTokens(challenger);
        receipt = _receipt(1);
        opensAt = receipt.issuedAt + ANCHOR_SECONDS;
    }

    /* ASKING */

    function test_AReceiptIsAskedFor() public {
        vm.warp(opensAt + 1);
        bytes32 receiptId = _receiptId(receipt);
        SignedReceipt memory signed = _signed(receipt);
        vm.expectEmit(address(receipts));
        emit IReceiptLog.OmissionChallenged(receiptId, operators[0].id, challenger, signed.receipt, signed.signature);
        assertEq(_challenge(), receiptId);
        assertEq(receipts.receiptIdOf(receipt), receiptId);
        Challenge memory challenge = receipts.challengeOf(operators[0].id, receiptId);
        assertEq(challenge.challenger, challenger);
        assertEq(challenge.answerBy, block.timestamp + ANSWER_SECONDS);
        assertEq(challenge.bondUnits, CHALLENGE_BOND / 1e12);
        _assertStatus(ChallengeStatus.Open);
        assertEq(opg.balanceOf(address(receipts)), CHALLENGE_BOND);
        assertEq(opg.balanceOf(challenger), WALLET - CHALLENGE_BOND);
    }

    function test_RevertWhen_AskedOutsideTheWindow() public {
        uint256 until = opensAt + CHALLENGE_SECONDS;
        uint256[4] memory outside = [uint256(receipt.issuedAt), opensAt, until + 1, until + 30 days];
        for (uint256 i = 0; i < outside.length; ++i) {
            vm.warp(outside[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IReceiptLog.OutsideChallengeWindow.selector, outside[i], opensAt, until)
            );
            _challenge();
        }
        vm.warp(until);
        _challenge();
    }

    function test_RevertWhen_TheReceiptIsFromTheFuture() public {
        receipt.issuedAt = uint40(block.timestamp + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IReceiptLog.StatementFromFuture.selector, block.timestamp + 1, block.timestamp)
        );
        _challenge();
    }

    function test_RevertWhen_AskedTwice() public {
        _challenged();
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.AlreadyChallenged.selector, _receiptId(receipt));
        vm.expectRevert(wanted);
        _challenge();
        uint256 here = vm.snapshotState();
        vm.warp(block.timestamp + 1 + ANSWER_SECONDS);
        receipts.upholdOmission(operators[0].id, _receiptId(receipt));
        vm.warp(opensAt + 1);
        vm.expectRevert(wanted);
        _challenge();
        vm.revertToState(here);
        vm.warp(opensAt);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        vm.warp(opensAt + 1);
        receipts.answerOmission(receipt, inclusion);
        vm.expectRevert(wanted);
        _challenge();
    }

    function test_RevertWhen_TheBondIsNotThere() public {
        vm.warp(opensAt + 1);
        SignedReceipt memory signed = _signed(receipt);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector,
                address(receipts),
                0,
                CHALLENGE_BOND
            )
        );
        receipts.challengeOmission(signed);
        _assertStatus(ChallengeStatus.None);
    }

    /// What is asked for must be signed by the operator's key of its time, for this log on this chain.
    function test_RevertWhen_TheReceiptIsNotTheOperators() public {
        vm.warp(opensAt + 1);
        bytes32 digest = _receiptId(receipt);
        (address signer, uint256 key) = (operators[0].signer, operators[0].signerKey);
        _expectInvalid(_sign(operators[1].signerKey, digest), operators[1].signer, signer);
        _expectInvalid(_highS(key, digest), address(0), signer);
        _expectInvalid(new bytes(65), address(0), signer);
        _expectInvalid(bytes.concat(_sign(key, digest), hex"00"), address(0), signer);
        for (uint256 i = 0; i < 4; ++i) {
            if (i == 2) continue; // this log
            bytes32 domain = _otherDomain("OpenGradient ReceiptLog", address(receipts), i);
            receiptDomain = domain;
            bytes memory signature = _sign(key, _receiptId(receipt));
            receiptDomain = receipts.domainSeparator();
            _expectInvalid(signature, ecrecoverOf(digest, signature), signer);
        }
        receipt.operatorId = 3; // unknown
        _expectInvalid(_sign(key, _receiptId(receipt)), signer, address(0));
        _expectInvalid(new bytes(65), address(0), address(0)); // nobody's signature is not nobody's receipt
    }

    function ecrecoverOf(bytes32 digest, bytes memory signature) private pure returns (address) {
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        uint8 v = uint8(signature[64]);
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return ecrecover(digest, v, r, s);
    }

    function _expectInvalid(bytes memory signature, address recovered, address signer) private {
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, recovered, signer));
        receipts.challengeOmission(SignedReceipt(receipt, signature));
    }

    /// A key answers for its own time only, whether or not the log has heard of it.
    function test_ARotatedKeyAnswersForItsTime() public {
        vm.warp(receipt.issuedAt + 10);
        (address signer, uint256 key) = _rotate("new signer");
        vm.warp(receipt.issuedAt + 11);
        CallReceipt memory late = _receipt(2);
        SignedReceipt memory byOld = _signed(late);
        SignedReceipt memory byNew = _signedBy(key, late);
        SignedReceipt memory backdated = _signedBy(key, receipt);
        vm.warp(opensAt + 12);
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, operators[0].signer, signer));
        receipts.challengeOmission(byOld);
        vm.expectRevert(abi.encodeWithSelector(ReceiptProof.InvalidStatement.selector, signer, operators[0].signer));
        receipts.challengeOmission(backdated);
        receipts.challengeOmission(byNew);
        vm.stopPrank();
        _challenge(); // of before
    }

    /// A receipt that was good when it came, dated a little ahead of the chain, stays good whatever is rotated since.
    function testFuzz_ARotationSparesNoReceipt(uint256 ahead, uint256 after_) public {
        ahead = bound(ahead, 0, 10 minutes);
        after_ = bound(after_, ahead, 1 hours);
        receipt.issuedAt = uint40(block.timestamp + ahead);
        assertEq(staking.signerAt(operators[0].id, receipt.issuedAt), operators[0].signer, "whoever gets it can check");
        vm.warp(block.timestamp + after_);
        _rotate("new signer");
        vm.warp(receipt.issuedAt + ANCHOR_SECONDS + 1);
        _challenge();
        _assertStatus(ChallengeStatus.Open);
    }

    /* ANSWERING */

    /// The bond pays the operator for the answer, whoever brings it.
    function test_AnAnswerPaysTheOperatorsOwner() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        bytes32 receiptId = _challenged();
        vm.expectEmit(address(receipts));
        emit IReceiptLog.OmissionAnswered(receiptId, operators[0].id, stranger);
        vm.prank(stranger);
        receipts.answerOmission(receipt, inclusion);
        assertEq(escrow.balanceOf(operators[0].owner), CHALLENGE_BOND);
        assertEq(escrow.balanceOf(stranger), 0);
        assertEq(opg.balanceOf(stranger), 0);
        assertEq(opg.balanceOf(address(receipts)), 0);
        assertEq(opg.allowance(address(receipts), address(escrow)), 0);
        assertEq(_active(0), BOND);
        _assertStatus(ChallengeStatus.Answered);
        vm.prank(operators[0].owner);
        escrow.withdraw(operators[0].owner, CHALLENGE_BOND);
        assertEq(opg.balanceOf(operators[0].owner), CHALLENGE_BOND);
    }

    /// A challenger that brings the operator's answer itself has challenged for its bond all the same.
    function test_AGroundlessChallengeIsNotFree() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        bytes32 receiptId = _challenged();
        vm.prank(challenger);
        receipts.answerOmission(receipt, inclusion);
        vm.prank(operators[0].owner);
        vm.expectRevert(
            abi.encodeWithSelector(IReceiptLog.ChallengeNotOpen.selector, receiptId, ChallengeStatus.Answered)
        );
        receipts.answerOmission(receipt, inclusion);
        assertEq(opg.balanceOf(challenger), WALLET - CHALLENGE_BOND);
        assertEq(escrow.balanceOf(challenger), 0);
        assertEq(escrow.balanceOf(operators[0].owner), CHALLENGE_BOND);
    }

    /// A challenge keeps its price when the authority sets another.
    function testFuzz_TheBondIsTheOneOfItsTime(uint96 units, bool upheld) public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        _challenged();
        vm.prank(GOVERNOR);
        receipts.setChallengeBond(uint96(bound(units, 1e4, 1e9)) * 1e12);
        if (upheld) {
            vm.warp(block.timestamp + ANSWER_SECONDS + 1);
            receipts.upholdOmission(operators[0].id, _receiptId(receipt));
            assertEq(escrow.balanceOf(challenger), CHALLENGE_BOND);
        } else {
            vm.prank(stranger);
            receipts.answerOmission(receipt, inclusion);
            assertEq(escrow.balanceOf(operators[0].owner), CHALLENGE_BOND);
        }
        assertEq(opg.balanceOf(address(receipts)), 0);
    }

    /// Any place in a tree of any size.
    function testFuzz_AnyPlaceInABatchAnswers(uint256 index, uint256 count) public {
        count = bound(count, 1, 40);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = _leavesWith(_receiptId(receipt), index, count);
        Inclusion memory inclusion;
        bytes32 root;
        (root, inclusion.proof) = _merkle(leaves, index);
        inclusion.batch = _anchorRoot(root, uint32(count), _dataHash(leaves));
        _challenged();
        receipts.answerOmission(receipt, inclusion);
        _assertStatus(ChallengeStatus.Answered);
    }

    function test_RevertWhen_AnsweredTooLate() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        _challenged();
        uint256 answerBy = block.timestamp + ANSWER_SECONDS;
        vm.warp(answerBy + 1);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.AnswerTooLate.selector, answerBy + 1, answerBy));
        receipts.answerOmission(receipt, inclusion);
        vm.warp(answerBy);
        receipts.answerOmission(receipt, inclusion);
    }

    /// To the second: who is late has omitted it, challenged or not.
    function test_RevertWhen_AnchoredTooLate() public {
        uint256 here = vm.snapshotState();
        vm.warp(opensAt);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        _challenged();
        receipts.answerOmission(receipt, inclusion);
        vm.revertToState(here);
        vm.warp(opensAt + 1);
        inclusion = _anchorReceipt(receipt); // late, but before the challenge
        _challenge();
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.AnchoredTooLate.selector, opensAt + 1, opensAt));
        receipts.answerOmission(receipt, inclusion);
        _assertStatus(ChallengeStatus.Open);
    }

    /// Who omits everything, and anchors only what is asked for, loses all the same.
    function test_AnchoringWhatIsAskedForDoesNotSpare() public {
        vm.warp(opensAt + 1 minutes);
        bytes32 receiptId = _challenge();
        Inclusion memory inclusion = _anchorReceipt(receipt); // in the challenge's block
        vm.prank(operators[0].owner);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.AnchoredTooLate.selector, block.timestamp, opensAt));
        receipts.answerOmission(receipt, inclusion);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        receipts.upholdOmission(operators[0].id, receiptId);
        assertEq(_active(0), BOND - OMISSION_SLASH);
        assertEq(escrow.balanceOf(operators[0].owner), 0);
        assertEq(escrow.balanceOf(challenger), CHALLENGE_BOND);
    }

    function test_RevertWhen_TheReceiptIsNotInTheBatch() public {
        Inclusion memory inclusion = _anchorReceipt(_receipt(2));
        _passInterval();
        Inclusion memory good = _anchorReceipt(receipt);
        bytes32 receiptId = _challenged();
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.NotIncluded.selector, receiptId);
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, inclusion);
        inclusion.proof = good.proof;
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, inclusion);
        good.batch.root = _leaf(receiptId); // never anchored
        good.proof = new bytes32[](0);
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, good);
    }

    /// Every field of the batch is checked, and another operator's batch is nobody's excuse.
    function test_RevertWhen_TheBatchIsNotTheOperators() public {
        bytes32[] memory leaves = _leavesWith(_receiptId(receipt), 0, 1);
        vm.prank(operators[1].signer);
        receipts.anchor("", operators[1].id, 1, leaves[0], "", _dataHash(leaves));
        Inclusion memory inclusion;
        inclusion.batch.root = leaves[0];
        inclusion.batch.count = 1;
        inclusion.batch.dataHash = _dataHash(leaves);
        assertEq(receipts.anchoredAt(operators[1].id, inclusion.batch), block.timestamp);
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.NotIncluded.selector, _challenged());
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, inclusion);
    }

    /// An inner node (64 bytes) can't pass for a receipt, nor a leaf for its receipt's id.
    function test_RevertWhen_ANodePassesForAReceipt() public {
        bytes32[] memory leaves = _leavesWith(_receiptId(receipt), 0, 1);
        Inclusion memory inclusion;
        inclusion.batch = _anchorRoot(_receiptId(receipt), 1, _dataHash(leaves)); // the id itself as a root
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.NotIncluded.selector, _challenged());
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, inclusion);
    }

    function test_RevertWhen_NothingWasAsked() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        uint32 id = operators[0].id;
        bytes32 receiptId = _receiptId(receipt);
        _expectNotOpen(ChallengeStatus.None);
        receipts.answerOmission(receipt, inclusion);
        _expectNotOpen(ChallengeStatus.None);
        receipts.upholdOmission(id, receiptId);
        _challenged();
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.ChallengeNotOpen.selector, receiptId, ChallengeStatus.None));
        receipts.upholdOmission(2, receiptId); // the other operator's
    }

    function test_RevertWhen_AChallengeEndsTwice() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        uint32 id = operators[0].id;
        bytes32 receiptId = _challenged();
        uint256 here = vm.snapshotState();
        receipts.answerOmission(receipt, inclusion);
        _expectNotOpen(ChallengeStatus.Answered);
        receipts.answerOmission(receipt, inclusion);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        _expectNotOpen(ChallengeStatus.Answered);
        receipts.upholdOmission(id, receiptId);
        vm.revertToState(here);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        receipts.upholdOmission(id, receiptId);
        _expectNotOpen(ChallengeStatus.Upheld);
        receipts.upholdOmission(id, receiptId);
        _expectNotOpen(ChallengeStatus.Upheld);
        receipts.answerOmission(receipt, inclusion);
    }

    function _expectNotOpen(ChallengeStatus status) private {
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.ChallengeNotOpen.selector, _receiptId(receipt), status));
    }

    /// A batch stays in the ring for as long as a challenge may need it, even if the gateway's clock ran ahead and the operator,
    /// or whoever has its key, anchors as often as it may.
    function test_TheRingKeepsWhatAnAnswerNeeds() public {
        uint256 start = block.timestamp;
        receipt.issuedAt = uint40(start + 10 minutes);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        uint256 challengedAt = receipt.issuedAt + ANCHOR_SECONDS + CHALLENGE_SECONDS;
        uint256 answerBy = challengedAt + ANSWER_SECONDS;
        for (uint256 at = start + ANCHOR_INTERVAL; at <= answerBy; at += ANCHOR_INTERVAL) {
            if (challengedAt >= block.timestamp && challengedAt < at) {
                vm.warp(challengedAt);
                _challenge();
            }
            vm.warp(at);
            _anchorRoot(bytes32(at), 1, "data");
        }
        (, uint256 batchCount, ) = receipts.logOf(operators[0].id);
        assertEq(batchCount, RING_SIZE, "the next would replace it");
        vm.warp(answerBy);
        _expectTooSoonToAnchor();
        receipts.answerOmission(receipt, inclusion);
        _assertStatus(ChallengeStatus.Answered);
    }

    /// The same where the ring's time is just what is needed: it goes round in the very second after the last answer's.
    function test_AnExactRingKeepsWhatAnAnswerNeeds() public {
        LogTerms memory terms = _logTerms();
        uint256 interval = 88;
        terms.answerSeconds = uint40(interval * RING_SIZE - 1 - 10 minutes - ANCHOR_SECONDS - CHALLENGE_SECONDS);
        receipts = CallLog(_deploy("ReceiptLog", abi.encode(vouchers, authority, terms, CHALLENGE_BOND)));
        receiptDomain = receipts.domainSeparator();
        receipts.syncSigner(operators[0].id);
        vm.prank(challenger);
        opg.approve(address(receipts), type(uint256).max);
        assertEq(receipts.ANCHOR_INTERVAL_SECONDS(), interval);
        uint256 start = block.timestamp;
        receipt.issuedAt = uint40(start + 10 minutes);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        for (uint256 i = 1; i < RING_SIZE; ++i) {
            vm.warp(start + i * interval);
            _anchorRoot(bytes32(i), 1, "data");
        }
        uint256 here = vm.snapshotState();
        vm.warp(receipt.issuedAt + ANCHOR_SECONDS + CHALLENGE_SECONDS);
        _challenge();
        uint256 answerBy = block.timestamp + terms.answerSeconds;
        assertEq(answerBy, start + RING_SIZE * interval - 1);
        vm.warp(answerBy);
        _expectTooSoonToAnchor();
        receipts.answerOmission(receipt, inclusion);
        _assertStatus(ChallengeStatus.Answered);
        vm.revertToState(here);
        vm.warp(answerBy + 1);
        _anchorRoot("next", 1, "data");
        assertEq(receipts.anchoredAt(operators[0].id, inclusion.batch), 0, "replaced when nobody needs it");
    }

    function _expectTooSoonToAnchor() private {
        uint32 id = operators[0].id;
        vm.prank(operators[0].signer);
        vm.expectPartialRevert(IReceiptLog.AnchoredTooSoon.selector);
        receipts.anchor("", id, 1, "root", "", "data");
    }

    /// Nothing else stands for the operator's own batch: another operator's root, the same place under another number.
    function test_RevertWhen_ABatchStandsForAnother() public {
        bytes32 leaf = _leaf(_receiptId(receipt));
        vm.prank(operators[1].signer);
        receipts.anchor("", operators[1].id, 1, leaf, "", 0);
        Inclusion memory inclusion = _anchorReceipt(_receipt(2));
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.NotIncluded.selector, _challenged());
        Inclusion memory foreign;
        foreign.batch = Batch(0, BatchWord.wrap(0), leaf, 1, 0);
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, foreign);
        foreign.batch.number = uint48(RING_SIZE);
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, foreign);
        foreign.batch = inclusion.batch;
        foreign.batch.root = leaf;
        vm.expectRevert(wanted);
        receipts.answerOmission(receipt, foreign);
    }

    /* WITHOUT AN ANSWER */

    function test_AnOmissionIsUpheld() public {
        bytes32 receiptId = _challenged();
        uint32 id = operators[0].id;
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        vm.expectEmit(address(receipts));
        emit IReceiptLog.OmissionUpheld(receiptId, id);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Slashed(id, address(receipts), OMISSION_SLASH, OMISSION_SLASH);
        vm.prank(stranger);
        receipts.upholdOmission(id, receiptId);
        _assertStatus(ChallengeStatus.Upheld);
        assertEq(_active(0), BOND - OMISSION_SLASH);
        assertEq(staking.awaitingBurn(), OMISSION_SLASH, "all of it burnt");
        assertEq(escrow.balanceOf(challenger), CHALLENGE_BOND);
        assertEq(opg.balanceOf(address(receipts)), 0);
        assertEq(opg.allowance(address(receipts), address(escrow)), 0);
        vm.prank(challenger);
        escrow.withdraw(challenger, CHALLENGE_BOND);
        assertEq(opg.balanceOf(challenger), WALLET);
    }

    function test_RevertWhen_AnAnswerMayStillCome() public {
        bytes32 receiptId = _challenged();
        uint32 id = operators[0].id;
        uint256 answerBy = block.timestamp + ANSWER_SECONDS;
        for (uint256 i = 0; i < 2; ++i) {
            if (i == 1) vm.warp(answerBy);
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.StillAnswerable.selector, block.timestamp, answerBy));
            receipts.upholdOmission(id, receiptId);
        }
        vm.warp(answerBy + 1);
        receipts.upholdOmission(id, receiptId);
    }

    /// An operator that runs is caught while its stake leaves.
    function testFuzz_StakeThatLeavesIsSlashed(uint96 left) public {
        left = uint96(bound(left, 0, BOND));
        bytes32 receiptId = _challenged();
        _leave(left);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        receipts.upholdOmission(operators[0].id, receiptId);
        uint256 fromActive = BOND - left < OMISSION_SLASH ? BOND - left : OMISSION_SLASH;
        assertEq(_active(0), BOND - left - fromActive);
        assertEq(_leaving(0), left - (OMISSION_SLASH - fromActive));
        assertEq(staking.awaitingBurn(), OMISSION_SLASH);
    }

    /// Leaving at the very moment of the statement doesn't help: every window is over before the stake is out.
    function test_NobodyLeavesBeforeTheLastWindow() public {
        _leave(BOND);
        vm.prank(GOVERNOR);
        staking.setUnbondingSeconds(7 days);
        bytes32 receiptId = _receiptId(receipt);
        vm.warp(opensAt + CHALLENGE_SECONDS);
        _challenge();
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        assertLe(block.timestamp, receipt.issuedAt + receipts.MAX_EVIDENCE_SECONDS() + 1);
        receipts.upholdOmission(operators[0].id, receiptId);
        assertEq(_leaving(0), BOND - OMISSION_SLASH);
    }

    /// Nothing left to take: the challenger has its bond back all the same, and nobody else pays.
    function test_ASlashTakesNoMoreThanThereIs() public {
        Operator memory third = _newOperator();
        _join(third, 5 ether);
        vm.warp(block.timestamp + 1);
        receipt.operatorId = third.id;
        receipt.issuedAt = uint40(block.timestamp);
        opensAt = block.timestamp + ANCHOR_SECONDS;
        vm.warp(opensAt + 1);
        SignedReceipt memory signed = _signedBy(third.signerKey, receipt);
        vm.prank(challenger);
        bytes32 receiptId = receipts.challengeOmission(signed);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        receipts.upholdOmission(third.id, receiptId);
        assertEq(receipts.bondOf(third.id), 0);
        assertEq(staking.stakeOf(third.id).unallocated, STAKE - 5 ether);
        assertEq(staking.awaitingBurn(), 5 ether);
        assertEq(escrow.balanceOf(challenger), CHALLENGE_BOND);
        assertEq(_active(0), BOND);
        assertEq(_active(1), BOND);
    }

    function test_PausesDoNotStopChallenges() public {
        Inclusion memory inclusion = _anchorReceipt(receipt);
        vm.startPrank(GOVERNOR);
        staking.setPaused(true);
        vouchers.setChannelsPaused(true);
        escrow.setJobsPaused(true);
        staking.permitVerifier(address(receipts), false);
        vm.stopPrank();
        bytes32 receiptId = _challenged();
        uint256 here = vm.snapshotState();
        receipts.answerOmission(receipt, inclusion);
        vm.revertToState(here);
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        receipts.upholdOmission(operators[0].id, receiptId);
        assertEq(_active(0), BOND - OMISSION_SLASH);
    }

    /* OTHER TOKENS */

    function test_RevertWhen_TheTokenTakesAFee() public {
        _deployOver(new FeeToken(1e26));
        vm.warp(block.timestamp + ANCHOR_SECONDS + 1);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.TokenTookFee.selector, CHALLENGE_BOND - 1, CHALLENGE_BOND));
        _challenge();
    }

    /// A token that calls back finds the doors locked through which bonds go.
    function test_ATokenCannotReenter() public {
        ReenteringToken token = new ReenteringToken(1e26);
        _deployOver(token);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        CallReceipt memory other = _receipt(2);
        vm.warp(block.timestamp + ANCHOR_SECONDS + 1);
        token.prepare(address(receipts), _doors(inclusion));
        bytes32 receiptId = _challenge();
        _assertLocked(token);
        token.prepare(address(receipts), _doors(inclusion));
        receipts.answerOmission(receipt, inclusion);
        _assertLocked(token);
        assertEq(uint8(receipts.challengeOf(1, receiptId).status), uint8(ChallengeStatus.Answered));
        receipt = other;
        receiptId = _challenge();
        vm.warp(block.timestamp + ANSWER_SECONDS + 1);
        token.prepare(address(receipts), _doors(inclusion));
        receipts.upholdOmission(1, receiptId);
        _assertLocked(token);
        assertEq(opg.balanceOf(address(receipts)), 0);
    }

    function _doors(Inclusion memory inclusion) private view returns (bytes[] memory calls) {
        calls = new bytes[](3);
        calls[0] = abi.encodeCall(IReceiptLog.challengeOmission, (_signed(receipt)));
        calls[1] = abi.encodeCall(IReceiptLog.answerOmission, (receipt, inclusion));
        calls[2] = abi.encodeCall(IReceiptLog.upholdOmission, (1, _receiptId(receipt)));
    }

    function _assertLocked(ReenteringToken token) private view {
        assertEq(token.triedCalls(), 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertFalse(token.succeeded(i));
            assertEq(bytes4(token.answers(i)), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
    }

    /// The others may be called meanwhile, as by anybody else: they come to what they come to at any time, and no bond moves.
    function test_ATokenThatReentersElsewhereChangesNothing() public {
        ReenteringToken token = new ReenteringToken(1e26);
        _deployOver(token);
        Inclusion memory inclusion = _anchorReceipt(receipt);
        SignedReceipt memory signed = _signed(receipt);
        SignedPart memory part = _signed(_part(1, 0, "a"));
        bytes[] memory calls = new bytes[](6);
        calls[0] = abi.encodeCall(IReceiptLog.join, (0));
        calls[1] = abi.encodeCall(IReceiptLog.leave, (0));
        calls[2] = abi.encodeCall(IReceiptLog.startIncarnation, (1, 1, 0));
        calls[3] = abi.encodeCall(IReceiptLog.showReceipts, (signed, signed, 0));
        calls[4] = abi.encodeCall(IReceiptLog.showReceiptAndPart, (signed, part, _noLinks(), 0));
        calls[5] = abi.encodeCall(IReceiptLog.syncSigner, (1));
        bytes4[5] memory wanted = [
            IReceiptLog.NotRegistered.selector,
            IReceiptLog.NotRegistered.selector,
            IReceiptLog.NotSigner.selector,
            IReceiptLog.NoContradiction.selector,
            IReceiptLog.NoContradiction.selector
        ];
        vm.warp(block.timestamp + ANCHOR_SECONDS + 1);
        _challenge();
        token.prepare(address(receipts), calls);
        receipts.answerOmission(receipt, inclusion);
        assertEq(token.triedCalls(), 6);
        for (uint256 i = 0; i < 5; ++i) {
            assertFalse(token.succeeded(i));
            assertEq(bytes4(token.answers(i)), wanted[i]);
        }
        assertTrue(token.succeeded(5), "syncing finds nothing new");
        _assertStatus(ChallengeStatus.Answered);
        assertEq(escrow.balanceOf(operators[0].owner), CHALLENGE_BOND);
        assertEq(opg.balanceOf(address(receipts)), 0);
    }

    /// @dev The network over another token; the first operator is registered, without stake.
    function _deployOver(IERC20 token) private {
        opg = token;
        escrow = JobEscrow(_deploy("JobEscrow", abi.encode(token, authority, PROTOCOL, 0)));
        staking = OperatorStaking(_deploy("OperatorStaking", abi.encode(token, escrow, authority, UNBONDING_SECONDS)));
        _wireCalls();
        bytes memory consent = _consent(operators[0].owner, operators[0].signer, operators[0].signerKey);
        vm.prank(operators[0].owner);
        staking.register(operators[0].signer, type(uint256).max, consent);
        receipts.syncSigner(1);
        vm.warp(block.timestamp + 1); // from which on the signer counts
        receipt = _receipt(1);
        opensAt = receipt.issuedAt + ANCHOR_SECONDS;
        opg.transfer(challenger, WALLET + 1);
        vm.prank(challenger);
        opg.approve(address(receipts), type(uint256).max);
    }

    function _challenge() private returns (bytes32) {
        SignedReceipt memory signed = _signed(receipt);
        vm.prank(challenger);
        return receipts.challengeOmission(signed);
    }

    /// @dev In the first second of the window.
    function _challenged() private returns (bytes32) {
        vm.warp(opensAt + 1);
        return _challenge();
    }

    function _assertStatus(ChallengeStatus status) private view {
        Challenge memory challenge = receipts.challengeOf(operators[0].id, _receiptId(receipt));
        assertEq(uint8(challenge.status), uint8(status), "status");
    }
}
