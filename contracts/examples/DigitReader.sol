// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IJobConsumer} from "../jobs/IJobConsumer.sol";
import {IJobEscrow} from "../jobs/IJobEscrow.sol";
import {Job} from "../types/Job.sol";

/// @title A contract that has pictures of digits read
/// @notice An example consumer: it pays for its own jobs from its own escrow balance, and keeps the digit its
/// callback gets. Whoever deployed it funds it, asks, and can take the rest back.
contract DigitReader is IJobConsumer {
    /// @notice What a request needs besides the picture.
    struct Request {
        bytes32 modelId;
        address verifier;
        bytes32 verifierData;
        uint128 fee;
        uint40 expiresAt;
        uint224 key; // a key without a live job
        uint32 royaltyPpm;
        uint32 protocolFeePpm;
    }

    struct Answer {
        bool asked; // this contract opened the job itself
        bool answered;
        uint8 digit;
    }

    uint32 private constant CALLBACK_GAS = 100_000;
    uint256 private constant DIGITS = 10;

    /// @notice Who may ask and withdraw.
    address public immutable OWNER;
    /// @notice The escrow this contract believes.
    IJobEscrow public immutable ESCROW;
    /// @notice What is known of each job this contract opened.
    mapping(bytes32 jobId => Answer) public answers;

    event DigitRead(bytes32 indexed jobId, uint8 digit);

    error NotOwner(address caller);
    error NotEscrow(address caller);
    error NotOurJob(bytes32 jobId);
    error LogitsLengthMismatch(uint256 got, uint256 wanted);

    modifier onlyOwner() {
        require(msg.sender == OWNER, NotOwner(msg.sender));
        _;
    }

    constructor(IJobEscrow escrow) {
        OWNER = msg.sender;
        ESCROW = escrow;
    }

    /// @notice Opens a job for one picture. The owner only.
    /// @param picture 784 bytes, 28×28, row by row, 0 black to 255 white
    function ask(Request calldata request, bytes calldata picture) external onlyOwner returns (bytes32 jobId) {
        (uint32 sequence, ) = ESCROW.nextSequence(address(this), request.key);
        Job memory job = Job({
            payer: address(this),
            modelId: request.modelId,
            inputHash: keccak256(picture),
            inputUriHash: 0,
            verifier: request.verifier,
            verifierData: request.verifierData,
            consumer: address(this),
            consumerGasLimit: CALLBACK_GAS,
            fee: request.fee,
            royaltyPpm: request.royaltyPpm,
            protocolFeePpm: request.protocolFeePpm,
            expiresAt: request.expiresAt,
            nonce: (uint256(request.key) << 32) | sequence
        });
        jobId = ESCROW.open(job, picture);
        answers[jobId].asked = true;
    }

    /// @inheritdoc IJobConsumer
    function onJobResult(bytes32 jobId, Job calldata, bytes calldata result) external {
        require(msg.sender == address(ESCROW), NotEscrow(msg.sender));
        require(answers[jobId].asked, NotOurJob(jobId));
        uint8 digit = _argmax(result);
        answers[jobId] = Answer({asked: true, answered: true, digit: digit});
        emit DigitRead(jobId, digit);
    }

    /// @notice Takes unspent OPG out of the escrow. The owner only.
    function withdraw(address to, uint256 amount) external onlyOwner {
        ESCROW.withdraw(to, amount);
    }

    /// @dev Logits are ten int32, little-endian.
    function _argmax(bytes calldata logits) private pure returns (uint8 digit) {
        require(logits.length == 4 * DIGITS, LogitsLengthMismatch(logits.length, 4 * DIGITS));
        int32 best = type(int32).min;
        for (uint256 i = 0; i < DIGITS; ++i) {
            int32 logit = _int32At(logits, 4 * i);
            if (logit > best) (best, digit) = (logit, uint8(i));
        }
    }

    function _int32At(bytes calldata data, uint256 offset) private pure returns (int32) {
        uint256 word =
            uint256(uint8(data[offset])) |
                (uint256(uint8(data[offset + 1])) << 8) |
                (uint256(uint8(data[offset + 2])) << 16) |
                (uint256(uint8(data[offset + 3])) << 24);
        return int32(uint32(word));
    }
}
