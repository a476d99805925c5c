// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {CallsHandler} from "../../support/invariants/CallsHandler.sol";

/// @dev The runner only knows contracts that test files define.
contract CallsCampaign is CallsHandler {
    function forgetIncarnations() external {
        forgetsIncarnations = true;
    }
}

/// @notice The promises of `docs/invariants.md` about channels and receipts after every step of random campaigns; the ids are
/// the tests' names.
contract CallsInvariantTest is Test {
    /// @dev A whole exit is dear, so it is tried at every so many steps.
    uint256 private constant EXIT_EVERY = 50;

    uint256 private constant LONG_CAMPAIGN = 1_000;

    // prettier-ignore
    string[] private reached = [
        "opened", "topped up", "reopened", "foreign funding refused", "bad voucher shown", "paid", "partly paid", "skipped",
        "skipped, no channel", "paid after a top-up", "paid while exiting", "paid after the exit", "exit started", "closed",
        "harvested", "donated", "gap", "restored", "rotated", "accused in vain", "thief in vain", "equivocation shown",
        "cost more later", "evidence expired", "bond leaves", "challenged", "challenge refused", "answered", "answer refused",
        "upheld", "slashed", "nothing to slash", "anchored", "governed", "reentered in vain"
    ];

    CallsCampaign internal calls;

    function setUp() public {
        calls = new CallsCampaign();
        targetContract(address(calls));
        targetSelector(FuzzSelector(address(calls), calls.actions()));
    }

    /// @dev All of them are looked at after every step of the same 500 sequences: six campaigns of one would play the same actions
    /// six times.
    /// forge-config: default.invariant.runs = 500
    /// forge-config: default.invariant.depth = 50
    function invariant_M3_M6_R1_R2_E1_A1() public {
        _checkM3();
        _checkM6();
        assertEq(calls.broken("R1"), "");
        _checkR2();
        assertEq(calls.broken("A1"), "");
        if (calls.steps() % EXIT_EVERY == 0) _checkE1AndA1();
    }

    /// @dev The same actions in a fixed order, to see that campaigns get everywhere: no promise holds for want of events.
    function test_CampaignsReachEveryState() public {
        _campaign();
        for (uint256 i = 0; i < reached.length; ++i) {
            assertGt(calls.times(reached[i]), 0, reached[i]);
        }
        _assertNothingBroken();
    }

    /// @dev The rule that R2 rests on is what keeps it: a store that is restored without it does equivocate, and is caught.
    function test_WithoutIncarnationsARestoredStoreEquivocates() public {
        calls.forgetIncarnations();
        _campaign();
        assertEq(calls.broken("R2"), "the honest operator equivocated");
        assertFalse(calls.areBondsAsMirrored());
    }

    function _checkM3() private view {
        assertEq(calls.vouchersHold(), calls.vouchersOwe());
        assertEq(calls.broken("M3"), "");
    }

    function _checkM6() private view {
        assertEq(calls.receiptsHold(), calls.receiptsOwe());
        assertEq(calls.broken("M6"), "");
    }

    function _checkR2() private view {
        assertTrue(calls.areChannelsAsMirrored());
        assertTrue(calls.areBondsAsMirrored());
        assertEq(calls.broken("R2"), "");
    }

    /// @dev Everybody gets everything out, and whatever the authority does at this moment, ends with the same tokens.
    function _checkE1AndA1() private {
        uint256 here = vm.snapshotState();
        bytes32 undisturbed = calls.exit();
        _assertNothingBroken();
        vm.revertToState(here);
        calls.strike();
        assertEq(calls.exit(), undisturbed);
        _assertNothingBroken();
        vm.revertToState(here);
    }

    function _campaign() private {
        bytes4[] memory actions = calls.actions();
        for (uint256 i = 0; i < LONG_CAMPAIGN; ++i) {
            uint256 chance = uint256(keccak256(abi.encode("campaign", i)));
            bytes memory data = abi.encodePacked(actions[(chance >> 192) % actions.length], chance);
            (bool success, ) = address(calls).call(data);
            assertTrue(success);
        }
    }

    function _assertNothingBroken() private view {
        string[6] memory ids = ["M3", "M6", "R1", "R2", "E1", "A1"];
        for (uint256 i = 0; i < ids.length; ++i) {
            assertEq(calls.broken(ids[i]), "", ids[i]);
        }
    }
}
