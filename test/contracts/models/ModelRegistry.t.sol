// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IModelRegistry, ModelListing, ModelTerms} from "../../../contracts/models/IModelRegistry.sol";
import {Network} from "../../support/Network.sol";

contract ModelRegistryTest is Network {
    address private publisher = makeAddr("publisher");
    address private rival = makeAddr("rival");
    address private recipient = makeAddr("recipient");

    function setUp() public {
        _deployNetwork();
    }

    /* PUBLISH */

    function test_PublishesUnderItsContentAddress() public {
        ModelListing memory listing = _listing();
        bytes32 wanted = keccak256(
            abi.encode(publisher, listing.manifestHash, listing.graphRoot, listing.weightRoot, true, uint32(40))
        );
        vm.expectEmit(address(models));
        emit IModelRegistry.ModelPublished(wanted, publisher, listing.manifestHash, "ipfs://m", listing);
        vm.prank(publisher);
        bytes32 modelId = models.publish(listing, "ipfs://m");

        assertEq(modelId, wanted);
        assertEq(models.modelIdOf(publisher, listing), wanted);
        assertEq(models.publisherOf(modelId), publisher);
        assertEq(models.royaltyRecipientOf(modelId), recipient);
        ModelTerms memory terms = models.termsOf(modelId);
        assertEq(terms.price, listing.price);
        assertEq(terms.royaltyPpm, listing.royaltyPpm);
        assertEq(terms.maxResultBytes, listing.maxResultBytes);
        assertTrue(terms.bitExact);
        assertFalse(terms.retired);
        assertTrue(terms.published);
    }

    function test_UnknownModelHasNoTerms() public view {
        assertFalse(models.termsOf("unknown").published);
        assertEq(models.publisherOf("unknown"), address(0));
        assertEq(models.royaltyRecipientOf("unknown"), address(0));
    }

    /// A copied listing published first gets another id, so the publisher's own is still free.
    function test_FrontRunPublishTakesNothing() public {
        vm.prank(rival);
        bytes32 copied = models.publish(_listing(), "ipfs://m");
        bytes32 modelId = _publish(_listing());
        assertNotEq(modelId, copied);
        assertEq(models.publisherOf(modelId), publisher);
    }

    function test_RevertWhen_PublishedTwice() public {
        bytes32 modelId = _publish(_listing());
        ModelListing memory dearer = _listing();
        dearer.price += 1;
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelAlreadyPublished.selector, modelId));
        models.publish(dearer, "ipfs://m");
    }

    function test_RevertWhen_ARetiredModelIsPublishedAgain() public {
        bytes32 modelId = _publish(_listing());
        vm.startPrank(publisher);
        models.retire(modelId);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelAlreadyPublished.selector, modelId));
        models.publish(_listing(), "ipfs://m");
        vm.stopPrank();
    }

    function test_RevertWhen_RoyaltyIsTooHigh() public {
        ModelListing memory listing = _listing();
        listing.royaltyPpm = 300_001;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RoyaltyTooHigh.selector, 300_001, 300_000));
        models.publish(listing, "");
    }

    function test_RevertWhen_ResultBoundIsZero() public {
        ModelListing memory listing = _listing();
        listing.maxResultBytes = 0;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ResultBoundOutOfRange.selector, 0, 16_384));
        models.publish(listing, "");
    }

    function test_RevertWhen_ResultBoundIsAboveTheEscrows() public {
        ModelListing memory listing = _listing();
        listing.maxResultBytes = 16_385;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ResultBoundOutOfRange.selector, 16_385, 16_384));
        models.publish(listing, "");
    }

    function test_RevertWhen_NobodyGetsTheRoyalty() public {
        ModelListing memory listing = _listing();
        listing.royaltyRecipient = address(0);
        vm.expectRevert(IModelRegistry.ZeroRoyaltyRecipient.selector);
        models.publish(listing, "");
    }

    function testFuzz_AnyChangeOfIdentityChangesTheId(
        ModelListing memory a,
        ModelListing memory b,
        address by
    ) public view {
        bool same =
            a.manifestHash == b.manifestHash &&
                a.graphRoot == b.graphRoot &&
                a.weightRoot == b.weightRoot &&
                a.bitExact == b.bitExact &&
                a.maxResultBytes == b.maxResultBytes;
        assertEq(models.modelIdOf(by, a) == models.modelIdOf(by, b), same);
        if (by != publisher) assertNotEq(models.modelIdOf(by, a), models.modelIdOf(publisher, a));
    }

    function testFuzz_TermsAreNoPartOfTheIdentity(uint96 price, uint32 royaltyPpm, address to) public view {
        ModelListing memory listing = _listing();
        bytes32 modelId = models.modelIdOf(publisher, listing);
        (listing.price, listing.royaltyPpm, listing.royaltyRecipient) = (price, royaltyPpm, to);
        assertEq(models.modelIdOf(publisher, listing), modelId);
    }

    /* PRICE, RECIPIENT, RETIRE */

    function test_PublisherChangesPrice() public {
        bytes32 modelId = _publish(_listing());
        vm.expectEmit(address(models));
        emit IModelRegistry.ModelPriced(modelId, 9, 300_000);
        vm.prank(publisher);
        models.setPrice(modelId, 9, 300_000);
        assertEq(models.termsOf(modelId).price, 9);
        assertEq(models.termsOf(modelId).royaltyPpm, 300_000);
        assertTrue(models.termsOf(modelId).bitExact);
    }

    function test_RevertWhen_PricedWithTooHighARoyalty() public {
        bytes32 modelId = _publish(_listing());
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RoyaltyTooHigh.selector, 300_001, 300_000));
        models.setPrice(modelId, 9, 300_001);
    }

    function test_PublisherChangesRecipient() public {
        bytes32 modelId = _publish(_listing());
        vm.expectEmit(address(models));
        emit IModelRegistry.RoyaltyRecipientChanged(modelId, rival);
        vm.startPrank(publisher);
        models.setRoyaltyRecipient(modelId, rival);
        assertEq(models.royaltyRecipientOf(modelId), rival);

        vm.expectRevert(IModelRegistry.ZeroRoyaltyRecipient.selector);
        models.setRoyaltyRecipient(modelId, address(0));
        vm.stopPrank();
    }

    function test_RetiringKeepsTheTerms() public {
        bytes32 modelId = _publish(_listing());
        vm.expectEmit(address(models));
        emit IModelRegistry.ModelRetired(modelId);
        vm.prank(publisher);
        models.retire(modelId);
        assertTrue(models.termsOf(modelId).retired);
        assertTrue(models.termsOf(modelId).published);
        assertEq(models.royaltyRecipientOf(modelId), recipient);
    }

    function test_RevertWhen_SomebodyElseChangesAModel() public {
        bytes32 modelId = _publish(_listing());
        bytes memory wanted = abi.encodeWithSelector(IModelRegistry.NotPublisher.selector, GOVERNOR, publisher);
        vm.startPrank(GOVERNOR);
        vm.expectRevert(wanted);
        models.setPrice(modelId, 1, 1);
        vm.expectRevert(wanted);
        models.setRoyaltyRecipient(modelId, rival);
        vm.expectRevert(wanted);
        models.retire(modelId);
        vm.stopPrank();
    }

    function test_RevertWhen_ModelIsUnknown() public {
        bytes memory wanted = abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, bytes32("unknown"));
        vm.expectRevert(wanted);
        models.setPrice("unknown", 1, 1);
        vm.expectRevert(wanted);
        models.setRoyaltyRecipient("unknown", rival);
        vm.expectRevert(wanted);
        models.retire("unknown");
    }

    /* PAUSE */

    function test_PauseStopsOnlyPublishing() public {
        bytes32 modelId = _publish(_listing());
        vm.expectEmit(address(models));
        emit IModelRegistry.PublishingPaused(true);
        vm.prank(GOVERNOR);
        models.setModelsPaused(true);
        assertTrue(escrow.modelsPaused());

        ModelListing memory another = _listing();
        another.manifestHash = "another";
        vm.startPrank(publisher);
        vm.expectRevert(IModelRegistry.NewModelsPaused.selector);
        models.publish(another, "");
        models.setPrice(modelId, 1, 1);
        models.setRoyaltyRecipient(modelId, rival);
        models.retire(modelId);
        vm.stopPrank();

        vm.prank(GOVERNOR);
        models.setModelsPaused(false);
        _publish(another);
    }

    function test_RevertWhen_AStrangerPauses() public {
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, rival));
        models.setModelsPaused(true);
    }

    function _publish(ModelListing memory listing) private returns (bytes32) {
        vm.prank(publisher);
        return models.publish(listing, "ipfs://m");
    }

    function _listing() private view returns (ModelListing memory) {
        return
            ModelListing({
                manifestHash: keccak256("manifest"),
                graphRoot: keccak256("graph"),
                weightRoot: keccak256("weights"),
                bitExact: true,
                maxResultBytes: 40,
                price: 5,
                royaltyPpm: 100_000,
                royaltyRecipient: recipient
            });
    }
}
