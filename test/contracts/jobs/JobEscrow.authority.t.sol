// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IJobEscrow} from "../../../contracts/jobs/IJobEscrow.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {JobFixture} from "../../support/JobFixture.sol";

/// Claims, and what the authority can do.
contract JobEscrowAuthorityTest is JobFixture {
    /* CLAIMS */

    function test_AnyoneClaimsTheRoyaltyForItsRecipient() public {
        _settle(_agreed(), RESULT);
        (, uint256 royalty, ) = _split(FEE);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.RoyaltyClaimed(modelId, royaltyRecipient, royalty);
        vm.prank(stranger);
        assertEq(escrow.claimRoyalty(modelId), royalty);
        assertEq(escrow.balanceOf(royaltyRecipient), royalty);
        assertEq(escrow.claimRoyalty(modelId), 0);
        assertEq(escrow.balanceOf(royaltyRecipient), royalty);
        vm.prank(royaltyRecipient);
        escrow.withdraw(royaltyRecipient, royalty);
        assertEq(opg.balanceOf(royaltyRecipient), royalty);
    }

    function test_AnyoneClaimsTheProtocolFee() public {
        _settle(_agreed(), RESULT);
        (, , uint256 protocol) = _split(FEE);
        vm.expectEmit(address(escrow));
        emit IJobEscrow.ProtocolFeeClaimed(modelId, PROTOCOL, protocol);
        vm.prank(stranger);
        assertEq(escrow.claimProtocolFee(modelId), protocol);
        assertEq(escrow.claimProtocolFee(modelId), 0);
        assertEq(escrow.balanceOf(PROTOCOL), protocol);
        (uint128 royalty, ) = escrow.accrualsOf(modelId);
        assertGt(royalty, 0, "the other half of the word stays");
    }

    function test_RevertWhen_ClaimingForAnUnknownModel() public {
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.ModelUnavailable.selector, bytes32("unknown")));
        escrow.claimRoyalty("unknown");
        assertEq(escrow.claimProtocolFee("unknown"), 0);
    }

    function test_ANewRecipientGetsWhatIsUnclaimed() public {
        _settle(_agreed(), RESULT);
        (, uint256 royalty, ) = _split(FEE);
        vm.prank(publisher);
        models.setRoyaltyRecipient(modelId, stranger);
        escrow.claimRoyalty(modelId);
        assertEq(escrow.balanceOf(stranger), royalty);
        assertEq(escrow.balanceOf(royaltyRecipient), 0);
    }

    /* AUTHORITY */

    function test_TheAuthorityChangesTheFee() public {
        vm.expectEmit(address(escrow));
        emit IJobEscrow.ProtocolFeeChanged(stranger, 50_000);
        vm.prank(GOVERNOR);
        escrow.setProtocolFee(stranger, 50_000);
        (address recipient, uint32 ppm, ) = escrow.protocolFee();
        assertEq(recipient, stranger);
        assertEq(ppm, 50_000);
    }

    function test_RevertWhen_TheFeeIsOutOfBounds() public {
        vm.startPrank(GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.ProtocolFeeTooHigh.selector, 50_001, 50_000));
        escrow.setProtocolFee(PROTOCOL, 50_001);
        vm.expectRevert(IJobEscrow.ZeroAddress.selector);
        escrow.setProtocolFee(address(0), 1);
        vm.stopPrank();
    }

    function test_PausingStopsOnlyNewJobs() public {
        Job memory job = _job();
        bytes memory signature = _sign(payerKey, escrow.jobIdOf(job));
        vm.expectEmit(address(escrow));
        emit IJobEscrow.NewJobsPaused(true);
        vm.prank(GOVERNOR);
        escrow.setJobsPaused(true);
        (, , bool paused) = escrow.protocolFee();
        assertTrue(paused);
        vm.expectRevert(IJobEscrow.JobsPaused.selector);
        vm.prank(payer);
        escrow.open(job, INPUT);
        vm.expectRevert(IJobEscrow.JobsPaused.selector);
        escrow.openWithSignature(job, INPUT, signature);
        vm.prank(payer);
        escrow.cancelNonces(1, 7);
        vm.prank(GOVERNOR);
        escrow.setJobsPaused(false);
        _open(job);
    }

    function test_RevertWhen_AStrangerGoverns() public {
        bytes memory wanted = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, payer);
        vm.startPrank(payer);
        vm.expectRevert(wanted);
        escrow.setJobsPaused(true);
        vm.expectRevert(wanted);
        escrow.setProtocolFee(payer, 0);
        vm.stopPrank();
    }
}
