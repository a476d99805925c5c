// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobStatus} from "../../../contracts/jobs/IJobEscrow.sol";
import {ModelListing} from "../../../contracts/models/IModelRegistry.sol";
import {Allocation, OperatorStake} from "../../../contracts/staking/IOperatorStaking.sol";
import {CommitRevealTerms, CommitRevealTermsLib} from "../../../contracts/types/CommitRevealTerms.sol";
import {Job} from "../../../contracts/types/Job.sol";
import {HostileConsumer} from "../../mocks/HostileConsumer.sol";
import {HostileVerifier} from "../../mocks/HostileVerifier.sol";
import {Network} from "../Network.sol";

/// @notice A job as its audience remembers it, from what was sent and which calls went through.
struct Play {
    Job job;
    bytes32 jobId;
    uint40 openedAt;
    uint64 openedBlock;
    uint192 seed; // under which it was drawn; zero until somebody was
    uint8 filledStep; // in which the last seat was first taken
    JobStatus end; // None while the job is open
    uint8 shown; // the kind of result that stands, once one does
    bool commitReveal; // false: the hostile verifier's
}

/// @notice A commit that went through, of a seat that may have been evicted since.
struct Pledge {
    uint32 operatorId;
    uint40 at;
    bytes32 resultHash;
    bytes32 salt;
    bytes32 commitment;
    uint8 kind; // which result, see `_resultOf`
    bool copied; // somebody else's commitment: can't be revealed
    bool revealed;
}

