// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "@uniswap/v4-core/lib/forge-std/src/Vm.sol";

import {IVoucherEscrow, Skipped} from "../../../contracts/calls/IVoucherEscrow.sol";
import {Funding} from "../../../contracts/types/Channel.sol";
import {Voucher, VoucherLib} from "../../../contracts/types/Voucher.sol";
import {CallsFixture} from "../../support/CallsFixture.sol";

/// Claiming vouchers: what pays, what is skipped, what is partly paid.
contract VoucherEscrowClaimTest is CallsFixture {
    uint96 private constant TOTAL = 10 ether;

    function setUp() public override {
        super.setUp();
        _fund(TOTAL);
    }

    /* WHAT PAYS */

    function test_AVoucherPays() public {
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VouchersClaimed(operators[0].id, 3 ether);
        vm.prank(stranger);
        assertEq(_claim(_voucher(1, 3 ether)), 3 ether);
        _assertChannel(1, TOTAL, 3 ether, 0);
        assertEq(_earnings(), 3 ether);
        assertEq(vouchers.earningsOf(operators[1].id), 0);
        assertEq(opg.balanceOf(address(vouchers)), TOTAL, "tokens stay");
    }

    function test_ALaterVoucherPaysTheDifference() public {
        _claim(_voucher(1, 3 ether));
        assertEq(_claim(_voucher(1, 3 ether + 1)), 1);
        _assertChannel(1, TOTAL, 3 ether + 1, 0);
        assertEq(_earnings(), 3 ether + 1);
    }

    function test_AVoucherForAllPaysAll() public {
        assertEq(_claim(_voucher(1, TOTAL)), TOTAL);
        _assertChannel(1, TOTAL, TOTAL, 0);
    }

    /// What pays nothing tells of no claim.
    function test_AnEmptyBatchPaysNothing() public {
        vm.recordLogs();
        assertEq(_claim(""), 0);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    /// The highest promise there can be, out of all the tokens there are.
    function test_EveryTokenCanBeClaimed() public {
        opg.transfer(payer, opg.balanceOf(address(this)));
        uint96 all = uint96(TOTAL + opg.balanceOf(payer));
        _fund(all);
        assertEq(_claim(_voucher(1, type(uint96).max)), all);
        staking.harvest(operators[0].id, address(vouchers));
        assertEq(staking.stakeOf(operators[0].id).claimable, all);
        assertEq(opg.balanceOf(address(vouchers)), 0);
        _exit();
        assertEq(opg.balanceOf(payer), 0);
    }

    /// One promise in a batch many times over pays once.
    function test_ARepeatedVoucherPaysOnce() public {
        bytes memory voucher = _voucher(1, 5 ether);
        assertEq(_claim(bytes.concat(voucher, voucher, voucher)), 5 ether);
        assertEq(_claim(voucher), 0);
        assertEq(_earnings(), 5 ether);
    }

    /// Whatever the order, what is paid is the highest promise, capped by what the channel holds.
    function testFuzz_AnyOrderPaysTheHighest(uint96[8] memory amounts, bool inOneBatch) public {
        bytes memory batch;
        uint256 highest = 0;
        uint256 paid = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint96 amount = uint96(bound(amounts[i], 0, uint256(TOTAL) + TOTAL / 2));
            if (amount > highest) highest = amount;
            if (inOneBatch) batch = bytes.concat(batch, _voucher(1, amount));
            else paid += _claim(_voucher(1, amount));
            uint256 due = highest < TOTAL ? highest : TOTAL;
            if (!inOneBatch) assertEq(paid, due);
        }
        if (inOneBatch) paid = _claim(batch);
        highest = highest < TOTAL ? highest : TOTAL;
        assertEq(paid, highest);
        assertEq(_earnings(), highest);
        _assertChannel(1, TOTAL, highest, 0);
    }

    /// A batch is worth what its vouchers are worth one after another, whatever it is made of.
    function testFuzz_ABatchIsTheSumOfItsVouchers(uint256[6] memory how) public {
        _openSecond();
        bytes[] memory parts = new bytes[](how.length);
        bytes memory batch;
        for (uint256 i = 0; i < how.length; ++i) {
            parts[i] = _anyVoucher(how[i]);
            batch = bytes.concat(batch, parts[i]);
        }
        uint256 here = vm.snapshotState();
        uint256 amount = _claim(batch);
        assertEq(_earnings(), amount);
        uint256 claimed = _channel().claimed;
        vm.revertToState(here);
        uint256 sum = 0;
        for (uint256 i = 0; i < parts.length; ++i) sum += _claim(parts[i]);
        assertEq(sum, amount);
        assertEq(_earnings(), amount);
        assertEq(_channel().claimed, claimed);
    }

    /// @dev Of one of two channels, or of none.
    function _anyVoucher(uint256 how) private view returns (bytes memory) {
        uint96 amount = uint96((how >> 32) % (TOTAL + TOTAL / 4));
        uint24 opening = how % 5 == 0 ? 2 : 1;
        address who = (how >> 8) % 2 == 0 ? payer : stranger;
        uint256 key = (how >> 16) % 5 == 0 ? payerKey : voucherKey;
        return _voucherBy(key, Voucher(who, operators[0].id, opening, amount));
    }

    function _openSecond() private {
        _giveTokens(stranger);
        Funding memory funding = _funding(TOTAL / 2);
        funding.payer = stranger;
        _fund(funding);
    }

    /* PARTLY PAID */

    function test_AnUnderfundedVoucherIsPartlyPaid() public {
        _claim(_voucher(1, 1 ether));
        bytes memory batch = bytes.concat(_voucher(1, 2 ether), _voucher(1, TOTAL + 5 ether));
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VoucherPartlyPaid(operators[0].id, payer, 1, 5 ether);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VouchersClaimed(operators[0].id, TOTAL - 1 ether);
        assertEq(_claim(batch), TOTAL - 1 ether);
        _assertChannel(1, TOTAL, TOTAL, 0);

        _fund(TOTAL + 2 ether); // the rest, as far as it goes
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VoucherPartlyPaid(operators[0].id, payer, 0, 3 ether);
        assertEq(_claim(_voucher(1, TOTAL + 5 ether)), 2 ether);
        _fund(TOTAL + 5 ether);
        assertEq(_claim(_voucher(1, TOTAL + 5 ether)), 3 ether);
        _assertChannel(1, TOTAL + 5 ether, TOTAL + 5 ether, 0);
    }

    function test_TheHighestPromisePaysWhatThereIs() public {
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VoucherPartlyPaid(operators[0].id, payer, 0, type(uint96).max - TOTAL);
        assertEq(_claim(_voucher(1, type(uint96).max)), TOTAL);
    }

    /// Where nothing is left it is skipped, once, and not partly paid as well.
    function test_AVoucherOfAnEmptiedChannelIsSkipped() public {
        _claim(_voucher(1, TOTAL));
        vm.recordLogs();
        assertEq(_claim(_voucher(1, TOTAL + 1)), 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        assertEq(logs[0].topics[0], IVoucherEscrow.VoucherSkipped.selector);
    }

    /// A voucher that is paid whole says so by no event.
    function test_AWholeVoucherHasOneEvent() public {
        vm.recordLogs();
        _claim(_voucher(1, TOTAL));
        assertEq(vm.getRecordedLogs().length, 1);
    }

    /* SKIPPED */

    function test_AStaleVoucherIsSkipped() public {
        _claim(_voucher(1, 3 ether));
        uint96[4] memory stale = [uint96(3 ether), 3 ether - 1, 1, 0];
        for (uint256 i = 0; i < stale.length; ++i) {
            _expectSkip(0, payer, Skipped.NothingDue);
            assertEq(_claim(_voucher(1, stale[i])), 0);
        }
        _assertChannel(1, TOTAL, 3 ether, 0);
    }

    function test_AVoucherOfAnotherOpeningIsSkipped() public {
        _expectNothing(_voucher(0, 1 ether), payer, Skipped.OtherOpening);
        _expectNothing(_voucher(2, 1 ether), payer, Skipped.OtherOpening);
        bytes memory old = _voucher(1, 1 ether);
        bytes memory next = _voucher(2, 1 ether);
        _exit();
        _expectNothing(old, payer, Skipped.NoChannel);
        _expectNothing(next, payer, Skipped.NoChannel);
        _reopen(2, TOTAL);
        _expectNothing(old, payer, Skipped.OtherOpening);
        assertEq(_claim(next), 1 ether);
    }

    function test_AVoucherOfAnotherPartyIsSkipped() public {
        uint32 id = operators[0].id;
        _expectNothing(_voucherBy(payerKey, Voucher(payer, id, 1, 1 ether)), payer, Skipped.NoChannel);
        _expectNothing(_voucherBy(voucherKey, Voucher(stranger, id, 1, 1 ether)), stranger, Skipped.NoChannel);
        bytes memory toOther = _voucherBy(voucherKey, Voucher(payer, operators[1].id, 1, 1 ether));
        _expectNothing(toOther, payer, Skipped.NoChannel);
        assertEq(vouchers.claim(operators[1].id, toOther), 0);
        assertEq(vouchers.claim(operators[1].id, _voucher(1, 1 ether)), 0);
        assertEq(vouchers.earningsOf(operators[1].id), 0);
    }

    /// The same payer and key have a channel with the other operator: a voucher pays in its own one only.
    function test_AVoucherPaysItsOperatorOnly() public {
        Funding memory funding = _funding(TOTAL);
        funding.operatorId = operators[1].id;
        _fund(funding);
        bytes memory toFirst = _voucher(1, 1 ether);
        assertEq(vouchers.claim(operators[1].id, toFirst), 0);
        assertEq(_claim(toFirst), 1 ether);
        assertEq(vouchers.channelOf(payer, operators[1].id, voucherSigner).claimed, 0);
    }

    function test_AVoucherSignedForElsewhereIsSkipped() public {
        Voucher memory voucher = Voucher(payer, operators[0].id, 1, 1 ether);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 domain = _otherDomain("OpenGradient VoucherEscrow", address(vouchers), i);
            _expectNothing(_voucherIn(domain, voucherKey, voucher), payer, Skipped.NoChannel);
        }
    }

    function test_AVoucherOfBeforeAForkIsSkipped() public {
        bytes memory before = _voucher(1, 1 ether);
        vm.chainId(block.chainid + 1);
        _expectNothing(before, payer, Skipped.NoChannel);
        voucherDomain = vouchers.domainSeparator();
        assertEq(_claim(_voucher(1, 1 ether)), 1 ether);
    }

    /// Not one bit of a signed voucher can be changed.
    function testFuzz_AChangedVoucherIsSkipped(uint256 bit) public {
        bytes memory voucher = _voucher(1, 1 ether);
        bit = bound(bit, 0, voucher.length * 8 - 1);
        voucher[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        assertEq(_claim(voucher), 0);
        _assertChannel(1, TOTAL, 0, 0);
    }

    /// Whatever stands before it, a changed voucher pays nothing.
    function testFuzz_ForeignBytesPayNothing(bytes memory junk, uint256 bit) public {
        uint256 whole = (junk.length / VoucherLib.SIZE) * VoucherLib.SIZE;
        assembly ("memory-safe") {
            mstore(junk, whole)
        }
        bytes memory voucher = _voucher(1, 1 ether);
        bit = bound(bit, 0, voucher.length * 8 - 1);
        voucher[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        assertEq(_claim(bytes.concat(junk, voucher)), 0);
        _assertChannel(1, TOTAL, 0, 0);
    }

    function test_NoSignaturesPayNothing() public {
        assertEq(_claim(new bytes(10 * VoucherLib.SIZE)), 0);
        _assertChannel(1, TOTAL, 0, 0);
    }

    /// Bytes that the call doesn't carry, and an operator's id with bits it can't have, are refused.
    function test_RevertWhen_TheCallIsMalformed() public {
        uint256 length = 2 * VoucherLib.SIZE;
        _expectRefused(abi.encodeWithSelector(IVoucherEscrow.claim.selector, operators[0].id, 64, length, bytes32(0)));
        bytes memory data = abi.encodeCall(IVoucherEscrow.claim, (operators[0].id, _voucher(1, 1 ether)));
        data[4] = 0x01;
        _expectRefused(data);
        data[4] = 0;
        (bool success, ) = address(vouchers).call(data);
        assertTrue(success, "the same call, whole");
        assertEq(_earnings(), 1 ether);
    }

    function _expectRefused(bytes memory data) private {
        (bool success, bytes memory answer) = address(vouchers).call(data);
        assertFalse(success);
        assertEq(answer.length, 0);
    }

    /// `ecrecover` takes an s above half the order too. The packed form has room only for those below 2^255: for such a one
    /// a channel is opened of whomever the signature recovers to. Its canonical form pays, this one does not.
    function test_AHighSIsSkipped() public {
        Voucher memory voucher = Voucher(payer, operators[0].id, 1, 1 ether);
        bytes32 digest = _voucherDigest(voucherDomain, voucher);
        (, bytes32 r, ) = vm.sign(voucherKey, digest);
        uint256[2] memory high = [CURVE_ORDER / 2 + 1, (1 << 255) - 1];
        for (uint256 i = 0; i < high.length; ++i) {
            Funding memory funding = _funding(TOTAL);
            funding.voucherKey = ecrecover(digest, 27, r, bytes32(high[i]));
            assertEq(ecrecover(digest, 28, r, bytes32(CURVE_ORDER - high[i])), funding.voucherKey);
            _fund(funding);
            _expectNothing(_pack(voucher, r, bytes32(high[i])), payer, Skipped.NoChannel);
            assertEq(_claim(_pack(voucher, r, bytes32((1 << 255) | (CURVE_ORDER - high[i])))), 1 ether);
        }
    }

    /// A signature that recovers to nobody leads to the key zero, which has no channel.
    function testFuzz_ASignatureOfNobodyIsSkipped(bytes32 vs) public {
        Voucher memory voucher = Voucher(payer, operators[0].id, 1, 1 ether);
        _expectNothing(_pack(voucher, 0, vs), payer, Skipped.NoChannel);
    }

    function test_AMixedBatchPaysWhatIsGood() public {
        _openSecond();
        uint32 id = operators[0].id;
        bytes memory batch = bytes.concat(
            _voucher(1, 1 ether),
            _voucherBy(payerKey, Voucher(payer, id, 1, 9 ether)),
            _voucher(1, 2 ether),
            _voucher(2, 9 ether),
            _voucherBy(voucherKey, Voucher(stranger, id, 1, TOTAL)),
            _voucher(1, 1 ether),
            _voucher(1, 4 ether)
        );
        _expectSkip(1, payer, Skipped.NoChannel);
        _expectSkip(3, payer, Skipped.OtherOpening);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VoucherPartlyPaid(id, stranger, 4, TOTAL / 2);
        _expectSkip(5, payer, Skipped.NothingDue);
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VouchersClaimed(id, 4 ether + TOTAL / 2);
        assertEq(_claim(batch), 4 ether + TOTAL / 2);
        assertEq(_earnings(), 4 ether + TOTAL / 2);
        _assertChannel(1, TOTAL, 4 ether, 0);
    }

    function testFuzz_RevertWhen_ABatchEndsWithinAVoucher(uint256 length) public {
        bytes memory batch = bytes.concat(_voucher(1, 1 ether), _voucher(1, 2 ether), _voucher(1, 3 ether));
        length = bound(length, 0, batch.length - 1);
        vm.assume(length % VoucherLib.SIZE != 0);
        assembly ("memory-safe") {
            mstore(batch, length)
        }
        vm.expectRevert(abi.encodeWithSelector(VoucherLib.BatchMalformed.selector, length));
        _claim(batch);
    }

    /* WHILE LEAVING AND AFTER */

    function test_AnExitingChannelPaysUntilItIsClosed() public {
        _startExit();
        uint256 exitsAt = block.timestamp + EXIT_SECONDS;
        assertEq(_claim(_voucher(1, 1 ether)), 1 ether);
        vm.warp(exitsAt);
        assertEq(_claim(_voucher(1, 2 ether)), 1 ether);
        vm.warp(exitsAt + 30 days);
        assertEq(_claim(_voucher(1, 3 ether)), 1 ether);
        _assertChannel(1, TOTAL, 3 ether, exitsAt);
        assertEq(_close(), TOTAL - 3 ether);
        _expectNothing(_voucher(1, 4 ether), payer, Skipped.NoChannel);
        _assertChannel(1, 0, 0, 0);
        assertEq(_earnings(), 3 ether);
    }

    function _expectNothing(bytes memory voucher, address of_, Skipped reason) private {
        uint256 before = _earnings();
        _expectSkip(0, of_, reason);
        vm.recordLogs();
        assertEq(_claim(voucher), 0);
        assertEq(vm.getRecordedLogs().length, 1, "skipped, and nothing claimed");
        assertEq(_earnings(), before);
    }
}
