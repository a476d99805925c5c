// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "@uniswap/v4-core/lib/forge-std/src/Test.sol";

import {NetworkHandler} from "../../support/invariants/NetworkHandler.sol";

/// @dev The runner only knows contracts that test files define.
contract NetworkCampaign is NetworkHandler {}

/// @notice The promises of `docs/invariants.md` after every step of random campaigns; the ids are the tests' names.
contract NetworkInvariantTest is Test {
    /// @dev A whole exit is dear, so it is tried at every so many steps.
    uint256 private constant EXIT_EVERY = 32;

    uint256 private constant LONG_CAMPAIGN = 5_000;

    // prettier-ignore
    string[] private reached = [
        "settled", "undelivered", "refunded", "slashed: minority", "slashed: silence", "slashed: withheld",
        "slashed: minority, withheld", "evict", "deliver", "endAgain", "revealEarly", "commit late", "matured",
        "withdraw stake", "harvest", "robOperator", "cancelNonces, live"
    ];

    NetworkCampaign internal network;

    function setUp() public {
        network = new NetworkCampaign();
        targetContract(address(network));
        targetSelector(FuzzSelector(address(network), network.actions()));
    }

    function invariant_M1() public view {
        assertEq(network.escrowHolds(), network.escrowOwes());
        assertEq(network.earningsGap(), 0);
    }

    function invariant_M2() public view {
        assertEq(network.stakingHolds(), network.stakingOwes());
        assertEq(network.broken("M2"), "");
    }

    function invariant_M4() public view {
        assertTrue(network.areStatusesAsLeft());
        assertEq(network.broken("M4"), "");
    }

    function invariant_M5() public view {
        assertEq(network.broken("M5"), "");
    }

    function invariant_S1() public view {
        assertTrue(network.areBondsCovered());
        assertTrue(network.areSharesAllocations());
        assertEq(network.broken("S1"), "");
    }

    function invariant_S2() public view {
        assertEq(network.broken("S2"), "");
    }

    function invariant_V1() public view {
        assertTrue(network.areSeatsLowest());
        assertEq(network.broken("V1"), "");
    }

    function invariant_V2() public view {
        assertTrue(network.areResultsHidden());
        assertEq(network.broken("V2"), "");
    }

    function invariant_V3() public view {
        assertEq(network.broken("V3"), "");
    }

    function invariant_E1() public {
        if (network.steps() % EXIT_EVERY != 0) return;
        uint256 here = vm.snapshotState();
        network.exit();
        _assertNothingBroken();
        vm.revertToState(here);
    }

    /// @dev Whatever the governor does at this moment, everybody ends with the same tokens.
    function invariant_A1() public {
        assertEq(network.broken("A1"), "");
        if (network.steps() % EXIT_EVERY != 0) return;
        uint256 here = vm.snapshotState();
        bytes32 undisturbed = network.exit();
        vm.revertToState(here);
        network.strike();
        assertEq(network.exit(), undisturbed);
        _assertNothingBroken();
        vm.revertToState(here);
    }

    /// @dev The same actions in a fixed order, to see that campaigns get everywhere: no promise holds for want of events.
    function test_CampaignsReachEveryState() public {
        bytes4[] memory actions = network.actions();
        for (uint256 i = 0; i < LONG_CAMPAIGN; ++i) {
            uint256 chance = uint256(keccak256(abi.encode("campaign", i)));
            bytes memory words = abi.encode(chance, chance >> 64, chance >> 128);
            (bool success, ) = address(network).call(bytes.concat(actions[(chance >> 192) % actions.length], words));
            assertTrue(success);
        }
        for (uint256 i = 0; i < reached.length; ++i) {
            assertGt(network.times(reached[i]), 0, reached[i]);
        }
        _assertNothingBroken();
    }

    function _assertNothingBroken() private view {
        string[10] memory ids = ["M2", "M4", "M5", "S1", "S2", "V1", "V2", "V3", "E1", "A1"];
        for (uint256 i = 0; i < ids.length; ++i) {
            assertEq(network.broken(ids[i]), "", ids[i]);
        }
    }
}
