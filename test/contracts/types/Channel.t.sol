// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {VoucherEscrow} from "../../../contracts/calls/VoucherEscrow.sol";
import {Channel, ChannelLib, Funding} from "../../../contracts/types/Channel.sol";
import {CallContracts} from "../../support/CallContracts.sol";

/// @notice `ChannelLib` and the voucher escrow against the values `src/protocol/channel.ts` computes.
contract ChannelVectorsTest is CallContracts {
    function hash(Funding calldata funding) external pure returns (bytes32) {
        return ChannelLib.hash(funding);
    }

    function test_StructHashAndChannelIdMatchTypeScript() public {
        Channel[] memory channels = _readChannels();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory channelIds = _words("channelId");
        bytes32 separator = _bytes32("domainSeparator");
        _assertEnough(channels.length);
        for (uint256 i = 0; i < channels.length; ++i) {
            bytes32 structHash = ChannelLib.hash(channels[i]);
            assertEq(structHash, structHashes[i]);
            assertEq(MessageHashUtils.toTypedDataHash(separator, structHash), channelIds[i]);
        }
    }

    function test_DeployedEscrowAgreesOnDomainAndChannelIds() public {
        Channel[] memory channels = _readChannels();
        VoucherEscrow vouchers = _deployVouchersAt(_address("vouchers"), _uint("chainId"));
        assertEq(vouchers.domainSeparator(), _bytes32("domainSeparator"));
        bytes32[] memory channelIds = _words("channelId");
        _assertEnough(channelIds.length);
        for (uint256 i = 0; i < channelIds.length; ++i) {
            assertEq(vouchers.channelIdOf(channels[i]), channelIds[i]);
        }
    }

    function test_FundingsHashAsInTypeScriptAndAreSignedByTheirPayers() public {
        Funding[] memory fundings = _readFundings();
        bytes32[] memory structHashes = _words("structHash");
        bytes32[] memory privateKeys = _words("privateKey");
        bytes[] memory signatures = _byteStrings("signature");
        bytes32 separator = _bytes32("domainSeparator");
        _assertEnough(fundings.length);
        for (uint256 i = 0; i < fundings.length; ++i) {
            bytes32 structHash = this.hash(fundings[i]);
            assertEq(structHash, structHashes[i]);
            bytes32 digest = MessageHashUtils.toTypedDataHash(separator, structHash);
            assertEq(ECDSA.recover(digest, signatures[i]), fundings[i].payer);
            assertEq(vm.addr(uint256(privateKeys[i])), fundings[i].payer);
        }
    }

    function _readChannels() private returns (Channel[] memory channels) {
        _open("channel");
        address[] memory payers = _addresses("payer");
        uint256[] memory operatorIds = _uints("operatorId");
        address[] memory voucherKeys = _addresses("voucherKey");
        uint256[] memory openings = _uints("opening");
        channels = new Channel[](payers.length);
        for (uint256 i = 0; i < channels.length; ++i) {
            channels[i] = Channel(payers[i], uint32(operatorIds[i]), voucherKeys[i], uint24(openings[i]));
        }
    }

    function _readFundings() private returns (Funding[] memory fundings) {
        _open("funding");
        address[] memory payers = _addresses("payer");
        uint256[] memory operatorIds = _uints("operatorId");
        address[] memory voucherKeys = _addresses("voucherKey");
        uint256[] memory openings = _uints("opening");
        uint256[] memory totals = _uints("totalDeposited");
        uint256[] memory deadlines = _uints("deadline");
        fundings = new Funding[](payers.length);
        for (uint256 i = 0; i < fundings.length; ++i) {
            fundings[i].payer = payers[i];
            fundings[i].operatorId = uint32(operatorIds[i]);
            fundings[i].voucherKey = voucherKeys[i];
            fundings[i].opening = uint24(openings[i]);
            fundings[i].totalDeposited = uint96(totals[i]);
            fundings[i].deadline = deadlines[i];
        }
    }
}
