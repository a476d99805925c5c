// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "@uniswap/v4-core/lib/forge-std/src/Vm.sol";

import {IJobEscrow, JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {IVerifier} from "../../../contracts/jobs/IVerifier.sol";
import {Job, JobLib} from "../../../contracts/types/Job.sol";
import {ContractWallet} from "../../mocks/ContractWallet.sol";
import {RecordingConsumer} from "../../mocks/RecordingConsumer.sol";
import {ScriptedVerifier} from "../../mocks/ScriptedVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Opening, by the payer and by signature; keys and sequences.
contract JobEscrowOpenTest is JobFixture {
    uint256 private constant DIRTY_FIELDS = 8; // of a job, those narrower than a word
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /* OPEN */

    function test_OpeningTakesTheFeeAndTellsAll() public {
        Job memory job = _job();
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.JobOpened(jobId, address(verifier), job, INPUT);
        assertEq(_open(job), jobId);
        _assertStatus(job, JobStatus.Open);
        assertEq(escrow.balanceOf(payer), DEPOSIT - FEE);
        assertEq(opg.balanceOf(address(escrow)), DEPOSIT);
        (uint32 sequence, bool busy) = escrow.nextSequence(payer, 0);
        assertEq(sequence, 1);
        assertTrue(busy);
        (, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(resultHash, 0);
    }

    function test_TheInputMayBeAUri() public {
        Job memory job = _job();
        bytes memory uri = "ipfs://input";
        job.inputUriHash = keccak256(uri);
        vm.prank(payer);
        escrow.open(job, uri);
        _assertStatus(job, JobStatus.Open);
    }

    function test_RevertWhen_SomebodyElseOpens() public {
        Job memory job = _job();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotPayer.selector, stranger, payer));
        escrow.open(job, INPUT);
    }

    function test_RevertWhen_TheInputIsAnother() public {
        Job memory job = _job();
        _expectRefusal(
            job,
            "another",
            abi.encodeWithSelector(IJobEscrow.InputHashMismatch.selector, keccak256("another"), keccak256(INPUT))
        );
        job.inputUriHash = keccak256("uri");
        _expectRefusal(
            job,
            INPUT,
            abi.encodeWithSelector(IJobEscrow.InputHashMismatch.selector, keccak256(INPUT), keccak256("uri"))
        );
    }

    function test_RevertWhen_TheInputIsTooLarge() public {
        Job memory job = _job();
        bytes memory input = new bytes(8193);
        job.inputHash = keccak256(input);
        _expectRefusal(job, input, abi.encodeWithSelector(IJobEscrow.InputTooLarge.selector, 8193, 8192));
        input = new bytes(8192);
        job.inputHash = keccak256(input);
        vm.prank(payer);
        escrow.open(job, input);
    }

    function test_RevertWhen_TheModelIsUnknownOrRetired() public {
        Job memory job = _job();
        job.modelId = "unknown";
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.ModelUnavailable.selector, bytes32("unknown")));
        vm.prank(publisher);
        models.retire(modelId);
        _expectRefusal(_job(), INPUT, abi.encodeWithSelector(IJobEscrow.ModelUnavailable.selector, modelId));
    }

    function test_RevertWhen_TheFeeIsBelowThePrice() public {
        Job memory job = _job();
        job.fee = PRICE - 1;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.FeeBelowPrice.selector, PRICE - 1, PRICE));
    }

    function test_RevertWhen_TheBalanceIsBelowTheFee() public {
        vm.prank(payer);
        escrow.withdraw(payer, DEPOSIT - FEE + 1);
        _expectRefusal(_job(), INPUT, abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, FEE - 1, FEE));
    }

    function test_RevertWhen_TheFeeIsTheLargestNumber() public {
        Job memory job = _job();
        job.fee = type(uint128).max;
        _expectRefusal(
            job,
            INPUT,
            abi.encodeWithSelector(IJobEscrow.InsufficientBalance.selector, DEPOSIT, type(uint128).max)
        );
    }

    /// What the payer signed is what the model asks now, or the job doesn't open.
    function test_RevertWhen_TheTermsChangedMeanwhile() public {
        Job memory job = _job();
        vm.prank(publisher);
        models.setPrice(modelId, PRICE, ROYALTY_PPM + 1);
        _expectRefusal(
            job,
            INPUT,
            abi.encodeWithSelector(IJobEscrow.RoyaltyMismatch.selector, ROYALTY_PPM, ROYALTY_PPM + 1)
        );
        vm.prank(GOVERNOR);
        escrow.setProtocolFee(PROTOCOL, 7);
        _expectRefusal(
            job,
            INPUT,
            abi.encodeWithSelector(IJobEscrow.ProtocolFeeMismatch.selector, PROTOCOL_FEE_PPM, 7)
        );
    }

    function test_RevertWhen_TheExpiryIsOutOfRange() public {
        Job memory job = _job();
        uint256 now_ = block.timestamp;
        job.expiresAt = uint40(now_);
        bytes4 selector = IJobEscrow.ExpiryOutOfRange.selector;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(selector, now_, now_ + 1, now_ + 30 days));
        job.expiresAt = uint40(now_ + 30 days + 1);
        _expectRefusal(job, INPUT, abi.encodeWithSelector(selector, now_ + 30 days + 1, now_ + 1, now_ + 30 days));
    }

    function test_RevertWhen_TheConsumerIsWrong() public {
        Job memory job = _job();
        job.consumerGasLimit = 1;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.ConsumerGasOutOfRange.selector, 1, 0));
        job.consumer = address(new RecordingConsumer());
        job.consumerGasLimit = 2_000_001;
        _expectRefusal(
            job,
            INPUT,
            abi.encodeWithSelector(IJobEscrow.ConsumerGasOutOfRange.selector, 2_000_001, 2_000_000)
        );
        job.consumer = stranger;
        job.consumerGasLimit = 1;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.NotAContract.selector, stranger));
    }

    function test_RevertWhen_TheVerifierIsNoContract() public {
        Job memory job = _job();
        job.verifier = stranger;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.NotAVerifier.selector, stranger));
    }

    /// The call begins with the very word that is the right answer: an echo is none.
    function test_RevertWhen_TheVerifierOnlyEchoes() public {
        Job memory job = _job();
        job.verifier = address(4); // the identity precompile
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.NotAVerifier.selector, job.verifier));
    }

    /// A contract has to say that it took the job: nothing, something else, or too short an answer is none.
    function test_RevertWhen_TheVerifierDoesNotAnswer() public {
        bytes4 taken = IVerifier.opened.selector;
        bytes[4] memory codes = [
            bytes(hex"00"), // nothing
            hex"60015f5260205ff3", // 1
            abi.encodePacked(hex"63", taken, hex"5f5260205ff3"), // the selector at the wrong end
            abi.encodePacked(hex"63", taken, hex"60e01b5f52601f5ff3") // 31 bytes of the right answer
        ];
        Job memory job = _job();
        job.verifier = makeAddr("no verifier");
        for (uint256 i = 0; i < codes.length; ++i) {
            vm.etch(job.verifier, codes[i]);
            _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.NotAVerifier.selector, job.verifier));
        }
        vm.etch(job.verifier, abi.encodePacked(hex"63", taken, hex"60e01b5f5260205ff3"));
        _open(job);
        _assertStatus(job, JobStatus.Open);
    }

    function test_TheVerifierIsToldAll() public {
        Job memory job = _job();
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectCall(address(verifier), abi.encodeCall(IVerifier.opened, (MAX_MODEL_RESULT, true, job, jobId)));
        _open(job);
        _passTo(_schedule(job).commitsCloseAt);
        (uint256 earners, , ) = _split(job.fee);
        vm.expectCall(
            address(verifier),
            abi.encodeCall(IVerifier.conclude, (job, earners, jobId, "", RESULT.length, keccak256(RESULT)))
        );
        escrow.settle(RESULT, "", job);
    }

    /// The event is written by hand: for inputs of any length it is what the compiler would write.
    function testFuzz_TheEventIsEncodedAsDeclared(bytes memory input) public {
        Job memory job = _job();
        job.inputHash = keccak256(input);
        bytes32 jobId = escrow.jobIdOf(job);
        vm.recordLogs();
        vm.prank(payer);
        escrow.open(job, input);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        assertEq(logs[0].emitter, address(escrow));
        assertEq(logs[0].topics.length, 3);
        assertEq(logs[0].topics[0], IJobEscrow.JobOpened.selector);
        assertEq(logs[0].topics[1], jobId);
        assertEq(logs[0].topics[2], bytes32(uint256(uint160(job.verifier))));
        assertEq(logs[0].data, abi.encode(job, input));
    }

    function test_RevertWhen_TheVerifierRefuses() public {
        ScriptedVerifier scripted = new ScriptedVerifier();
        scripted.setMoods(ScriptedVerifier.Mood.Reverts, ScriptedVerifier.Mood.Calm, ScriptedVerifier.Mood.Calm);
        Job memory job = _job();
        job.verifier = address(scripted);
        _expectRefusal(job, INPUT, abi.encodeWithSelector(ScriptedVerifier.Refused.selector));
    }

    /// A verifier gets no more than its stipend, whatever it burns.
    function test_RevertWhen_TheVerifierBurnsItsGas() public {
        ScriptedVerifier scripted = new ScriptedVerifier();
        scripted.setMoods(ScriptedVerifier.Mood.BurnsGas, ScriptedVerifier.Mood.Calm, ScriptedVerifier.Mood.Calm);
        Job memory job = _job();
        job.verifier = address(scripted);
        uint256 before = gasleft();
        _expectRefusal(job, INPUT, "");
        assertLt(before - gasleft(), 700_000);
    }

    function test_RevertWhen_TooLittleGasIsLeftForTheVerifier() public {
        Job memory job = _job();
        vm.prank(payer);
        vm.expectPartialRevert(IJobEscrow.NotEnoughGas.selector);
        escrow.open{gas: 500_000}(job, INPUT);
    }

    /// One meaning, one encoding: dirty high bits don't make a second jobId of the same job, and nothing that isn't a job
    /// gets into the event.
    function testFuzz_RevertWhen_CalldataHasDirtyBits(uint256 bit, uint256 field, bool withConsumer) public {
        field = bound(field, 0, DIRTY_FIELDS - 1);
        _expectDirtyRefused(field, bit, withConsumer);
    }

    /// Each of them, at its lowest and its highest dirty bit.
    function test_RevertWhen_AnyFieldHasDirtyBits() public {
        for (uint256 field = 0; field < DIRTY_FIELDS; ++field) {
            for (uint256 i = 0; i < 4; ++i) {
                _expectDirtyRefused(field, i & 1 == 0 ? 0 : 255, i & 2 == 0);
            }
        }
        (bool success, ) = address(escrow).call(_signedWords(_job(), 0, 0));
        assertTrue(success, "clean");
    }

    /// A job opened clean has no second encoding later on either.
    function test_RevertWhen_ALaterCallHasDirtyBits() public {
        Job memory job = _job();
        _open(job);
        _passTo(job.expiresAt);
        for (uint256 field = 0; field < DIRTY_FIELDS; ++field) {
            (uint256 word, uint256 width) = _smallField(field);
            uint256 mask = uint256(1) << width;
            _expectRefused(_dirty(abi.encodeCall(escrow.settle, ("", "", job)), word + 2, mask));
            _expectRefused(_dirty(abi.encodeCall(escrow.refund, (job)), word, mask));
        }
        _refund(job);
    }

    /// @dev Opens, by the payer and by its signature over those very words, a job with one bit set above a field.
    function _expectDirtyRefused(uint256 field, uint256 bit, bool withConsumer) private {
        Job memory job = _job();
        if (withConsumer) (job.consumer, job.consumerGasLimit) = (address(new RecordingConsumer()), 100_000);
        (uint256 word, uint256 width) = _smallField(field);
        uint256 mask = uint256(1) << bound(bit, width, 255);

        bytes memory data = abi.encodeCall(escrow.open, (job, INPUT));
        vm.prank(payer);
        _expectRefused(_dirty(data, word, mask));

        _expectRefused(_signedWords(job, word, mask));

        assertEq(escrow.balanceOf(payer), DEPOSIT);
        (uint32 sequence, bool busy) = escrow.nextSequence(payer, 0);
        assertEq(sequence, 0);
        assertFalse(busy);
    }

    /// @dev A call that opens a job by the payer's signature over its very words, some bits of one of them set.
    function _signedWords(Job memory job, uint256 word, uint256 mask) private view returns (bytes memory) {
        bytes memory words = abi.encode(job);
        assembly {
            let at := add(add(words, 0x20), mul(word, 0x20))
            mstore(at, or(mload(at), mask))
        }
        bytes32 structHash = keccak256(bytes.concat(JobLib.TYPEHASH, words));
        bytes memory signature = _sign(payerKey, _digest(escrow.domainSeparator(), structHash));
        return _dirty(abi.encodeCall(escrow.openWithSignature, (job, INPUT, signature)), word, mask);
    }

    /// @dev Sets bits of a word of the job that is a call's first parameter.
    function _dirty(bytes memory data, uint256 word, uint256 mask) private pure returns (bytes memory) {
        assembly {
            let at := add(add(data, 0x24), mul(word, 0x20))
            mstore(at, or(mload(at), mask))
        }
        return data;
    }

    function _expectRefused(bytes memory data) private {
        (bool success, ) = address(escrow).call(data);
        assertFalse(success);
    }

    /// @return word Of the job's thirteen
    /// @return width How many bits of it the field has
    function _smallField(uint256 field) private pure returns (uint256 word, uint256 width) {
        uint8[DIRTY_FIELDS] memory words = [0, 4, 6, 7, 8, 9, 10, 11];
        uint8[DIRTY_FIELDS] memory widths = [160, 160, 160, 32, 128, 32, 32, 40];
        return (words[field], widths[field]);
    }

    /* KEYS */

    function test_RevertWhen_TheKeyHoldsALiveJob() public {
        _open(_job());
        Job memory next = _job();
        _expectRefusal(next, INPUT, abi.encodeWithSelector(IJobEscrow.KeyBusy.selector, payer, uint224(0)));
    }

    function test_KeysAreIndependent() public {
        Job memory first = _job();
        Job memory second = _jobOfKey(type(uint224).max);
        _open(first);
        _open(second);
        _assertStatus(first, JobStatus.Open);
        _assertStatus(second, JobStatus.Open);
        assertEq(escrow.balanceOf(payer), DEPOSIT - 2 * uint256(FEE));
    }

    function test_RevertWhen_TheSequenceIsNotTheNext() public {
        Job memory job = _job();
        job.nonce = 1;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 1, 0));
    }

    function test_RevertWhen_AnEndedJobIsOpenedAgain() public {
        Job memory job = _agreed();
        _settle(job, RESULT);
        job.expiresAt = uint40(block.timestamp) + JOB_SECONDS;
        _expectRefusal(job, INPUT, abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 0, 1));
    }

    function test_AReusedKeyForgetsTheEarlierJob() public {
        Job memory first = _agreed();
        _settle(first, RESULT);
        Job memory second = _job();
        _open(second);
        _assertStatus(first, JobStatus.None);
        (, bytes32 resultHash) = escrow.resultOf(first);
        assertEq(resultHash, 0);
        (JobStatus status, bytes32 none) = escrow.resultOf(second);
        assertEq(uint8(status), uint8(JobStatus.Open));
        assertEq(none, 0, "the earlier result is not this one's");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.JobNotOpen.selector, escrow.jobIdOf(first)));
        _settle(first, RESULT);
    }

    function test_CancelledSequencesCantBeOpened() public {
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(_job()));
        Job memory job = _job();
        vm.expectEmit(address(escrow));
        emit IJobEscrow.NoncesCancelled(payer, 0, 5);
        vm.prank(payer);
        escrow.cancelNonces(5, 0);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 0, 5));
        escrow.openWithSignature(job, INPUT, signature);
        _open(_job());
    }

    function test_RevertWhen_CancellingBackwards() public {
        vm.startPrank(payer);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 0, 1));
        escrow.cancelNonces(0, 0);
        escrow.cancelNonces(5, 0);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 5, 6));
        escrow.cancelNonces(5, 0);
        vm.stopPrank();
    }

    /// What was signed can be taken back at any time; the live job goes on.
    function test_CancellingUnderALiveJobLeavesItAlone() public {
        Job memory job = _agreed();
        vm.prank(payer);
        escrow.cancelNonces(5, 0);
        _assertStatus(job, JobStatus.Open);
        _settle(job, RESULT);
        _assertStatus(job, JobStatus.Settled);
        (uint32 next, bool busy) = escrow.nextSequence(payer, 0);
        assertEq(next, 5);
        assertFalse(busy);
    }

    function test_CancellingKeepsTheResultReadable() public {
        Job memory job = _agreed();
        _settle(job, RESULT);
        vm.prank(payer);
        escrow.cancelNonces(type(uint32).max, 0);
        (JobStatus status, bytes32 resultHash) = escrow.resultOf(job);
        assertEq(uint8(status), uint8(JobStatus.Settled));
        assertEq(resultHash, keccak256(RESULT));
    }

    /* BY SIGNATURE */

    function test_AnyoneOpensWhatThePayerSigned() public {
        Job memory job = _job();
        bytes32 jobId = escrow.jobIdOf(job);
        vm.prank(stranger);
        assertEq(escrow.openWithSignature(job, INPUT, _sign(payerKey, jobId)), jobId);
        assertEq(escrow.balanceOf(payer), DEPOSIT - FEE);
        assertEq(escrow.balanceOf(stranger), 0);
    }

    function test_RevertWhen_ASignatureIsUsedTwice() public {
        Job memory job = _job();
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
        escrow.openWithSignature(job, INPUT, signature);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.KeyBusy.selector, payer, uint224(0)));
        escrow.openWithSignature(job, INPUT, signature);
        _closeCommits(job);
        _settle(job, "");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongSequence.selector, 0, 1));
        escrow.openWithSignature(job, INPUT, signature);
    }

    function test_RevertWhen_SomebodyElseSigned() public {
        Job memory job = _job();
        bytes32 jobId = escrow.jobIdOf(job);
        (, uint256 otherKey) = makeAddrAndKey("other");
        bytes memory wanted = abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, payer, jobId);
        vm.expectRevert(wanted);
        escrow.openWithSignature(job, INPUT, _sign(otherKey, jobId));
        vm.expectRevert(wanted);
        escrow.openWithSignature(job, INPUT, "");
    }

    /// The other of the two signatures ECDSA allows is refused.
    function test_RevertWhen_TheSignatureIsMalleated() public {
        Job memory job = _job();
        bytes32 jobId = escrow.jobIdOf(job);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, jobId);
        bytes memory malleated = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : 27);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, payer, jobId));
        escrow.openWithSignature(job, INPUT, malleated);
    }

    function testFuzz_ASignatureCoversEveryField(uint256 word, uint256 flip) public {
        Job memory job = _job();
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
        bytes memory words = abi.encode(job);
        uint16[13] memory bits = [uint16(160), 256, 256, 256, 160, 256, 160, 32, 128, 32, 32, 40, 256];
        word = bound(word, 1, 12); // not the payer: whose signature it is depends on that
        uint256 mask = uint256(1) << bound(flip, 0, bits[word] - 1);
        assembly {
            let at := add(add(words, 0x20), mul(word, 0x20))
            mstore(at, xor(mload(at), mask))
        }
        Job memory changed = abi.decode(words, (Job));
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, payer, escrow.jobIdOf(changed)));
        escrow.openWithSignature(changed, INPUT, signature);
    }

    /// R1: replay across chains and deployments
    function test_RevertWhen_SignedForAnotherChain() public {
        Job memory job = _job();
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, payer, escrow.jobIdOf(job)));
        escrow.openWithSignature(job, INPUT, signature);
    }

    function test_RevertWhen_SignedForAnotherEscrow() public {
        Job memory job = _job();
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
        JobEscrow other = JobEscrow(_deploy("JobEscrow", abi.encode(opg, authority, PROTOCOL, PROTOCOL_FEE_PPM)));
        assertNotEq(other.domainSeparator(), escrow.domainSeparator());
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, payer, other.jobIdOf(job)));
        other.openWithSignature(job, INPUT, signature);
    }

    function test_AContractSignsWithERC1271() public {
        ContractWallet wallet = new ContractWallet(payer);
        _fund(address(wallet), FEE);
        Job memory job = _job();
        job.payer = address(wallet);
        bytes32 jobId = escrow.jobIdOf(job);
        escrow.openWithSignature(job, INPUT, _sign(payerKey, jobId));
        _assertStatus(job, JobStatus.Open);
        assertEq(escrow.balanceOf(address(wallet)), 0);
    }

    function test_RevertWhen_AContractDisowns() public {
        ContractWallet wallet = new ContractWallet(payer);
        _fund(address(wallet), FEE);
        wallet.close();
        Job memory job = _job();
        job.payer = address(wallet);
        bytes32 jobId = escrow.jobIdOf(job);
        bytes memory signature = _sign(payerKey, jobId);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, address(wallet), jobId));
        escrow.openWithSignature(job, INPUT, signature);
    }

    /// A contract that is no wallet, and answers nothing, has signed nothing.
    function test_RevertWhen_ThePayerIsAContractWithoutSignatures() public {
        Job memory job = _job();
        job.payer = address(verifier);
        bytes32 jobId = escrow.jobIdOf(job);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InvalidSignature.selector, address(verifier), jobId));
        escrow.openWithSignature(job, INPUT, _sign(payerKey, jobId));
    }

    function _expectRefusal(Job memory job, bytes memory input, bytes memory wanted) private {
        uint256 before = escrow.balanceOf(job.payer);
        vm.prank(job.payer);
        if (wanted.length == 0) vm.expectRevert();
        else vm.expectRevert(wanted);
        escrow.open(job, input);
        assertEq(escrow.balanceOf(job.payer), before);
    }
}
