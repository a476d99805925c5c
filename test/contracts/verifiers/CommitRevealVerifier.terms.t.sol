// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ModelListing} from "../../../contracts/models/IModelRegistry.sol";
import {CommitRevealTerms, CommitRevealTermsLib} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {ICommitRevealVerifier, Params, Schedule} from "../../../contracts/verifiers/ICommitRevealVerifier.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// What `opened` takes and refuses.
contract CommitRevealVerifierTermsTest is JobFixture {
    function test_OpeningFixesTheSchedule() public {
        Job memory job = _job();
        uint256 openedAt = block.timestamp;
        uint256 openedBlock = block.number;
        _open(job);
        Schedule memory schedule = _schedule(job);
        assertEq(schedule.openedAt, openedAt);
        assertEq(schedule.seedBlock, openedBlock + 2);
        assertEq(schedule.committed, 0);
        assertEq(schedule.commitsCloseAt, openedAt + 3 * WINDOW);
        assertEq(schedule.revealsCloseAt, openedAt + 4 * WINDOW);
        assertEq(schedule.settlesBy, openedAt + 5 * WINDOW);
        assertFalse(schedule.resolved);
    }

    function test_RevertWhen_NotCalledByTheEscrow() public {
        Job memory job = _job();
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.NotEscrow.selector, address(this));
        vm.expectRevert(wanted);
        verifier.opened(MAX_MODEL_RESULT, true, job, "job");
        vm.expectRevert(wanted);
        verifier.conclude(job, 0, "job", "", 0, 0);
    }

    function test_RevertWhen_TermsAreNotCanonical() public {
        Job memory job = _job();
        job.verifierData = bytes32(uint256(job.verifierData) | 1);
        _expectRefusal(job, abi.encodeWithSelector(CommitRevealTermsLib.TermsNotCanonical.selector, job.verifierData));
    }

    function test_RevertWhen_CommitteeIsEvenZeroOrTooLarge() public {
        uint8[4] memory sizes = [0, 2, 8, 11];
        for (uint256 i = 0; i < sizes.length; ++i) {
            CommitRevealTerms memory terms = _terms();
            terms.committeeSize = sizes[i];
            _expectTermsRefused(
                terms,
                abi.encodeWithSelector(ICommitRevealVerifier.CommitteeSizeInvalid.selector, sizes[i], 9)
            );
        }
    }

    function test_RevertWhen_WideningIsTooLarge() public {
        CommitRevealTerms memory terms = _terms();
        terms.maxWidening = 4;
        _expectTermsRefused(terms, abi.encodeWithSelector(ICommitRevealVerifier.WideningTooLarge.selector, 4, 3));
    }

    function test_RevertWhen_AWindowIsOutOfRange() public {
        uint32[2] memory windows = [uint32(3), 6 hours + 1];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory wanted = abi.encodeWithSelector(
                ICommitRevealVerifier.WindowOutOfRange.selector,
                windows[i],
                4,
                6 hours
            );
            CommitRevealTerms memory terms = _terms();
            terms.commitWindowSeconds = windows[i];
            _expectTermsRefused(terms, wanted);
            terms = _terms();
            terms.revealWindowSeconds = windows[i];
            _expectTermsRefused(terms, wanted);
            terms = _terms();
            terms.settleWindowSeconds = windows[i];
            _expectTermsRefused(terms, wanted);
        }
    }

    function test_RevertWhen_TheBondIsBelowTheFee() public {
        CommitRevealTerms memory terms = _terms();
        terms.bondUnits = 3_000_000; // 3 OPG, the fee is 7 base units more
        _expectTermsRefused(
            terms,
            abi.encodeWithSelector(ICommitRevealVerifier.BondTooSmall.selector, 3_000_000, 3_000_001)
        );
        terms.bondUnits = 3_000_001;
        Job memory job = _job();
        job.verifierData = _pack(terms);
        _open(job);
    }

    function test_RevertWhen_TheBondIsBelowTheLeast() public {
        Params memory params = _params();
        params.minBondUnits = 5_000_000;
        _setParams(params);
        _expectTermsRefused(
            _terms(),
            abi.encodeWithSelector(ICommitRevealVerifier.BondTooSmall.selector, BOND_UNITS, 5_000_000)
        );
    }

    function testFuzz_BondCoversTheRatioExactly(uint96 fee, uint56 bondUnits, uint32 ppm) public {
        Params memory params = _params();
        params.minBondPpm = uint32(bound(ppm, 0, 10_000_000));
        _setParams(params);
        Job memory job = _job();
        job.fee = uint128(bound(fee, PRICE, DEPOSIT));
        CommitRevealTerms memory terms = _terms();
        terms.bondUnits = uint56(bound(bondUnits, 1, 200_000_000_000));
        job.verifierData = _pack(terms);
        uint256 least = (uint256(job.fee) * params.minBondPpm + UNIT * 1e6 - 1) / (UNIT * 1e6);
        if (terms.bondUnits < least) {
            _expectRefusal(
                job,
                abi.encodeWithSelector(ICommitRevealVerifier.BondTooSmall.selector, terms.bondUnits, least)
            );
        } else if (terms.bondUnits > _mostBondUnits(job.fee)) {
            _expectRefusal(
                job,
                abi.encodeWithSelector(
                    ICommitRevealVerifier.BondTooLarge.selector,
                    terms.bondUnits,
                    _mostBondUnits(job.fee)
                )
            );
        } else {
            _open(job);
        }
    }

    /// @dev Ten times the fee.
    function _mostBondUnits(uint256 fee) private pure returns (uint256) {
        return (fee * 10 + UNIT - 1) / UNIT;
    }

    /// Where the least bond is more than ten times the fee, it is the most as well.
    function test_RevertWhen_TheBondIsMoreThanALittleJobMayLock() public {
        vm.prank(publisher);
        models.setPrice(modelId, 0, ROYALTY_PPM);
        Job memory job = _job();
        job.fee = 0;
        CommitRevealTerms memory terms = _terms();
        terms.bondUnits = 2;
        job.verifierData = _pack(terms);
        _expectRefusal(job, abi.encodeWithSelector(ICommitRevealVerifier.BondTooLarge.selector, 2, 1));
        terms.bondUnits = 1;
        job.verifierData = _pack(terms);
        _open(job);
    }

    function test_RevertWhen_TheFeeDoesNotFitEarnings() public {
        Job memory job = _job();
        job.fee = uint128(type(uint96).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(ICommitRevealVerifier.FeeTooLarge.selector, job.fee, type(uint96).max));
        vm.prank(address(escrow));
        verifier.opened(MAX_MODEL_RESULT, true, job, "job");
    }

    function test_RevertWhen_TheModelIsNotBitExact() public {
        ModelListing memory listing = _listing();
        listing.bitExact = false;
        vm.prank(publisher);
        Job memory job = _job();
        job.modelId = models.publish(listing, "");
        _expectRefusal(job, abi.encodeWithSelector(ICommitRevealVerifier.ModelNotBitExact.selector, job.modelId));
    }

    function test_RevertWhen_TheResultBoundIsNotTheModels() public {
        CommitRevealTerms memory terms = _terms();
        terms.maxResultBytes = 65;
        _expectTermsRefused(terms, abi.encodeWithSelector(ICommitRevealVerifier.ResultBoundMismatch.selector, 65, 64));
        terms.maxResultBytes = 63;
        _expectTermsRefused(terms, abi.encodeWithSelector(ICommitRevealVerifier.ResultBoundMismatch.selector, 63, 64));
    }

    function test_RevertWhen_ItExpiresBeforeAllWindowsAreOver() public {
        Job memory job = _job();
        uint256 earliest = block.timestamp + 5 * WINDOW + 10;
        uint256 latest = block.timestamp + 2 days;
        job.expiresAt = uint40(earliest - 1);
        _expectRefusal(
            job,
            abi.encodeWithSelector(ICommitRevealVerifier.ExpiryOutOfRange.selector, earliest - 1, earliest, latest)
        );
        job.expiresAt = uint40(earliest);
        _open(job);
    }

    function test_RevertWhen_ItCouldOutliveTheLongestLock() public {
        Job memory job = _job();
        uint256 earliest = block.timestamp + 5 * WINDOW + 10;
        uint256 latest = block.timestamp + 2 days;
        job.expiresAt = uint40(latest + 1);
        _expectRefusal(
            job,
            abi.encodeWithSelector(ICommitRevealVerifier.ExpiryOutOfRange.selector, latest + 1, earliest, latest)
        );
        job.expiresAt = uint40(latest);
        _open(job);
    }

    function test_RevertWhen_NobodyOpenedTheJob() public {
        Job memory job = _job();
        bytes memory wanted = abi.encodeWithSelector(ICommitRevealVerifier.UnknownJob.selector, escrow.jobIdOf(job));
        vm.expectRevert(wanted);
        verifier.scheduleOf(job);
        vm.expectRevert(wanted);
        verifier.committeeOf(job);
        vm.expectRevert(wanted);
        verifier.pinSeed(_ref(job));
        vm.expectRevert(wanted);
        verifier.seedOf(job);
        vm.expectRevert(wanted);
        verifier.reveal(0, _ref(job), 0, 0);
        vm.expectRevert(wanted);
        verifier.expire(job);
        vm.expectRevert(wanted);
        vm.prank(operators[0].signer);
        verifier.commit(_ref(job), 0, _top(0));
    }

    function testFuzz_AnyChangedFieldIsAnotherJob(uint256 field, uint256 value) public {
        Job memory job = _opened();
        bytes memory words = abi.encode(job);
        uint256 at = 32 + 32 * bound(field, 1, 5); // a bytes32 or address field in the middle of the struct
        value = bound(value, 0, type(uint160).max);
        uint256 before;
        assembly {
            before := mload(add(words, at))
            mstore(add(words, at), value)
        }
        vm.assume(value != before);
        Job memory changed = abi.decode(words, (Job));
        if (changed.nonce != job.nonce || changed.payer != job.payer) return;
        bytes32 jobId = escrow.jobIdOf(changed);
        vm.expectRevert(); // terms that don't unpack, or an unknown job
        verifier.scheduleOf(changed);
        assertNotEq(jobId, escrow.jobIdOf(job));
    }

    function _expectTermsRefused(CommitRevealTerms memory terms, bytes memory wanted) private {
        Job memory job = _job();
        job.verifierData = _pack(terms);
        _expectRefusal(job, wanted);
    }

    function _expectRefusal(Job memory job, bytes memory wanted) private {
        vm.prank(job.payer);
        vm.expectRevert(wanted);
        escrow.open(job, INPUT);
        assertEq(escrow.balanceOf(payer), DEPOSIT);
    }

    function _setParams(Params memory params) private {
        vm.prank(GOVERNOR);
        verifier.setParams(params);
    }
}