/// @notice What the actors of the invariant tests remember. Nothing here is read back from the contracts unless the
/// comparison is the point; `broken` says which promise was broken first, and how.
abstract contract NetworkGhost is Network {
    struct ShareAt {
        uint40 at;
        uint56 share;
    }

    uint256 internal constant PAYERS = 3;
    uint256 internal constant OPERATORS = 8; // the last one registers late
    uint256 internal constant KEYS = 3; // of each payer's nonces
    uint32 internal constant MAX_RESULT_BYTES = 96;
    address internal constant STRANGER = address(0x70);
    address internal constant PUBLISHER = address(0x71);
    address internal constant HEIR = address(0x72);

    HostileVerifier internal hostileVerifier;
    HostileConsumer internal hostileConsumer;
    bytes32[] internal modelIds;
    address[] internal accounts; // everyone who may have a ledger balance
    uint256[] internal payerKeys;
    address[] internal owners;
    uint256[] internal signerKeys; // of each operator, current; zero before it registers

    Play[] internal plays;
    uint256[] internal openPlays;
    mapping(uint256 play => Pledge[]) internal pledges;
    mapping(uint32 operatorId => ShareAt[]) internal shares;
    mapping(uint32 operatorId => mapping(address verifier => uint40)) internal lastLeftAt;
    uint256 internal donatedToEscrow;
    uint256 internal donatedToStaking;
    uint256 internal givenToVerifier; // ledger balance nobody earned

    /// @notice Actions so far.
    uint256 public steps;

    /// @notice How the first broken promise of this id was broken; empty while it holds.
    mapping(string id => string) public broken;
    /// @notice How often an action went through, or a state was reached.
    mapping(string what => uint256) public times;
    /// @notice How often an action was tried.
    mapping(string what => uint256) public tried;

    modifier step() {
        ++steps;
        _;
        _noteShares();
    }

    /* THE CAST */

    function _castActors() internal {
        hostileVerifier = new HostileVerifier(escrow);
        hostileConsumer = new HostileConsumer(escrow);
        accounts = [PUBLISHER, HEIR, PROTOCOL, GOVERNOR, address(this), address(escrow), address(staking)];
        accounts.push(address(verifier));
        accounts.push(address(hostileVerifier));
        accounts.push(address(hostileConsumer));
        for (uint256 i = 0; i < PAYERS; ++i) {
            payerKeys.push(0xa000 + i);
            _fund(vm.addr(0xa000 + i));
            vm.prank(vm.addr(0xa000 + i));
            escrow.deposit(vm.addr(0xa000 + i), 3_000e18);
        }
        _fund(STRANGER);
        for (uint256 i = 0; i < OPERATORS; ++i) {
            owners.push(vm.addr(0xb000 + i));
            signerKeys.push(0);
            _fund(owners[i]);
            if (i + 1 < OPERATORS) _enrol(i);
        }
        modelIds.push(_publish("steady", true, 50_000));
        modelIds.push(_publish("dear", true, 300_000));
        modelIds.push(_publish("loose", false, 0));
        vm.warp(block.timestamp + 10);
        vm.roll(block.number + 5);
    }

    function _fund(address account) private {
        accounts.push(account);
        opg.transfer(account, 100_000e18);
        vm.startPrank(account);
        opg.approve(address(escrow), type(uint256).max);
        opg.approve(address(staking), type(uint256).max);
        vm.stopPrank();
    }

    function _enrol(uint256 i) private {
        uint96 amount = uint96((200 + 137 * i) * 1e18);
        uint256 key = 0xc000 + i;
        bytes memory consent = _consent(owners[i], key);
        vm.startPrank(owners[i]);
        staking.register(vm.addr(key), block.timestamp, consent);
        staking.stake(amount + 50e18);
        staking.allowVerifier(address(verifier), type(uint96).max);
        verifier.join(amount);
        vm.stopPrank();
        signerKeys[i] = key;
        shares[uint32(i + 1)].push(ShareAt(uint40(block.timestamp), uint56(amount / 1e12)));
    }

    function _consent(address owner, uint256 key) internal view returns (bytes memory) {
        bytes32 hash = keccak256(abi.encode(staking.CONSENT_TYPEHASH(), owner, vm.addr(key), block.timestamp));
        return _sign(key, keccak256(abi.encodePacked("\x19\x01", staking.domainSeparator(), hash)));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _publish(string memory name, bool bitExact, uint32 royaltyPpm) private returns (bytes32) {
        vm.prank(PUBLISHER);
        return
            models.publish(
                ModelListing({
                    manifestHash: keccak256(bytes(name)),
                    graphRoot: 0,
                    weightRoot: 0,
                    bitExact: bitExact,
                    maxResultBytes: MAX_RESULT_BYTES,
                    price: 0,
                    royaltyPpm: royaltyPpm,
                    royaltyRecipient: HEIR
                }),
                name
            );
    }

    /* PROMISES */

    /// @dev Fuzzed words are often small; choices are cut out of every part of them.
    function _mix(uint256 word) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(word)));
    }

    function _promise(bool kept, string memory id, string memory what) internal {
        if (!kept && bytes(broken[id]).length == 0) broken[id] = what;
    }

    function _count(bool success, string memory what) internal {
        ++tried[what];
        if (success) ++times[what];
    }

    /// @dev At the end of every action. The last share of a second is the one that counts later.
    function _noteShares() internal {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            uint56 share = verifier.memberOf(id).share;
            uint256 length = shares[id].length;
            if (length > 0 && shares[id][length - 1].share == share) continue;
            if (length > 0 && shares[id][length - 1].at == block.timestamp) shares[id][length - 1].share = share;
            else if (length > 0 || share > 0) shares[id].push(ShareAt(uint40(block.timestamp), share));
        }
    }

    /// @notice Whether every bond that can still be slashed could be taken in full.
    function areBondsCovered() external view returns (bool) {
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            Allocation memory allocation = staking.allocationOf(id, address(verifier));
            uint256 cover = allocation.active + (block.timestamp < allocation.releasesAt ? allocation.leaving : 0);
            if (bondsOf(id, true) * 1e12 > cover) return false;
        }
        return true;
    }

    /* WHAT IS REMEMBERED OF A JOB */

    function _terms(uint256 i) internal view returns (CommitRevealTerms memory) {
        return CommitRevealTermsLib.unpack(plays[i].job.verifierData);
    }

    function _commitsCloseAt(uint256 i) internal view returns (uint256) {
        CommitRevealTerms memory terms = _terms(i);
        uint256 steps = pledges[i].length >= terms.committeeSize ? plays[i].filledStep : terms.maxWidening;
        return plays[i].openedAt + (steps + 1) * terms.commitWindowSeconds;
    }

    function _revealsCloseAt(uint256 i) internal view returns (uint256) {
        return _commitsCloseAt(i) + _terms(i).revealWindowSeconds;
    }

    function _settlesBy(uint256 i) internal view returns (uint256) {
        return _revealsCloseAt(i) + _terms(i).settleWindowSeconds;
    }

    function _shareBefore(uint32 operatorId, uint40 at) internal view returns (uint56 share) {
        ShareAt[] storage history = shares[operatorId];
        for (uint256 i = 0; i < history.length && history[i].at < at; ++i) {
            share = history[i].share;
        }
    }

    /// @dev The job's seed, if this is its seed block's hash.
    function _seedUnder(uint256 i, bytes32 blockHash) internal view returns (uint192) {
        return uint192(uint256(keccak256(abi.encode(blockHash, plays[i].jobId))) >> 64);
    }

    /// @dev What a commit brings of the seed it was drawn under.
    function _prefixUnder(uint256 i, bytes32 blockHash) internal view returns (uint64) {
        return uint64(_seedUnder(i, blockHash) >> 128);
    }

    function _ticket(uint192 seed, uint32 operatorId) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, operatorId))) >> 128;
    }

    /// @dev Drawn at this moment of the commit windows, by stake that was there strictly before the opening, of which
    /// the whole counts to ten binary digits.
    function _isDrawn(uint256 i, uint192 seed, uint32 operatorId) internal view returns (bool) {
        uint40 openedAt = plays[i].openedAt;
        uint256 total = 0;
        for (uint32 id = 1; id <= OPERATORS; ++id) {
            total += _shareBefore(id, openedAt);
        }
        uint256 step = (block.timestamp - openedAt) / _terms(i).commitWindowSeconds;
        uint256 width = (uint256(_terms(i).committeeSize) * 2) << step;
        uint256 share = _shareBefore(operatorId, openedAt);
        return _ticket(seed, operatorId) * _tenDigits(total) < (share * width) << 128;
    }

    function _lower(uint256 i, uint32 a, uint32 b) internal view returns (bool) {
        uint40 openedAt = plays[i].openedAt;
        return
            _ticket(plays[i].seed, a) * _shareBefore(b, openedAt) <
            _ticket(plays[i].seed, b) * _shareBefore(a, openedAt);
    }

    /// @notice Which pledges sit: the lowest draws of all that ever committed.
    function _seated(uint256 i) internal view returns (uint256[] memory seats) {
        Pledge[] storage all = pledges[i];
        uint256 size = _terms(i).committeeSize;
        seats = new uint256[](all.length < size ? all.length : size);
        uint256 taken = 0;
        for (uint256 a = 0; a < all.length; ++a) {
            uint256 lower = 0;
            for (uint256 b = 0; b < all.length; ++b) {
                if (b != a && _lower(i, all[b].operatorId, all[a].operatorId)) ++lower;
            }
            if (lower < size) seats[taken++] = a;
        }
    }

    /// @notice Bonds an operator has in open jobs, stake units.
    /// @param slashableOnly Only those of jobs young enough to slash
    function bondsOf(uint32 operatorId, bool slashableOnly) public view returns (uint256 bonds) {
        for (uint256 n = 0; n < openPlays.length; ++n) {
            uint256 i = openPlays[n];
            if (!plays[i].commitReveal || pledges[i].length == 0) continue;
            if (slashableOnly && block.timestamp > plays[i].openedAt + staking.MAX_LOCK_SECONDS()) continue;
            uint256[] memory seats = _seated(i);
            for (uint256 s = 0; s < seats.length; ++s) {
                if (pledges[i][seats[s]].operatorId == operatorId) bonds += _terms(i).bondUnits;
            }
        }
    }

    /* SUMS */

    /// @notice What the escrow must hold, donations aside.
    function escrowOwes() public view returns (uint256 owed) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            owed += escrow.balanceOf(accounts[i]);
        }
        for (uint256 i = 0; i < modelIds.length; ++i) {
            (uint128 royalty, uint128 protocolFee) = escrow.accrualsOf(modelIds[i]);
            owed += royalty + protocolFee;
        }
        for (uint256 i = 0; i < openPlays.length; ++i) {
            owed += plays[openPlays[i]].job.fee;
        }
    }

    function escrowHolds() public view returns (uint256) {
        return opg.balanceOf(address(escrow)) - donatedToEscrow;
    }

    /// @notice What staking must hold, donations aside.
    function stakingOwes() public view returns (uint256 owed) {
        owed = staking.awaitingBurn();
        for (uint32 id = 1; id <= staking.operatorCount(); ++id) {
            OperatorStake memory own = staking.stakeOf(id);
            owed += uint256(own.unallocated) + own.claimable + staking.allocationOf(id, address(0)).leaving;
            owed += _allocated(id, address(verifier)) + _allocated(id, address(hostileVerifier));
        }
    }

    function stakingHolds() public view returns (uint256) {
        return opg.balanceOf(address(staking)) - donatedToStaking;
    }

    function _allocated(uint32 operatorId, address at) internal view returns (uint256) {
        Allocation memory allocation = staking.allocationOf(operatorId, at);
        return uint256(allocation.active) + allocation.leaving;
    }
}
