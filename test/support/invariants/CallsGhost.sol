// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch} from "../../../contracts/calls/IReceiptLog.sol";
import {JobEscrow} from "../../../contracts/jobs/JobEscrow.sol";
import {OperatorStaking} from "../../../contracts/staking/OperatorStaking.sol";
import {ReenteringToken} from "../../mocks/ReenteringToken.sol";
import {CallsFixture} from "../CallsFixture.sol";

/// @notice A channel as its parties remember it.
struct Lane {
    address payer;
    uint256 payerKey;
    address signer; // of vouchers
    uint256 key;
    uint8 operator;
    uint24 opening;
    uint96 deposited;
    uint96 paid;
    uint96 highest; // voucher shown while the channel was open
    uint40 exitsAt;
}

/// @notice A receipt that was handed out.
struct Issued {
    uint8 operator;
    uint64 sequence;
    uint40 issuedAt;
    uint32 salt; // what it says
    uint256 key; // signed it
    uint256 batch; // one more than its place in `anchored`; zero: in none
    uint40 challengedAt;
    bool open;
}

/// @notice A batch that was anchored, and what is in it.
struct Anchored {
    Batch batch;
    uint40 at;
    uint256[] ids;
}

/// @notice An equivocation that was shown and has not cost the whole slash yet.
struct Owed {
    uint256 id; // of its receipt
    uint256 how; // it was shown
    uint256 rest;
}

/// @notice What the actors of the campaigns over calls remember; `broken` says which promise was broken first, and how.
/// The token is a hostile one. The first operator is honest, the second is not.
abstract contract CallsGhost is CallsFixture {
    uint8 internal constant HONEST = 0;
    uint8 internal constant LIAR = 1;
    uint256 internal constant PAYERS = 2;
    address internal constant CHALLENGER = address(0xc4);

    ReenteringToken internal token;
    Lane[] internal lanes;
    Issued[] internal issued;
    uint256[][2] internal issuedBy;
    uint256[][2] internal pending; // not anchored
    Anchored[] internal anchored;
    uint256[] internal openChallenges;
    Owed[] internal owed;
    uint256[2] internal anchorsFrom; // when it may anchor again
    uint256[2] internal earned; // not harvested
    uint256[2] internal harvestedOf;
    uint256 internal slashed; // from the liar
    uint256 internal donatedToVouchers;
    uint256 internal donatedToReceipts;
    uint256 internal openBonds;
    uint256[2] internal spent; // by payers, claimed for good

    /// @notice Actions so far.
    uint256 public steps;
    /// @notice How the first broken promise of this id was broken; empty while it holds.
    mapping(string id => string) public broken;
    /// @notice How often something happened.
    mapping(string what => uint256) public times;

    modifier step() {
        ++steps;
        _;
    }

    function _castCalls() internal {
        _deployNetwork();
        token = new ReenteringToken(1e27);
        opg = token;
        escrow = JobEscrow(_deploy("JobEscrow", abi.encode(token, authority, PROTOCOL, 0)));
        staking = OperatorStaking(_deploy("OperatorStaking", abi.encode(token, escrow, authority, UNBONDING_SECONDS)));
        _wireCalls();
        _addOperator();
        _addOperator();
        _giveTokens(CHALLENGER);
        for (uint256 i = 0; i < PAYERS; ++i) {
            _giveTokens(vm.addr(0xa000 + i));
            _castPayer(vm.addr(0xa000 + i), 0xa000 + i, vm.addr(0xb000), 0xb000);
        }
        vm.warp(block.timestamp + 1 days);
    }

    /// @dev Toward each operator. All payers have the same key: a voucher names the payer, and the slot is the payer's.
    function _castPayer(address account, uint256 accountKey, address signer, uint256 key) private {
        lanes.push(Lane(account, accountKey, signer, key, HONEST, 0, 0, 0, 0, 0));
        lanes.push(Lane(account, accountKey, signer, key, LIAR, 0, 0, 0, 0, 0));
    }

    function _count(string memory what) internal {
        ++times[what];
    }

    function _promise(bool kept, string memory id, string memory how) internal {
        if (!kept && bytes(broken[id]).length == 0) broken[id] = how;
    }

    /// @dev Of a call that must be refused.
    function _mustFail(address from, address to, bytes memory data, string memory id, string memory how) internal {
        vm.prank(from);
        (bool success, ) = to.call(data);
        _promise(!success, id, how);
    }

    function _tryAs(address from, address to, bytes memory data) internal returns (bool success) {
        vm.prank(from);
        (success, ) = to.call(data);
    }

    /// @dev Spreads what the fuzzer likes to repeat.
    function _mix(uint256 value) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(value, steps)));
    }
}
