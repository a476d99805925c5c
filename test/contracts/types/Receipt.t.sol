// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IReceiptLog} from "../../../contracts/calls/IReceiptLog.sol";
import {Part, Receipt as CallReceipt, ReceiptLib} from "../../../contracts/types/Receipt.sol";
import {CallContracts} from "../../support/CallContracts.sol";

/// @notice `ReceiptLib` and the receipt log against the values `src/protocol/receipt.ts` and `requestHash.ts` compute.
/// @dev The test framework has structs of the names `Receipt` and `ReceiptLog`.
contract ReceiptVectorsTest is CallContracts {
    CallReceipt[] private _receipts;

    function hash(CallReceipt calldata receipt) external pure returns (bytes32) {
        return ReceiptLib.hash(receipt);
    }

    function hash(Part calldata part) external pure returns (bytes32) {
        return ReceiptLib.hash(part);
    }

    function test_ReceiptsHashAsInTypeScriptAndAreSigned() public {
        _readReceipts();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory receiptIds = _words("receiptId");
        address[] memory signers = _addresses("signer");
        bytes[] memory signatures = _byteStrings("signature");
        bytes32 separator = _bytes32("domainSeparator");
        _assertEnough(_receipts.length);
        for (uint256 i = 0; i < receiptIds.length; ++i) {
            bytes32 structHash = this.hash(_receipts[i]);
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(separator, structHash), receiptIds[i]);
            assertEq(ECDSA.recover(receiptIds[i], signatures[i]), signers[i]);
        }
    }

    function test_NamesOfModelsHashAsTheirUtf8() public {
        _open("receipt");
        _assertNamesHash("model", "modelHash");
        _assertNamesHash("servedModel", "servedModelHash");
    }

    function test_KeysOfVectorsAreTheSigners() public {
        string[2] memory files = ["receipt", "part"];
        for (uint256 k = 0; k < files.length; ++k) {
            _open(files[k]);
            bytes32[] memory privateKeys = _words("privateKey");
            address[] memory signers = _addresses("signer");
            _assertEnough(signers.length);
            for (uint256 i = 0; i < signers.length; ++i) {
                assertEq(vm.addr(uint256(privateKeys[i])), signers[i]);
            }
        }
    }

    function test_PartsHashAsInTypeScriptAndAreSigned() public {
        Part[] memory parts = _readParts();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory partIds = _words("partId");
        address[] memory signers = _addresses("signer");
        bytes[] memory signatures = _byteStrings("signature");
        bytes32 separator = _bytes32("domainSeparator");
        _assertEnough(parts.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            bytes32 structHash = this.hash(parts[i]);
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(separator, structHash), partIds[i]);
            assertEq(ECDSA.recover(partIds[i], signatures[i]), signers[i]);
        }
    }

    function test_DeployedLogAgreesOnDomainReceiptIdsAndPartIds() public {
        _readReceipts();
        IReceiptLog log = _deployReceiptsAt(_address("receipts"), _uint("chainId"));
        assertEq(log.domainSeparator(), _bytes32("domainSeparator"));
        bytes32[] memory receiptIds = _words("receiptId");
        _assertEnough(receiptIds.length);
        for (uint256 i = 0; i < receiptIds.length; ++i) {
            assertEq(log.receiptIdOf(_receipts[i]), receiptIds[i]);
        }
        Part[] memory parts = _readParts();
        bytes32[] memory partIds = _words("partId");
        for (uint256 i = 0; i < partIds.length; ++i) {
            assertEq(log.partIdOf(parts[i]), partIds[i]);
        }
    }

    function test_RequestHashesAreOfTheSaltAndTheText() public {
        _open("requestHash");
        bytes32[] memory salts = _words("salt");
        bytes[] memory texts = _byteStrings("text");
        bytes32[] memory requestHashes = _words("requestHash");
        _assertEnough(requestHashes.length);
        for (uint256 i = 0; i < requestHashes.length; ++i) {
            assertEq(keccak256(bytes.concat(salts[i], texts[i])), requestHashes[i]);
        }
    }

    function test_RunningHashesGoOnAsInTypeScript() public {
        _open("runningHash");
        bytes32[] memory before = _words("requestHash");
        bytes[] memory partHashes = _byteStrings("partHashes");
        bytes[] memory runningHashes = _byteStrings("runningHashes");
        bytes32[] memory roots = _words("responseRoot");
        _assertEnough(roots.length);
        for (uint256 i = 0; i < roots.length; ++i) {
            bytes32 runningHash = before[i];
            bytes32[] memory steps = _list(partHashes[i]);
            bytes32[] memory wanted = _list(runningHashes[i]);
            for (uint256 k = 0; k < steps.length; ++k) {
                runningHash = ReceiptLib.extend(runningHash, steps[k]);
                assertEq(runningHash, wanted[k]);
            }
            assertEq(runningHash, roots[i]);
        }
    }

    function test_PartHashesAreOfTheSaltTheIndexAndTheBytes() public {
        _open("runningHash");
        bytes32[] memory salts = _words("salt");
        uint256[] memory indices = _uints("index");
        bytes[] memory contents = _byteStrings("bytes");
        bytes[] memory partHashes = _byteStrings("partHashes");
        _assertEnough(salts.length);
        for (uint256 i = 0; i < salts.length; ++i) {
            bytes32 partHash = keccak256(abi.encodePacked(salts[i], uint32(indices[i]), contents[i]));
            assertEq(_list(partHashes[i])[indices[i]], partHash);
        }
    }

    function _assertNamesHash(string memory column, string memory hashes) private view {
        string[] memory names = _strings(column);
        bytes32[] memory wanted = _words(hashes);
        _assertEnough(names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            assertEq(keccak256(bytes(names[i])), wanted[i]);
        }
    }

    function _readReceipts() private {
        _open("receipt");
        address[] memory payers = _addresses("payer");
        for (uint256 i = 0; i < payers.length; ++i) {
            _receipts.push().payer = payers[i];
        }
        _readWords();
        _readCounts();
        _readAmounts();
    }

    function _readWords() private {
        bytes32[] memory channelIds = _words("channelId");
        bytes32[] memory modelHashes = _words("modelHash");
        bytes32[] memory servedModelHashes = _words("servedModelHash");
        bytes32[] memory requestHashes = _words("requestHash");
        bytes32[] memory responseRoots = _words("responseRoot");
        for (uint256 i = 0; i < _receipts.length; ++i) {
            _receipts[i].channelId = channelIds[i];
            _receipts[i].modelHash = modelHashes[i];
            _receipts[i].servedModelHash = servedModelHashes[i];
            _receipts[i].requestHash = requestHashes[i];
            _receipts[i].responseRoot = responseRoots[i];
        }
    }

    function _readCounts() private {
        uint256[] memory operatorIds = _uints("operatorId");
        uint256[] memory sequences = _uints("sequence");
        uint256[] memory partCounts = _uints("partCount");
        uint256[] memory times = _uints("issuedAt");
        for (uint256 i = 0; i < _receipts.length; ++i) {
            _receipts[i].operatorId = uint32(operatorIds[i]);
            _receipts[i].sequence = uint64(sequences[i]);
            _receipts[i].partCount = uint32(partCounts[i]);
            _receipts[i].issuedAt = uint40(times[i]);
        }
    }

    function _readAmounts() private {
        uint256[] memory inputUnits = _uints("inputUnits");
        uint256[] memory outputUnits = _uints("outputUnits");
        uint256[] memory prices = _uints("price");
        uint256[] memory owed = _uints("cumulativeOwed");
        for (uint256 i = 0; i < _receipts.length; ++i) {
            _receipts[i].inputUnits = uint64(inputUnits[i]);
            _receipts[i].outputUnits = uint64(outputUnits[i]);
            _receipts[i].price = uint128(prices[i]);
            _receipts[i].cumulativeOwed = uint128(owed[i]);
        }
    }

    function _readParts() private returns (Part[] memory parts) {
        _open("part");
        uint256[] memory operatorIds = _uints("operatorId");
        bytes32[] memory channelIds = _words("channelId");
        uint256[] memory sequences = _uints("sequence");
        uint256[] memory indices = _uints("index");
        bytes32[] memory runningHashes = _words("runningHash");
        uint256[] memory times = _uints("issuedAt");
        parts = new Part[](operatorIds.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            parts[i].operatorId = uint32(operatorIds[i]);
            parts[i].channelId = channelIds[i];
            parts[i].sequence = uint64(sequences[i]);
            parts[i].index = uint32(indices[i]);
            parts[i].runningHash = runningHashes[i];
            parts[i].issuedAt = uint40(times[i]);
        }
    }
}
