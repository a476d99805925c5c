// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a publisher says of a model. The first five fields and the publisher are the model's identity.
struct ModelListing {
    bytes32 manifestHash; // keccak256 of the canonical manifest
    bytes32 graphRoot; // zero until an on-chain referee uses it
    bytes32 weightRoot; // zero until an on-chain referee uses it
    bool bitExact; // every machine gives the same bytes
    uint32 maxResultBytes; // upper bound of a result, bytes
    uint96 price; // lowest fee of a job, OPG base units
    uint32 royaltyPpm; // of each fee, to `royaltyRecipient`
    address royaltyRecipient;
}

/// @notice What a job must meet, as it stands now.
struct ModelTerms {
    uint96 price; // OPG base units
    uint32 royaltyPpm;
    uint32 maxResultBytes;
    bool bitExact;
    bool retired;
    bool published;
}

/// @title Register of models
/// @notice Content-addressed: `modelId` hashes the publisher and everything verifiers rely on, so nobody can publish
/// somebody else's id first and what verifiers rely on can't be changed. Price and royalty can; a job carries the
/// ones its payer signed.
interface IModelRegistry {
    event ModelPublished(
        bytes32 indexed modelId,
        address indexed publisher,
        bytes32 manifestHash,
        string manifestUri,
        ModelListing listing
    );
    event ModelPriced(bytes32 indexed modelId, uint96 price, uint32 royaltyPpm);
    event RoyaltyRecipientChanged(bytes32 indexed modelId, address royaltyRecipient);
    event ModelRetired(bytes32 indexed modelId);
    event PublishingPaused(bool paused);

    error ModelAlreadyPublished(bytes32 modelId);
    error ModelUnknown(bytes32 modelId);
    error NotPublisher(address caller, address publisher);
    error RoyaltyTooHigh(uint256 royaltyPpm, uint256 maxRoyaltyPpm);
    error ResultBoundOutOfRange(uint256 maxResultBytes, uint256 limit);
    error ZeroRoyaltyRecipient();
    error NewModelsPaused();

    /// @notice Lists a model under its id. Anyone; the caller becomes the publisher.
    /// @param manifestUri Where the manifest can be fetched; only in the event, checked by its hash
    /// @return modelId See `modelIdOf`
    function publish(ModelListing calldata listing, string calldata manifestUri) external returns (bytes32 modelId);

    /// @notice Changes the terms of jobs opened from now on. Publisher only.
    /// @param price Lowest fee, OPG base units
    function setPrice(bytes32 modelId, uint96 price, uint32 royaltyPpm) external;

    /// @notice Changes who gets royalties, including those not claimed yet. Publisher only.
    function setRoyaltyRecipient(bytes32 modelId, address royaltyRecipient) external;

    /// @notice No new jobs for this model, for ever; open ones end as usual. Publisher only.
    function retire(bytes32 modelId) external;

    /// @notice Stops or allows publishing. Authority only (`AccessManager`); open jobs and claims are untouched.
    function setModelsPaused(bool paused) external;

    /// @notice Terms for a new job, all zero for an unknown model.
    function termsOf(bytes32 modelId) external view returns (ModelTerms memory);

    /// @notice Who gets the model's royalties; zero for an unknown model.
    function royaltyRecipientOf(bytes32 modelId) external view returns (address);

    /// @notice Who published the model; zero for an unknown one.
    function publisherOf(bytes32 modelId) external view returns (address);

    /// @notice keccak256(abi.encode(publisher, manifestHash, graphRoot, weightRoot, bitExact, maxResultBytes)).
    function modelIdOf(address publisher, ModelListing calldata listing) external pure returns (bytes32);
}
