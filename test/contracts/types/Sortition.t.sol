// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Sortition} from "../../../contracts/types/Sortition.sol";
import {Vectors} from "../../support/Vectors.sol";

/// @notice `Sortition` against the values `src/protocol/sortition.ts` computes.
contract SortitionVectorsTest is Vectors {
    struct Draw {
        uint128 ticket;
        uint56 stake;
        uint56 totalStake;
        uint8 committeeSize;
        uint8 wideningStep;
    }

    uint8 private constant NEVER = 255;

    Draw[] private _draws;

    function test_TicketMatchesTypeScript() public {
        _open("sortition");
        bytes32[] memory blockHashes = _words("blockHash");
        bytes32[] memory jobIds = _words("jobId");
        uint256[] memory seeds = _uints("seed");
        uint256[] memory operatorIds = _uints("operatorId");
        uint256[] memory tickets = _uints("ticket");
        _assertEnough(tickets.length);
        for (uint256 i = 0; i < tickets.length; ++i) {
            uint192 seed = Sortition.seed(blockHashes[i], jobIds[i]);
            assertEq(seed, seeds[i]);
            assertEq(Sortition.ticket(seed, uint32(operatorIds[i])), tickets[i]);
        }
    }

    function test_MayCommitMatchesTypeScript() public {
        _readDraws();
        bool[] memory expected = _bools("mayCommit");
        uint256[] memory firstSteps = _uints("firstEligibleStep");
        _assertEnough(expected.length);
        for (uint256 i = 0; i < expected.length; ++i) {
            assertEq(_mayCommit(_draws[i], _draws[i].wideningStep), expected[i]);
            assertEq(_firstStep(_draws[i]), firstSteps[i]);
        }
    }

    function test_IsLowerMatchesTypeScript() public {
        _readDraws();
        uint256[] memory otherTickets = _uints("otherTicket");
        uint256[] memory otherStakes = _uints("otherStake");
        bool[] memory expected = _bools("isLower");
        _assertEnough(expected.length);
        for (uint256 i = 0; i < expected.length; ++i) {
            bool lower = Sortition.isLower(
                _draws[i].ticket,
                _draws[i].stake,
                uint128(otherTickets[i]),
                uint56(otherStakes[i])
            );
            assertEq(lower, expected[i]);
        }
    }

    function _readDraws() private {
        _open("sortition");
        uint256[] memory tickets = _uints("drawnTicket");
        uint256[] memory stakes = _uints("stake");
        uint256[] memory totals = _uints("totalStake");
        uint256[] memory sizes = _uints("committeeSize");
        uint256[] memory steps = _uints("wideningStep");
        for (uint256 i = 0; i < tickets.length; ++i) {
            _draws.push(
                Draw({
                    ticket: uint128(tickets[i]),
                    stake: uint56(stakes[i]),
                    totalStake: uint56(totals[i]),
                    committeeSize: uint8(sizes[i]),
                    wideningStep: uint8(steps[i])
                })
            );
        }
    }

    function _firstStep(Draw memory draw) private pure returns (uint8) {
        for (uint8 step = 0; step <= draw.wideningStep; ++step) {
            if (_mayCommit(draw, step)) return step;
        }
        return NEVER;
    }

    function _mayCommit(Draw memory draw, uint8 step) private pure returns (bool) {
        return Sortition.mayCommit(draw.ticket, draw.stake, draw.totalStake, draw.committeeSize, step);
    }
}
