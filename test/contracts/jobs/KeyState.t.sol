// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {KeyState, KeyStateLib} from "../../../contracts/jobs/KeyState.sol";

/// The packed word against a plain struct.
contract KeyStateTest is Test {
    struct Key {
        bytes32 jobId;
        uint32 nextSequence;
        JobStatus status;
    }

    function testFuzz_EachChangeTouchesItsFieldsOnly(
        bytes32 jobId,
        uint32 sequence,
        uint256[6] memory how
    ) public pure {
        sequence = uint32(bound(sequence, 0, type(uint32).max - 1));
        KeyState state = KeyStateLib.open(jobId, sequence);
        Key memory key = Key(jobId, sequence + 1, JobStatus.Open);
        _assertSame(state, key);
        for (uint256 i = 0; i < how.length; ++i) {
            if (how[i] % 2 == 0) {
                key.status = JobStatus((how[i] >> 8) % 5);
                state = state.withStatus(key.status);
            } else {
                key.nextSequence = uint32(how[i] >> 8);
                state = state.withNextSequence(key.nextSequence);
            }
            _assertSame(state, key);
        }
    }

    /// A job that shares its first 25 bytes with another is not told apart; the first byte that differs is.
    function testFuzz_TheFirst25BytesTellJobsApart(bytes32 jobId, uint256 bit) public pure {
        KeyState state = KeyStateLib.open(jobId, 0);
        bit = bound(bit, 0, 255);
        assertEq(state.isOf(bytes32(uint256(jobId) ^ (uint256(1) << bit))), bit < 56);
    }

    function test_AKeyNeverUsedHasNoJob() public pure {
        KeyState state;
        assertEq(state.nextSequence(), 0);
        assertEq(uint8(state.status()), uint8(JobStatus.None));
        state = state.withNextSequence(7);
        assertEq(state.nextSequence(), 7);
        assertEq(uint8(state.status()), uint8(JobStatus.None));
    }

    function _assertSame(KeyState state, Key memory key) private pure {
        assertTrue(state.isOf(key.jobId), "job");
        assertEq(state.jobIdPrefix(), bytes25(key.jobId), "prefix");
        assertEq(state.nextSequence(), key.nextSequence, "sequence");
        assertEq(uint8(state.status()), uint8(key.status), "status");
        assertEq((KeyState.unwrap(state) >> 8) & type(uint8).max, 0, "unused");
    }
}
