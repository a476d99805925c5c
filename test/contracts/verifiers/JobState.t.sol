// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {JobState, JobStateLib} from "../../../contracts/verifiers/JobState.sol";
import {RoundedShare} from "../../../contracts/verifiers/RoundedShare.sol";

contract JobStateTest is Test {
    function testFuzz_AJobKeepsWhatItStartedWith(
        bytes32 jobId,
        bytes32 terms,
        uint56 share,
        uint32 openedAt,
        uint64 openedBlock,
        uint256 later
    ) public {
        vm.warp(openedAt);
        vm.roll(openedBlock);
        JobState state = JobStateLib.start(jobId, terms, RoundedShare.round(share));
        for (uint256 i = 0; i < 2; ++i) {
            assertTrue(state.belongsTo(jobId, terms));
            assertFalse(state.belongsTo(~jobId, terms));
            assertFalse(state.belongsTo(jobId, ~terms));
            assertEq(state.openedAt(), openedAt);
            assertEq(state.totalShare(), RoundedShare.unitsOf(RoundedShare.round(share)));
            assertEq(state.openedBlock(), openedBlock);
            assertEq(state.isResolved(), i == 1);
            state = state.resolved();
            vm.roll(uint256(openedBlock) + bound(later, 0, (1 << 21) - 1));
        }
        assertEq(JobState.unwrap(state), JobState.unwrap(state.resolved()), "resolved twice is resolved");
    }

    /// A key that was never used is told from one with an unresolved job by the word itself: a job's is never zero.
    function testFuzz_AJobIsNeverTheEmptyWord(bytes32 jobId, bytes32 terms, uint32 openedAt) public {
        vm.warp(bound(openedAt, 1, type(uint32).max));
        assertTrue(JobState.unwrap(JobStateLib.start(jobId, terms, 0)) != 0);
        assertFalse(JobState.wrap(0).isResolved());
    }

    /// Which of both words comes first matters.
    function testFuzz_JobAndTermsCantBeSwapped(bytes32 jobId, bytes32 terms) public {
        vm.assume(jobId != terms);
        vm.warp(1_800_000_000);
        assertFalse(JobStateLib.start(jobId, terms, 0).belongsTo(terms, jobId));
    }
}
