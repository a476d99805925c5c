// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IReceiptLog, LogTerms} from "../../../contracts/calls/IReceiptLog.sol";
import {IOperatorStaking} from "../../../contracts/staking/IOperatorStaking.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Deploying, standing bonds, signers, incarnations, and what the authority can do.
contract ReceiptLogBondTest is CallsFixture {
    /* DEPLOY */

    function test_DeployedAsAsked() public view {
        assertEq(address(receipts.VOUCHERS()), address(vouchers));
        assertEq(address(receipts.OPG()), address(opg));
        assertEq(address(receipts.LEDGER()), address(escrow));
        assertEq(address(receipts.STAKING()), address(staking));
        assertEq(receipts.authority(), address(authority));
        assertEq(receipts.challengeBond(), CHALLENGE_BOND);
        assertEq(keccak256(abi.encode(receipts.terms())), keccak256(abi.encode(_logTerms())));
        assertEq(receipts.MAX_EVIDENCE_SECONDS(), MAX_EVIDENCE_SECONDS);
        assertLt(receipts.MAX_EVIDENCE_SECONDS(), staking.MIN_UNBONDING_SECONDS());
        assertEq(receipts.domainSeparator(), _domain("OpenGradient ReceiptLog", block.chainid, address(receipts)));
    }

    function test_RevertWhen_DeployedWithAZeroAddress() public {
        bytes memory wanted = abi.encodeWithSelector(IReceiptLog.ZeroAddress.selector);
        _expectRefusedDeploy("ReceiptLog", abi.encode(0, authority, _logTerms(), CHALLENGE_BOND), wanted);
        _expectRefusedDeploy("ReceiptLog", abi.encode(vouchers, 0, _logTerms(), CHALLENGE_BOND), wanted);
    }

    function test_RevertWhen_AWindowIsZero() public {
        for (uint256 i = 0; i < 3; ++i) {
            LogTerms memory terms = _logTerms();
            _setWindow(terms, i, 0);
            _expectRefusedTerms(terms);
            _setWindow(terms, i, 1);
            _deployWith(terms);
        }
    }

    function test_RevertWhen_ASlashIsZero() public {
        LogTerms memory terms = _logTerms();
        terms.omissionSlash = 0;
        _expectRefusedTerms(terms);
        terms.equivocationSlash = 0;
        _expectRefusedTerms(terms);
        terms.omissionSlash = 1;
        _expectRefusedTerms(terms);
        terms.equivocationSlash = 1;
        _deployWith(terms);
    }

    /// Evidence counts for at least as long as an omission takes to be upheld.
    function test_RevertWhen_EvidenceExpiresBeforeOmissionsDo() public {
        LogTerms memory terms = _logTerms();
        terms.evidenceSeconds = 0;
        _expectRefusedTerms(terms);
        terms.evidenceSeconds = 1;
        _expectRefusedTerms(terms);
        terms.evidenceSeconds = ANCHOR_SECONDS + CHALLENGE_SECONDS + ANSWER_SECONDS - 1;
        _expectRefusedTerms(terms);
        ++terms.evidenceSeconds;
        _deployWith(terms);
    }

    function test_RevertWhen_WindowsAreTooLong() public {
        LogTerms memory terms = _logTerms();
        terms.evidenceSeconds = uint40(MAX_EVIDENCE_SECONDS);
        terms.challengeSeconds = uint40(MAX_EVIDENCE_SECONDS) - ANCHOR_SECONDS - ANSWER_SECONDS + 1;
        _expectRefusedTerms(terms);
        --terms.challengeSeconds;
        _deployWith(terms);
        terms.answerSeconds += 1;
        _expectRefusedTerms(terms);
        terms = _logTerms();
        terms.challengeSeconds = type(uint40).max;
        terms.answerSeconds = type(uint40).max; // together they don't wrap
        _expectRefusedTerms(terms);
        terms = _logTerms();
        terms.evidenceSeconds = uint40(MAX_EVIDENCE_SECONDS) + 1;
        _expectRefusedTerms(terms);
        --terms.evidenceSeconds;
        _deployWith(terms);
    }

    /// Whoever anchors in time must be able to claim in time.
    function test_RevertWhen_AnchoringIsNoFasterThanExits() public {
        LogTerms memory terms = _logTerms();
        terms.anchorSeconds = uint40(EXIT_SECONDS);
        _expectRefusedTerms(terms);
        --terms.anchorSeconds;
        _deployWith(terms);
    }

    function test_RevertWhen_DeployedWithAnOddChallengeBond() public {
        uint256[4] memory wrong = [uint256(0), 1e16 - 1e12, 1_000e18 + 1e12, 1e16 + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            _expectRefusedDeploy(
                "ReceiptLog",
                abi.encode(vouchers, authority, _logTerms(), wrong[i]),
                _bondOutOfRange(wrong[i])
            );
        }
    }

    function _setWindow(LogTerms memory terms, uint256 which, uint40 secs) private pure {
        if (which == 0) terms.anchorSeconds = secs;
        if (which == 1) terms.challengeSeconds = secs;
        if (which == 2) terms.answerSeconds = secs;
    }

    function _deployWith(LogTerms memory terms) private {
        _deploy("ReceiptLog", abi.encode(vouchers, authority, terms, CHALLENGE_BOND));
    }

    function _expectRefusedTerms(LogTerms memory terms) private {
        _expectRefusedDeploy(
            "ReceiptLog",
            abi.encode(vouchers, authority, terms, CHALLENGE_BOND),
            abi.encodeWithSelector(IReceiptLog.TermsOutOfRange.selector)
        );
    }

    /* STANDING BONDS */

    function test_JoiningAllocatesAndSyncsTheSigner() public {
        Operator memory third = _newOperator();
        vm.prank(third.owner);
        staking.allowVerifier(address(receipts), 50);
        vm.expectEmit(address(receipts));
        emit IReceiptLog.SignerSynced(third.id, third.signer);
        vm.expectEmit(address(receipts));
        emit IReceiptLog.Joined(third.id, 30);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Allocated(third.id, address(receipts), 30);
        vm.prank(third.owner);
        receipts.join(30);
        assertEq(receipts.bondOf(third.id), 30);
        (address signer, uint256 batchCount, uint256 incarnation) = receipts.logOf(third.id);
        assertEq(signer, third.signer);
        assertEq(batchCount, 0);
        assertEq(incarnation, 0);
        vm.prank(third.owner);
        receipts.join(20);
        assertEq(receipts.bondOf(third.id), 50);
        vm.prank(third.owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientAllowance.selector, 50, 51));
        receipts.join(1);
    }

    function test_RevertWhen_AStrangerJoinsOrLeaves() public {
        address[2] memory others = [stranger, operators[0].signer];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.startPrank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotRegistered.selector, others[i]));
            receipts.join(1);
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotRegistered.selector, others[i]));
            receipts.leave(1);
            vm.stopPrank();
        }
    }

    function test_RevertWhen_TheStakeIsNotThere() public {
        uint96 free = STAKE - BOND;
        vm.startPrank(operators[0].owner);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, free, free + 1));
        receipts.join(free + 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.InsufficientStake.selector, BOND, BOND + 1));
        receipts.leave(BOND + 1);
        vm.stopPrank();
    }

    function testFuzz_LeavingUnbonds(uint96 amount) public {
        amount = uint96(bound(amount, 0, BOND));
        vm.expectEmit(address(receipts));
        emit IReceiptLog.Left(operators[0].id, amount);
        _leave(amount);
        assertEq(receipts.bondOf(operators[0].id), BOND - amount);
        assertEq(_leaving(0), amount);
        assertEq(receipts.bondOf(operators[1].id), BOND);
    }

    /// Nothing the authority does keeps a bond.
    function test_LeavingIsNeverStopped() public {
        vm.startPrank(GOVERNOR);
        staking.setPaused(true);
        vouchers.setChannelsPaused(true);
        escrow.setJobsPaused(true);
        staking.permitVerifier(address(receipts), false);
        authority.setTargetClosed(address(receipts), true);
        vm.stopPrank();
        _leave(BOND);
        vm.warp(block.timestamp + UNBONDING_SECONDS);
        assertEq(staking.release(operators[0].id, address(receipts)), BOND);
        vm.prank(operators[0].owner);
        assertEq(staking.withdraw(operators[0].owner), BOND);
    }

    /* SIGNERS */

    function test_AnyoneSyncsASigner() public {
        (address signer, ) = _rotate("new signer");
        assertEq(_signer(), operators[0].signer, "not by itself");
        vm.expectEmit(address(receipts));
        emit IReceiptLog.SignerSynced(operators[0].id, signer);
        vm.prank(stranger);
        receipts.syncSigner(operators[0].id);
        assertEq(_signer(), signer);
        vm.recordLogs();
        receipts.syncSigner(operators[0].id);
        assertEq(vm.getRecordedLogs().length, 0, "again");
    }

    function test_SyncingKeepsTheRest() public {
        _anchorRoot("root", 1, "data");
        _startIncarnation(operators[0].signer, 1);
        (address signer, ) = _rotate("new signer");
        receipts.syncSigner(operators[0].id);
        (address now_, uint256 batchCount, uint256 incarnation) = receipts.logOf(operators[0].id);
        assertEq(now_, signer);
        assertEq(batchCount, 1);
        assertEq(incarnation, 1);
    }

    function test_RevertWhen_SyncingAnUnknownOperator() public {
        uint32[2] memory unknown = [uint32(0), 3];
        for (uint256 i = 0; i < unknown.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.UnknownOperator.selector, unknown[i]));
            receipts.syncSigner(unknown[i]);
        }
    }

    function _signer() private view returns (address signer) {
        (signer, , ) = receipts.logOf(operators[0].id);
    }

    /* INCARNATIONS */

    function test_AnIncarnationStartsAfterTheLast() public {
        for (uint24 i = 1; i < 4; ++i) {
            vm.expectEmit(address(receipts));
            emit IReceiptLog.IncarnationStarted(operators[0].id, i, _life(i));
            _startIncarnation(operators[0].signer, i);
            assertEq(_incarnation(0), i);
        }
        assertEq(_incarnation(1), 0);
    }

    /// Of two gateways that start from the same copy, one is refused.
    function testFuzz_RevertWhen_TheIncarnationIsNotTheNext(uint24 incarnation) public {
        _startIncarnation(operators[0].signer, 1);
        vm.assume(incarnation != 2);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.WrongIncarnation.selector, incarnation, 2));
        _startIncarnation(operators[0].signer, incarnation);
        assertEq(_incarnation(0), 1);
    }

    /// Two processes that start at once: whatever they call themselves, one of them is refused.
    function testFuzz_RevertWhen_TwoLivesStartOneIncarnation(bytes32 first, bytes32 second) public {
        uint32 id = operators[0].id;
        vm.startPrank(operators[0].signer);
        vm.expectEmit(address(receipts));
        emit IReceiptLog.IncarnationStarted(id, 1, first);
        receipts.startIncarnation(id, 1, first);
        vm.expectRevert(abi.encodeWithSelector(IReceiptLog.WrongIncarnation.selector, 1, 2));
        receipts.startIncarnation(id, 1, second);
        vm.stopPrank();
    }

    function test_RevertWhen_SomebodyElseStartsAnIncarnation() public {
        address[3] memory others = [stranger, operators[0].owner, operators[1].signer];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, others[i], operators[0].signer));
            _startIncarnation(others[i], 1);
        }
    }

    /* GATEWAYS */

    function testFuzz_ASignerSaysWhereItsGatewayIs(string calldata uri) public {
        vm.expectEmit(address(receipts));
        emit IReceiptLog.GatewayAnnounced(operators[0].id, uri);
        vm.prank(operators[0].signer);
        receipts.announceGateway(operators[0].id, uri);
    }

    function test_RevertWhen_SomebodyElseAnnouncesAGateway() public {
        address[3] memory others = [stranger, operators[0].owner, operators[1].signer];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReceiptLog.NotSigner.selector, others[i], operators[0].signer));
            vm.prank(others[i]);
            receipts.announceGateway(operators[0].id, "https://elsewhere.example");
        }
    }

    function _startIncarnation(address by, uint24 incarnation) private {
        uint32 id = operators[0].id;
        vm.prank(by);
        receipts.startIncarnation(id, incarnation, _life(incarnation));
    }

    function _life(uint24 incarnation) private pure returns (bytes32) {
        return keccak256(abi.encode("life", incarnation));
    }

    function _incarnation(uint256 i) private view returns (uint256 incarnation) {
        (, , incarnation) = receipts.logOf(operators[i].id);
    }

    /* AUTHORITY */

    function testFuzz_TheAuthoritySetsTheChallengeBond(uint96 units) public {
        uint96 bond = uint96(bound(units, 1e4, 1e9)) * 1e12;
        vm.expectEmit(address(receipts));
        emit IReceiptLog.ChallengeBondChanged(bond);
        vm.prank(GOVERNOR);
        receipts.setChallengeBond(bond);
        assertEq(receipts.challengeBond(), bond);
    }

    function testFuzz_RevertWhen_TheChallengeBondIsOutOfRange(uint96 bond) public {
        vm.assume(bond < 1e16 || bond > 1_000e18 || bond % 1e12 != 0);
        vm.prank(GOVERNOR);
        vm.expectRevert(_bondOutOfRange(bond));
        receipts.setChallengeBond(bond);
    }

    function test_RevertWhen_TheChallengeBondIsJustOutOfRange() public {
        uint96[3] memory wrong = [uint96(1e16 - 1e12), 1_000e18 + 1e12, 1e18 + 1e11];
        vm.startPrank(GOVERNOR);
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(_bondOutOfRange(wrong[i]));
            receipts.setChallengeBond(wrong[i]);
        }
        receipts.setChallengeBond(1e16);
        receipts.setChallengeBond(1_000e18);
        vm.stopPrank();
    }

    function test_RevertWhen_AStrangerGoverns() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        receipts.setChallengeBond(1e18);
    }

    function _bondOutOfRange(uint256 bond) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IReceiptLog.ChallengeBondOutOfRange.selector, bond, 1e16, 1_000e18);
    }
}
