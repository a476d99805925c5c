// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What an operator has allocated to one verifier (or, under verifier zero, unbonds without one).
struct Allocation {
    uint96 active; // OPG base units the verifier may slash
    uint96 leaving; // still slashable until releasesAt, withdrawable after
    uint40 releasesAt; // unix seconds
}

/// @notice An operator's own money.
struct OperatorStake {
    address owner; // the only one who can move stake
    uint96 unallocated; // backs nothing yet
    uint96 active; // unallocated + all allocations' active part
    uint96 claimable; // matured stake, earnings, parts of slashes: withdrawable now
}

/// @title Stakes of operators
/// @notice Stake backs at most one verifier at a time. Verifiers that governance permits and an operator allows
/// can allocate, deallocate and slash what is allocated to them, and nothing else. Leaving takes unbonding time,
/// stays slashable meanwhile, and is never refused or paused. Amounts are OPG base units.
interface IOperatorStaking {
    event OperatorRegistered(uint32 indexed operatorId, address indexed owner, address indexed signer);
    event SignerRotated(uint32 indexed operatorId, address indexed signer);
    event Staked(uint32 indexed operatorId, uint256 amount);
    event VerifierAllowed(uint32 indexed operatorId, address indexed verifier, uint256 max);
    event Allocated(uint32 indexed operatorId, address indexed verifier, uint256 amount);
    event Deallocated(uint32 indexed operatorId, address indexed verifier, uint256 amount, uint40 releasesAt);
    event Released(uint32 indexed operatorId, address indexed verifier, uint256 amount);
    event Slashed(uint32 indexed operatorId, address indexed verifier, uint256 amount, uint256 burnt);
    event Rewarded(uint32 indexed operatorId, uint256 amount);
    event Harvested(uint32 indexed operatorId, address indexed verifier, uint256 amount);
    event Withdrawn(uint32 indexed operatorId, address indexed to, uint256 amount);
    event Burnt(uint256 amount);
    event VerifierPermitted(address indexed verifier, bool permitted);
    event UnbondingChanged(uint256 unbondingSeconds);
    event NewStakesPaused(bool paused);

    error ZeroAddress();
    error InvalidRecipient(address account);
    error NotAToken(address token);
    error TokenTookFee(uint256 received, uint256 amount);
    error StakesPaused();
    error AlreadyRegistered(address owner, uint32 operatorId);
    error NotRegistered(address owner);
    error UnknownOperator(uint32 operatorId);
    error SignerTaken(address signer, uint32 operatorId);
    error InvalidSignerConsent(address signer);
    error ConsentExpired(uint256 deadline);
    error VerifierNotPermitted(address verifier);
    error InsufficientAllowance(uint256 allowance, uint256 amount);
    error InsufficientStake(uint256 stake, uint256 amount);
    error StillUnbonding(uint256 releasesAt);
    error UnbondingOutOfRange(uint256 unbondingSeconds, uint256 min, uint256 max);

    /// @notice Registers the caller as an operator. Anyone, once.
    /// @param signer The key the operator's node signs with; once used it belongs to this operator for ever
    /// @param deadline Unix seconds until which the consent holds
    /// @param consent The signer's EIP-712 signature over `SignerConsent(address owner,address signer,uint256
    /// deadline)`; empty when the signer is the caller
    function register(address signer, uint256 deadline, bytes calldata consent) external returns (uint32 operatorId);

    /// @notice Changes the signer from the next second on; the old one stays answerable for what it signed. Owner only.
    function rotateSigner(address signer, uint256 deadline, bytes calldata consent) external;

    /// @notice Adds the caller's tokens to its own stake. Owner only.
    function stake(uint256 amount) external;

    /// @notice `stake` with an ERC-2612 permit of the caller. A permit that was already used does not block it.
    function stakeWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Lets a verifier hold up to `max` of active allocation. Owner only; zero to forbid more.
    function allowVerifier(address verifier, uint96 max) external;

    /// @notice Starts unbonding stake that backs no verifier. Owner only.
    function unbond(uint96 amount) external;

    /// @notice Makes matured unbonding claimable. Anyone.
    /// @param verifier The verifier left, or zero for stake that backed none
    function release(uint32 operatorId, address verifier) external returns (uint256 amount);

    /// @notice Brings in what an operator has earned at a verifier. Anyone.
    function harvest(uint32 operatorId, address verifier) external returns (uint256 amount);

    /// @notice Pays out everything claimable. Owner only; never paused.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Sends what was slashed to be burnt to the dead address. Anyone.
    function burn() external returns (uint256 amount);

    /// @notice Takes unallocated stake into the caller's allocation. Permitted and allowed verifiers only.
    function allocate(uint32 operatorId, uint96 amount) external;

    /// @notice Moves the caller's allocation into unbonding. Verifiers only; works for ones no longer permitted.
    function deallocate(uint32 operatorId, uint96 amount) external;

    /// @notice Takes up to `amount` from what is allocated to the caller: active first, then what is leaving.
    /// At least half is burnt, the rest is divided equally among `beneficiaries`. Verifiers only.
    /// @return fromActive How much came from the active part
    /// @return fromLeaving How much came from the leaving part
    function slash(
        uint32 operatorId,
        uint96 amount,
        uint32[] calldata beneficiaries
    ) external returns (uint96 fromActive, uint96 fromLeaving);

    /// @notice Permits or forbids new allocations to a verifier; existing ones can still leave and be slashed.
    /// Authority only.
    function permitVerifier(address verifier, bool permitted) external;

    /// @notice Unbonding time of what leaves from now on, seconds, within constant bounds. Authority only.
    function setUnbondingSeconds(uint40 unbondingSeconds) external;

    /// @notice Stops or allows new registrations, stakes and allocations, never exits. Authority only.
    function setPaused(bool paused) external;

    /// @notice The operator owned by this account; zero if none.
    function operatorOf(address owner) external view returns (uint32);

    /// @notice The operator a signer belongs or belonged to; zero if none.
    function operatorOfSigner(address signer) external view returns (uint32);

    /// @notice Owner and own money of an operator.
    function stakeOf(uint32 operatorId) external view returns (OperatorStake memory);

    /// @notice What an operator has allocated to a verifier.
    function allocationOf(uint32 operatorId, address verifier) external view returns (Allocation memory);

    /// @notice The current signer.
    function signerOf(uint32 operatorId) external view returns (address);

    /// @notice The signer that counts in second `timestamp`; zero if none yet. A new one counts from the second after its
    /// transaction, so that the answer for the present second never changes.
    function signerAt(uint32 operatorId, uint48 timestamp) external view returns (address);

    /// @notice Own active stake at the end of second `timestamp`.
    function stakeAt(uint32 operatorId, uint48 timestamp) external view returns (uint256);
}
