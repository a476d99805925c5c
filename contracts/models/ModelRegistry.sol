// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IModelRegistry, ModelListing, ModelTerms} from "./IModelRegistry.sol";

/// @title ModelRegistry
/// @notice Called by publishers. A part of `JobEscrow`, which reads a model's terms whenever a job opens: apart from
/// it, that would be a call to a second contract with each job. Knows nothing of jobs and holds no money.
abstract contract ModelRegistry is IModelRegistry, AccessManaged {
    struct Model {
        ModelTerms terms; // slot 0: all that opening a job reads
        address publisher; // slot 1
        address royaltyRecipient; // slot 2
    }

    /* CONSTANTS */

    /// @notice Highest royalty a publisher can ask, parts per million of the fee.
    uint32 public constant MAX_ROYALTY_PPM = 300_000;
    /// @notice Highest `maxResultBytes`, and largest result the escrow emits and hands to a consumer.
    uint256 public constant MAX_RESULT_BYTES = 16_384;

    /* STORAGE */

    /// @notice Whether publishing is stopped.
    bool public modelsPaused;
    mapping(bytes32 modelId => Model) private _models;

    /* PUBLISHERS */

    /// @inheritdoc IModelRegistry
    function publish(ModelListing calldata listing, string calldata manifestUri) external returns (bytes32 modelId) {
        require(!modelsPaused, NewModelsPaused());
        require(
            listing.maxResultBytes > 0 && listing.maxResultBytes <= MAX_RESULT_BYTES,
            ResultBoundOutOfRange(listing.maxResultBytes, MAX_RESULT_BYTES)
        );
        _checkRoyalty(listing.royaltyPpm);
        require(listing.royaltyRecipient != address(0), ZeroRoyaltyRecipient());
        modelId = modelIdOf(msg.sender, listing);
        Model storage model = _models[modelId];
        require(!model.terms.published, ModelAlreadyPublished(modelId));

        model.terms = ModelTerms({
            price: listing.price,
            royaltyPpm: listing.royaltyPpm,
            maxResultBytes: listing.maxResultBytes,
            bitExact: listing.bitExact,
            retired: false,
            published: true
        });
        model.publisher = msg.sender;
        model.royaltyRecipient = listing.royaltyRecipient;
        emit ModelPublished(modelId, msg.sender, listing.manifestHash, manifestUri, listing);
    }

    /// @inheritdoc IModelRegistry
    function setPrice(bytes32 modelId, uint96 price, uint32 royaltyPpm) external {
        Model storage model = _ownModel(modelId);
        _checkRoyalty(royaltyPpm);
        model.terms.price = price;
        model.terms.royaltyPpm = royaltyPpm;
        emit ModelPriced(modelId, price, royaltyPpm);
    }

    /// @inheritdoc IModelRegistry
    function setRoyaltyRecipient(bytes32 modelId, address royaltyRecipient) external {
        Model storage model = _ownModel(modelId);
        require(royaltyRecipient != address(0), ZeroRoyaltyRecipient());
        model.royaltyRecipient = royaltyRecipient;
        emit RoyaltyRecipientChanged(modelId, royaltyRecipient);
    }

    /// @inheritdoc IModelRegistry
    function retire(bytes32 modelId) external {
        _ownModel(modelId).terms.retired = true;
        emit ModelRetired(modelId);
    }

    /* AUTHORITY */

    /// @inheritdoc IModelRegistry
    function setModelsPaused(bool paused) external restricted {
        modelsPaused = paused;
        emit PublishingPaused(paused);
    }

    /* VIEWS */

    /// @inheritdoc IModelRegistry
    function termsOf(bytes32 modelId) public view returns (ModelTerms memory) {
        return _models[modelId].terms;
    }

    /// @inheritdoc IModelRegistry
    function royaltyRecipientOf(bytes32 modelId) public view returns (address) {
        return _models[modelId].royaltyRecipient;
    }

    /// @inheritdoc IModelRegistry
    function publisherOf(bytes32 modelId) external view returns (address) {
        return _models[modelId].publisher;
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(address publisher, ModelListing calldata listing) public pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    publisher,
                    listing.manifestHash,
                    listing.graphRoot,
                    listing.weightRoot,
                    listing.bitExact,
                    listing.maxResultBytes
                )
            );
    }

    /* INTERNAL */

    function _termsOf(bytes32 modelId) internal view returns (ModelTerms storage) {
        return _models[modelId].terms;
    }

    function _ownModel(bytes32 modelId) private view returns (Model storage model) {
        model = _models[modelId];
        require(model.terms.published, ModelUnknown(modelId));
        require(msg.sender == model.publisher, NotPublisher(msg.sender, model.publisher));
    }

    function _checkRoyalty(uint32 royaltyPpm) private pure {
        require(royaltyPpm <= MAX_ROYALTY_PPM, RoyaltyTooHigh(royaltyPpm, MAX_ROYALTY_PPM));
    }
}
