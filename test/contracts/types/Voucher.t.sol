// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Voucher, VoucherLib} from "../../../contracts/types/Voucher.sol";
import {CallContracts} from "../../support/CallContracts.sol";

/// @notice `VoucherLib` against the values `src/protocol/voucher.ts` computes.
contract VoucherVectorsTest is CallContracts {
    bytes32 private _separator;

    function checkWhole(bytes calldata batch) external pure {
        VoucherLib.checkWhole(batch);
    }

    function digest(bytes calldata batch, uint256 index, uint256 operatorId) external view returns (bytes32) {
        return VoucherLib.digest(batch, index * VoucherLib.SIZE, operatorId, _separator);
    }

    function signer(bytes calldata batch, uint256 index, uint256 operatorId) external view returns (address) {
        return VoucherLib.signer(batch, index * VoucherLib.SIZE, operatorId, _separator);
    }

    function fields(bytes calldata batch, uint256 index) external pure returns (address, uint256, uint256) {
        uint256 offset = index * VoucherLib.SIZE;
        return (
            VoucherLib.payer(batch, offset),
            VoucherLib.opening(batch, offset),
            VoucherLib.cumulativeAmount(batch, offset)
        );
    }

    function test_VouchersHashPackAndRecoverAsInTypeScript() public {
        Voucher[] memory vouchers = _readVouchers();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory digests = _words("digest");
        address[] memory signers = _addresses("signer");
        bytes32[] memory privateKeys = _words("privateKey");
        bytes[] memory signatures = _byteStrings("signature");
        bytes[] memory packed = _byteStrings("packed");
        _assertEnough(vouchers.length);
        for (uint256 i = 0; i < vouchers.length; ++i) {
            Voucher memory voucher = vouchers[i];
            bytes32 structHash = keccak256(abi.encode(VoucherLib.TYPEHASH, voucher));
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(_separator, structHash), digests[i]);
            assertEq(packed[i], _pack(voucher, signatures[i]));
            assertEq(this.digest(packed[i], 0, voucher.operatorId), digests[i]);
            assertEq(this.signer(packed[i], 0, voucher.operatorId), signers[i]);
            assertEq(vm.addr(uint256(privateKeys[i])), signers[i]);
        }
    }

    function test_DeployedEscrowAgreesOnTheVouchersDomain() public {
        _readVouchers();
        assertEq(_deployVouchersAt(_address("vouchers"), _uint("chainId")).domainSeparator(), _separator);
    }

    function test_BatchesAreReadAsInTypeScript() public {
        _open("voucherBatch");
        _separator = _bytes32("domainSeparator");
        uint256[] memory operatorIds = _uints("operatorId");
        uint256[] memory counts = _uints("count");
        bytes[] memory packed = _byteStrings("packed");
        bytes[] memory digests = _byteStrings("digests");
        bytes[] memory signers = _byteStrings("signers");
        _assertEnough(counts.length);
        uint256 read = 0;
        for (uint256 i = 0; i < counts.length; ++i) {
            assertEq(packed[i].length, counts[i] * VoucherLib.SIZE);
            this.checkWhole(packed[i]);
            bytes32[] memory wantedDigests = _list(digests[i]);
            bytes32[] memory wantedSigners = _list(signers[i]);
            assertEq(wantedDigests.length, counts[i]);
            for (uint256 k = 0; k < counts[i]; ++k) {
                assertEq(this.digest(packed[i], k, operatorIds[i]), wantedDigests[k]);
                assertEq(this.signer(packed[i], k, operatorIds[i]), address(uint160(uint256(wantedSigners[k]))));
                ++read;
            }
        }
        _assertEnough(read);
    }

    function test_FieldsOfBatchesAreReadAsInTypeScript() public {
        _open("voucherBatch");
        bytes[] memory packed = _byteStrings("packed");
        bytes[] memory payers = _byteStrings("payers");
        bytes[] memory openings = _byteStrings("openings");
        bytes[] memory amounts = _byteStrings("amounts");
        _assertEnough(packed.length);
        for (uint256 i = 0; i < packed.length; ++i) {
            bytes32[] memory wantedPayers = _list(payers[i]);
            bytes32[] memory wantedOpenings = _list(openings[i]);
            bytes32[] memory wantedAmounts = _list(amounts[i]);
            for (uint256 k = 0; k < wantedPayers.length; ++k) {
                (address payer, uint256 opening, uint256 amount) = this.fields(packed[i], k);
                assertEq(payer, address(uint160(uint256(wantedPayers[k]))));
                assertEq(opening, uint256(wantedOpenings[k]));
                assertEq(amount, uint256(wantedAmounts[k]));
            }
        }
    }

    function test_RevertWhen_ABatchEndsWithinAVoucher() public {
        _readVouchers();
        bytes memory voucher = _byteStrings("packed")[2];
        bytes memory longer = bytes.concat(voucher, hex"00");
        vm.expectRevert(abi.encodeWithSelector(VoucherLib.BatchMalformed.selector, VoucherLib.SIZE + 1));
        this.checkWhole(longer);
        bytes memory one = hex"00";
        vm.expectRevert(abi.encodeWithSelector(VoucherLib.BatchMalformed.selector, 1));
        this.checkWhole(one);
    }

    function _readVouchers() private returns (Voucher[] memory vouchers) {
        _open("voucher");
        _separator = _bytes32("domainSeparator");
        address[] memory payers = _addresses("payer");
        uint256[] memory operatorIds = _uints("operatorId");
        uint256[] memory openings = _uints("opening");
        uint256[] memory amounts = _uints("cumulativeAmount");
        vouchers = new Voucher[](payers.length);
        for (uint256 i = 0; i < vouchers.length; ++i) {
            vouchers[i] = Voucher(payers[i], uint32(operatorIds[i]), uint24(openings[i]), uint96(amounts[i]));
        }
    }

    function _pack(Voucher memory voucher, bytes memory signature) private pure returns (bytes memory) {
        bytes32 r;
        uint256 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        uint256 vs = s | (uint256(uint8(signature[64]) - 27) << 255);
        return abi.encodePacked(voucher.payer, voucher.opening, voucher.cumulativeAmount, r, vs);
    }
}
