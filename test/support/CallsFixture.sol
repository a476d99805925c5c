// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Batch, Inclusion, SignedPart, SignedReceipt} from "../../contracts/calls/IReceiptLog.sol";
import {BatchWord} from "../../contracts/calls/BatchWord.sol";
import {ChannelStatus, IVoucherEscrow, Permit, Skipped} from "../../contracts/calls/IVoucherEscrow.sol";
import {OPG} from "../../contracts/token/OPG.sol";
import {Channel, ChannelLib, Funding} from "../../contracts/types/Channel.sol";
import {Link, Part, Receipt as CallReceipt, ReceiptLib} from "../../contracts/types/Receipt.sol";
import {Voucher, VoucherLib} from "../../contracts/types/Voucher.sol";
import {Network} from "./Network.sol";

/// @notice A network with a voucher escrow and a receipt log, a payer with tokens, its voucher key, and two operators with
/// standing bonds. The helpers that hash and sign call no contract, so that they can stand in a call that is pranked or
/// expected to revert.
/// @dev forge-std has structs called Receipt and ReceiptLog: ours go by other names where it is inherited.
abstract contract CallsFixture is Network {
    struct Operator {
        uint32 id;
        address owner;
        address signer;
        uint256 signerKey;
    }

    uint256 internal constant MAX_EVIDENCE_SECONDS = 6 days;
    uint256 internal constant RING_SIZE = 256;
    /// @dev How long a batch may be needed, of a gateway whose clock runs ahead.
    uint256 internal constant NEEDED_SECONDS =
        uint256(ANCHOR_SECONDS) + CHALLENGE_SECONDS + ANSWER_SECONDS + 10 minutes;
    uint256 internal constant ANCHOR_INTERVAL = NEEDED_SECONDS / RING_SIZE + 1;

    uint96 internal constant STAKE = 1_000 ether;
    uint96 internal constant BOND = 600 ether;
    uint256 internal constant WALLET = 10_000 ether;

    bytes32 internal constant REQUEST = keccak256("request");
    uint256 internal constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 internal voucherDomain;
    bytes32 internal receiptDomain;

    address internal payer;
    uint256 internal payerKey;
    address internal voucherSigner;
    uint256 internal voucherKey;
    address internal stranger = makeAddr("stranger");
    Operator[] internal operators;

    function setUp() public virtual {
        _deployNetwork();
        _wireCalls();
        (payer, payerKey) = makeAddrAndKey("payer");
        (voucherSigner, voucherKey) = makeAddrAndKey("voucher key");
        _giveTokens(payer);
        _addOperator();
        _addOperator();
        vm.warp(block.timestamp + 1 days);
    }

    /* DEPLOYING */

    function _wireCalls() internal {
        _deployCalls();
        voucherDomain = vouchers.domainSeparator();
        receiptDomain = receipts.domainSeparator();
    }

    /* PARTIES */

    /// @dev Tokens, which both contracts may take.
    function _giveTokens(address account) internal {
        opg.transfer(account, WALLET);
        vm.startPrank(account);
        opg.approve(address(vouchers), type(uint256).max);
        opg.approve(address(receipts), type(uint256).max);
        vm.stopPrank();
    }

    /// @dev Registered and staked, without a standing bond.
    function _newOperator() internal returns (Operator memory operator) {
        string memory name = string.concat("operator ", vm.toString(operators.length));
        operator.owner = makeAddr(name);
        (operator.signer, operator.signerKey) = makeAddrAndKey(string.concat(name, "'s signer"));
        bytes memory consent = _consent(operator.owner, operator.signer, operator.signerKey);
        opg.transfer(operator.owner, STAKE);
        vm.startPrank(operator.owner);
        operator.id = staking.register(operator.signer, type(uint256).max, consent);
        opg.approve(address(staking), STAKE);
        staking.stake(STAKE);
        vm.stopPrank();
        operators.push(operator);
    }

    function _addOperator() internal returns (Operator memory operator) {
        operator = _newOperator();
        _join(operator, BOND);
    }

    function _join(Operator memory operator, uint96 amount) internal {
        vm.startPrank(operator.owner);
        staking.allowVerifier(address(receipts), type(uint96).max);
        receipts.join(amount);
        vm.stopPrank();
    }

    function _leave(uint96 amount) internal {
        vm.prank(operators[0].owner);
        receipts.leave(amount);
    }

    /// @dev Gives the first operator another signer, in staking only.
    function _rotate(string memory name) internal returns (address signer, uint256 key) {
        (signer, key) = makeAddrAndKey(name);
        bytes memory consent = _consent(operators[0].owner, signer, key);
        vm.prank(operators[0].owner);
        staking.rotateSigner(signer, type(uint256).max, consent);
    }

    function _consent(address owner, address signer, uint256 key) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(staking.CONSENT_TYPEHASH(), owner, signer, type(uint256).max));
        return _sign(key, _digest(staking.domainSeparator(), structHash));
    }

    function _active(uint256 i) internal view returns (uint256) {
        return staking.allocationOf(operators[i].id, address(receipts)).active;
    }

    function _leaving(uint256 i) internal view returns (uint256) {
        return staking.allocationOf(operators[i].id, address(receipts)).leaving;
    }

    /* HASHING AND SIGNING */

    function _digest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", domain, structHash));
    }

    /// @dev As the contracts would have it on another chain, or at another address.
    function _domain(string memory name, uint256 chainId, address where) internal pure returns (bytes32) {
        bytes32 typehash = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        return keccak256(abi.encode(typehash, keccak256(bytes(name)), keccak256("1"), chainId, where));
    }

    /// @dev The domain a statement could have been signed for by mistake: other chain, other deployment, other contract.
    function _otherDomain(string memory name, address where, uint256 which) internal view returns (bytes32) {
        if (which % 4 == 0) return _domain(name, block.chainid + 1, where);
        if (which % 4 == 1) return _domain(name, block.chainid, address(uint160(where) + 1));
        return which % 4 == 2 ? receiptDomain : voucherDomain;
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The same signature's other form, which `ecrecover` takes too.
    function _highS(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    /* CHANNELS */

    /// @dev Of the payer's first channel toward the first operator.
    function _funding(uint96 total) internal view returns (Funding memory) {
        return
            Funding({
                payer: payer,
                operatorId: operators[0].id,
                voucherKey: voucherSigner,
                opening: 1,
                totalDeposited: total,
                deadline: type(uint256).max
            });
    }

    function _fundingHash(Funding memory funding) internal pure returns (bytes32) {
        return keccak256(abi.encode(ChannelLib.FUNDING_TYPEHASH, funding));
    }

    function _signFunding(uint256 key, Funding memory funding) internal view returns (bytes memory) {
        return _sign(key, _digest(voucherDomain, _fundingHash(funding)));
    }

    function _fund(Funding memory funding) internal returns (bytes32 channelId) {
        vm.prank(funding.payer);
        return vouchers.fund(funding);
    }

    function _fund(uint96 total) internal returns (bytes32 channelId) {
        return _fund(_funding(total));
    }

    /// @dev The channel's next opening.
    function _reopen(uint24 opening, uint96 total) internal {
        Funding memory funding = _funding(total);
        funding.opening = opening;
        _fund(funding);
    }

    function _channelId(uint24 opening) internal view returns (bytes32) {
        Channel memory channel = Channel(payer, operators[0].id, voucherSigner, opening);
        return _digest(voucherDomain, keccak256(abi.encode(ChannelLib.TYPEHASH, channel)));
    }

    function _startExit() internal {
        vm.prank(payer);
        vouchers.startExit(payer, operators[0].id, voucherSigner);
    }

    function _close() internal returns (uint256) {
        return vouchers.close(payer, operators[0].id, voucherSigner);
    }

    function _exit() internal {
        _startExit();
        vm.warp(block.timestamp + EXIT_SECONDS);
        _close();
    }

    function _channel() internal view returns (ChannelStatus memory) {
        return vouchers.channelOf(payer, operators[0].id, voucherSigner);
    }

    function _assertChannel(uint256 opening, uint256 deposited, uint256 claimed, uint256 exitsAt) internal view {
        ChannelStatus memory status = _channel();
        assertEq(status.opening, opening, "opening");
        assertEq(status.deposited, deposited, "deposited");
        assertEq(status.claimed, claimed, "claimed");
        assertEq(status.exitsAt, exitsAt, "exitsAt");
    }

    /// @dev A permit of the payer for the voucher escrow.
    function _permit(uint256 value) internal view returns (Permit memory permit) {
        OPG token = OPG(address(opg));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(vouchers),
                value,
                token.nonces(payer),
                type(uint256).max
            )
        );
        permit.value = value;
        permit.deadline = type(uint256).max;
        (permit.v, permit.r, permit.s) = vm.sign(payerKey, _digest(token.DOMAIN_SEPARATOR(), structHash));
    }

    function _noPermit() internal pure returns (Permit memory permit) {}

    /* VOUCHERS */

    function _voucherDigest(bytes32 domain, Voucher memory voucher) internal pure returns (bytes32) {
        return _digest(domain, keccak256(abi.encode(VoucherLib.TYPEHASH, voucher)));
    }

    /// @dev One voucher as a batch carries it.
    function _pack(Voucher memory voucher, bytes32 r, bytes32 vs) internal pure returns (bytes memory) {
        return abi.encodePacked(voucher.payer, voucher.opening, voucher.cumulativeAmount, r, vs);
    }

    function _voucherIn(bytes32 domain, uint256 key, Voucher memory voucher) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _voucherDigest(domain, voucher));
        return _pack(voucher, r, bytes32((uint256(v - 27) << 255) | uint256(s)));
    }

    function _voucherBy(uint256 key, Voucher memory voucher) internal view returns (bytes memory) {
        return _voucherIn(voucherDomain, key, voucher);
    }

    /// @dev Of the payer, to the first operator.
    function _voucher(uint24 opening, uint96 amount) internal view returns (bytes memory) {
        return _voucherBy(voucherKey, Voucher(payer, operators[0].id, opening, amount));
    }

    function _claim(bytes memory batch) internal returns (uint256) {
        return vouchers.claim(operators[0].id, batch);
    }

    function _earnings() internal view returns (uint256) {
        return vouchers.earningsOf(operators[0].id);
    }

    /* RECEIPTS AND PARTS */

    /// @dev Of the first operator, now.
    function _receipt(uint64 sequence) internal view returns (CallReceipt memory receipt) {
        receipt.operatorId = operators[0].id;
        receipt.payer = payer;
        receipt.channelId = _channelId(1);
        receipt.sequence = sequence;
        receipt.modelHash = keccak256("onnx/digits");
        receipt.servedModelHash = keccak256("onnx/digits");
        receipt.requestHash = REQUEST;
        receipt.responseRoot = _running("a", 1);
        receipt.partCount = 1;
        receipt.inputUnits = 784;
        receipt.outputUnits = 10;
        receipt.price = 1e15;
        receipt.cumulativeOwed = 1e15;
        receipt.issuedAt = uint40(block.timestamp);
    }

    function _receiptId(CallReceipt memory receipt) internal view returns (bytes32) {
        return _digest(receiptDomain, keccak256(abi.encode(ReceiptLib.TYPEHASH, receipt)));
    }

    function _partId(Part memory part) internal view returns (bytes32) {
        return _digest(receiptDomain, keccak256(abi.encode(ReceiptLib.PART_TYPEHASH, part)));
    }

    function _signedBy(uint256 key, CallReceipt memory receipt) internal view returns (SignedReceipt memory) {
        return SignedReceipt(receipt, _sign(key, _receiptId(receipt)));
    }

    function _signed(CallReceipt memory receipt) internal view returns (SignedReceipt memory) {
        return _signedBy(operators[0].signerKey, receipt);
    }

    function _signedBy(uint256 key, Part memory part) internal view returns (SignedPart memory) {
        return SignedPart(part, _sign(key, _partId(part)));
    }

    function _signed(Part memory part) internal view returns (SignedPart memory) {
        return _signedBy(operators[0].signerKey, part);
    }

    /// @dev Of the sequence of `_receipt`, from the answer named so.
    function _part(uint64 sequence, uint32 index, string memory answer) internal view returns (Part memory) {
        return
            Part({
                operatorId: operators[0].id,
                channelId: _channelId(1),
                sequence: sequence,
                index: index,
                runningHash: _running(answer, index + 1),
                issuedAt: uint40(block.timestamp)
            });
    }

    function _partHash(string memory answer, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(answer, index));
    }

    /// @dev The running hash after so many parts of the answer named so.
    function _running(string memory answer, uint256 count) internal pure returns (bytes32 hash) {
        hash = REQUEST;
        for (uint256 i = 0; i < count; ++i) {
            hash = ReceiptLib.extend(hash, _partHash(answer, i));
        }
    }

    /// @dev The way back from after part `from` to after part `to`.
    function _links(string memory answer, uint256 from, uint256 to) internal pure returns (Link[] memory links) {
        links = new Link[](from - to);
        for (uint256 i = 0; i < links.length; ++i) {
            uint256 index = from - i;
            links[i] = Link(_running(answer, index), _partHash(answer, index));
        }
    }

    function _noLinks() internal pure returns (Link[] memory) {
        return new Link[](0);
    }

    /* BATCHES */

    function _leaf(bytes32 receiptId) internal pure returns (bytes32) {
        return keccak256(abi.encode(receiptId));
    }

    function _node(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    /// @dev Root over the leaves, and the siblings of one of them; a node without a partner goes up as it is.
    function _merkle(
        bytes32[] memory leaves,
        uint256 index
    ) internal pure returns (bytes32 root, bytes32[] memory proof) {
        bytes32[] memory siblings = new bytes32[](256);
        uint256 depth = 0;
        while (leaves.length > 1) {
            if ((index ^ 1) < leaves.length) siblings[depth++] = leaves[index ^ 1];
            leaves = _levelAbove(leaves);
            index /= 2;
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) proof[i] = siblings[i];
        return (leaves[0], proof);
    }

    function _levelAbove(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < level.length; i += 2) {
            above[i / 2] = i + 1 < level.length ? _node(level[i], level[i + 1]) : level[i];
        }
    }

    /// @dev So many leaves of which one is the receipt's.
    function _leavesWith(bytes32 receiptId, uint256 index, uint256 count) internal pure returns (bytes32[] memory all) {
        all = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) all[i] = i == index ? _leaf(receiptId) : keccak256(abi.encode("other", i));
    }

    function _dataHash(bytes32[] memory leaves) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(leaves));
    }

    /// @dev Anchors a batch of three in which the receipt is the last.
    function _anchorReceipt(CallReceipt memory receipt) internal returns (Inclusion memory inclusion) {
        bytes32[] memory leaves = _leavesWith(_receiptId(receipt), 2, 3);
        (bytes32 root, bytes32[] memory proof) = _merkle(leaves, 2);
        inclusion.proof = proof;
        inclusion.batch = _anchorRoot(root, 3, _dataHash(leaves));
    }

    /// @dev The first operator's signer anchors; gives the batch as it can be asked for.
    function _anchorRoot(bytes32 root, uint32 count, bytes32 dataHash) internal returns (Batch memory batch) {
        (address signer, uint256 number, ) = receipts.logOf(operators[0].id);
        BatchWord previous;
        if (number > 0) previous = receipts.batchWordAt(operators[0].id, number - 1);
        batch = Batch(uint48(number), previous, root, count, dataHash);
        vm.prank(signer);
        receipts.anchor("", operators[0].id, count, root, "", dataHash);
    }

    /// @dev Until the operators may anchor again.
    function _passInterval() internal {
        vm.warp(block.timestamp + ANCHOR_INTERVAL);
    }

    /// @dev The next call skips a voucher of the batch.
    function _expectSkip(uint256 index, address of_, Skipped reason) internal {
        vm.expectEmit(address(vouchers));
        emit IVoucherEscrow.VoucherSkipped(operators[0].id, of_, index, reason);
    }
}
