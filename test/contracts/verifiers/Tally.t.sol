// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {Tally} from "../../../contracts/verifiers/Tally.sol";

contract TallyTest is Test {
    function testFuzz_ASeatKeepsItsParts(
        uint8 step,
        uint32 operatorId,
        uint32 openedAt,
        bytes32 hash,
        bool revealed
    ) public pure {
        (step, operatorId) = (step % 4, operatorId % (1 << 29));
        uint256 seat = Tally.seatOf(step, operatorId, openedAt, Tally.truncate(hash));
        if (revealed) seat = Tally.revealed(seat, Tally.truncate(~hash));
        assertEq(Tally.stepOf(seat), step);
        assertEq(Tally.operatorOf(seat), operatorId);
        assertTrue(Tally.isOf(seat, openedAt));
        assertFalse(Tally.isOf(seat, openedAt ^ 1));
        assertEq(Tally.padded(Tally.hashOf(seat)), ((revealed ? ~hash : hash) >> 64) << 64);
        assertEq(Tally.isRevealed(seat), revealed);
    }

    /// A seat never taken is no seat of any job.
    function testFuzz_AnEmptySeatIsOfNoJob(uint32 openedAt) public pure {
        assertEq(Tally.isOf(0, openedAt), openedAt == 0);
    }

    function testFuzz_OnlyARevealAgrees(uint256 seat, bytes32 hash, bytes32 other) public pure {
        uint256 top = Tally.truncate(hash);
        uint256 silent = Tally.seatOf(seat % 4, (seat >> 8) % (1 << 29), uint32(seat >> 64), top);
        assertFalse(Tally.agrees(silent, top), "a commitment is no vote");
        uint256 shown = Tally.revealed(silent, top);
        assertTrue(Tally.agrees(shown, top));
        assertEq(Tally.agrees(shown, Tally.truncate(other)), Tally.truncate(other) == top);
    }

    function testFuzz_CountsLikeABallotBox(uint8[9] memory votes, uint8 size) public pure {
        size = uint8(bound(size, 0, 9));
        uint256[] memory seats = new uint256[](size);
        uint256[4] memory box;
        uint256 revealed = 0;
        for (uint256 i = 0; i < size; ++i) {
            votes[i] %= 5; // 4: not revealed
            seats[i] = Tally.seatOf(i % 4, i + 1, 7, i % 4); // commitments look like votes
            if (votes[i] < 4) seats[i] = Tally.revealed(seats[i], votes[i]);
            if (votes[i] == 4) continue;
            ++box[votes[i]];
            ++revealed;
        }
        Tally.Count memory count = Tally.count(seats);
        uint256 most = 0;
        for (uint256 i = 0; i < 4; ++i) {
            if (box[i] > most) most = box[i];
        }
        assertEq(count.revealed, revealed);
        assertEq(count.topCount, most);
        if (most > 0) assertEq(box[count.top], most);
        for (uint256 i = 0; i < 4; ++i) {
            (uint256 shown, uint256 agreed) = Tally.agreeing(seats, i);
            assertEq(shown, revealed);
            assertEq(agreed, box[i]);
        }
    }
}
