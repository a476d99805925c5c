// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {Tally} from "../../../contracts/verifiers/Tally.sol";

contract TallyTest is Test {
    function testFuzz_ASeatKeepsItsParts(uint32 operatorId, uint32 openedAt, bytes32 hash, bool revealed) public pure {
        operatorId &= 0x7fffffff;
        uint256 seat = Tally.seatOf(operatorId, openedAt, Tally.truncate(hash));
        if (revealed) seat = Tally.revealed(seat, Tally.truncate(~hash));
        assertEq(Tally.operatorOf(seat), operatorId);
        assertTrue(Tally.isOf(seat, openedAt));
        assertFalse(Tally.isOf(seat, openedAt ^ 1));
        assertEq(Tally.padded(Tally.hashOf(seat)), ((revealed ? ~hash : hash) >> 64) << 64);
        assertEq(Tally.isRevealed(seat), revealed);
    }

    function testFuzz_CountsLikeABallotBox(uint8[9] memory votes, uint8 size) public pure {
        size = uint8(bound(size, 0, 9));
        uint256[] memory seats = new uint256[](size);
        uint256[4] memory box;
        uint256 revealed = 0;
        for (uint32 i = 0; i < size; ++i) {
            votes[i] %= 5; // 4: not revealed
            seats[i] = Tally.seatOf(i + 1, 7, 99);
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
        for (uint192 i = 0; i < 4; ++i) {
            (uint256 shown, uint256 agreed) = Tally.agreeing(seats, i);
            assertEq(shown, revealed);
            assertEq(agreed, box[i]);
        }
    }
}
