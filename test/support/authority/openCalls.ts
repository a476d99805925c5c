import {
  type Address,
  concat,
  type Hex,
  keccak256,
  maxUint256,
  numberToHex,
  stringToHex,
  zeroAddress,
  zeroHash,
} from "viem";
import { ADMIN_ROLE } from "../../../deploy/modules/Access.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import type { Channel } from "../../../src/protocol/channel.ts";
import { keyOf, nonceOf } from "../../../src/protocol/job.ts";
import { type ContractName, Refused } from "./deployed.ts";
import {
  BOND_UNITS,
  DEPOSITED,
  earnedBy,
  FEE,
  forgedSignature,
  JOINED,
  LEFT,
  listingOf,
  PEOPLE,
  SPARE_KEY,
  SPLIT,
  STAKED,
  type Stage,
  signConsentFor,
  signJob,
  UNBONDED,
} from "./stage.ts";
import {
  CHALLENGE_BOND,
  type Contradiction,
  EQUIVOCATION_SLASH,
  FUNDED,
  LIFE,
  OMISSION_SLASH,
  PROMISED,
  type ShownBy,
  STANDING_LEFT,
  signedVoucher,
  signFunding,
} from "./stageCalls.ts";
import { type Changes, changesOf, termsOf } from "./terms.ts";

/** One call of a stranger's, aimed at what is somebody else's. */
type Attempt = {
  args: readonly unknown[];
  /** The stranger, unless told. */
  from?: Address;
  /** What must have happened before; not counted as a change. */
  before?: () => Promise<void>;
  /** The error it must be refused with; absent: it goes through. */
  refused?: string;
  /** All that may change of others' terms, and must. `any`: by whatever. */
  changes?: Record<string, bigint | "any">;
};

export type OpenCall = {
  /** What it may do to others. */
  may: string;
  /** Served to one caller only, so that a stranger can do nothing with it. */
  oneCaller?: true;
  attempts(stage: Stage): Attempt[] | Promise<Attempt[]>;
};

const { stranger, newcomer, payer, owner0 } = PEOPLE;
const DAY = 86_400;
const ONE = 10n ** 18n;
const NOTHING = "do nothing to others";
/** What a first funding of one OPG says, besides whose channel it is for. */
const FUNDING = { totalDeposited: ONE, deadline: maxUint256 };
const NO_PERMIT = { value: 0n, deadline: 0n, v: 0, r: zeroHash, s: zeroHash };
const partiesOf = ({ payer, operatorId, voucherKey }: Channel) => [payer, operatorId, voucherKey];

/** Every function anybody can call. */
export const OPEN_CALLS: Record<string, OpenCall> = {
  "OPG.approve": {
    may: NOTHING,
    attempts: ({ addresses }) => [{ args: [addresses.escrow, maxUint256] }],
  },
  "OPG.transfer": {
    may: "give the caller's own",
    attempts: () => [
      { args: [payer, 1n], changes: { "opg.payer": 1n } },
      { args: [stranger, DEPOSITED], refused: "ERC20InsufficientBalance" },
    ],
  },
  "OPG.transferFrom": {
    may: "move what its owner approved for the caller",
    attempts: ({ addresses }) =>
      [payer, addresses.escrow, addresses.staking, addresses.vouchers, addresses.receipts].map((from) => ({
        args: [from, stranger, 1n],
        refused: "ERC20InsufficientAllowance",
      })),
  },
  "OPG.permit": {
    may: "approve what the owner signed",
    attempts: async () => {
      const { v, r, s } = await forgedSignature();
      return [{ args: [payer, stranger, ONE, maxUint256, v, r, s], refused: "ERC2612InvalidSigner" }];
    },
  },
  "OPG.transferWithAuthorization": {
    may: "move what the owner signed",
    attempts: () => byAuthorization(stranger),
  },
  "OPG.receiveWithAuthorization": {
    may: "move what the owner signed, to the caller",
    attempts: () => byAuthorization(stranger),
  },
  "OPG.cancelAuthorization": {
    may: "cancel what the owner signed to cancel",
    attempts: async () => {
      const { v, r, s } = await forgedSignature();
      return [{ args: [payer, keccak256("0x"), v, r, s], refused: "ERC3009InvalidSignature" }];
    },
  },

  "AccessManager.multicall": {
    may: "do at once what it may do one by one",
    attempts: ({ encode }) => [
      { args: [[]] },
      {
        args: [[encode("AccessManager", "grantRole", [ADMIN_ROLE, stranger, 0])]],
        refused: "AccessManagerUnauthorizedAccount",
      },
    ],
  },
  "AccessManager.renounceRole": {
    may: "drop the caller's own role",
    attempts: () => [
      { args: [ADMIN_ROLE, stranger] },
      { args: [ADMIN_ROLE, PEOPLE.governor], refused: "AccessManagerBadConfirmation" },
    ],
  },
  "AccessManager.consumeScheduledOp": {
    may: "use up what was announced for the calling contract",
    oneCaller: true,
    attempts: async (stage) => {
      const change = stage.encode("JobEscrow", "setProtocolFee", [stranger, 0]);
      const selector = stage.encode("JobEscrow", "isConsumingScheduledOp", []);
      return [
        { args: [PEOPLE.governor, change], refused: "(no reason)" },
        {
          from: await stage.deployAnswering(`0x${selector.slice(2).padEnd(64, "0")}`),
          args: [PEOPLE.governor, change],
          before: async () => {
            const escrow = stage.at("JobEscrow");
            await stage.send(PEOPLE.governor, "AccessManager", "schedule", escrow, change, 0n);
            await stage.elapse(stage.governanceDelaySeconds);
          },
          refused: "AccessManagerNotScheduled",
        },
      ];
    },
  },

  "JobEscrow.deposit": {
    may: "raise a balance by what the caller pays",
    attempts: () => [
      { args: [payer, ONE], changes: { "ledger.payer": ONE } },
      { args: [stranger, DEPOSITED], refused: "ERC20InsufficientBalance" },
    ],
  },
  "JobEscrow.depositWithPermit": {
    may: "raise a balance by what the caller pays",
    attempts: async () => {
      const { v, r, s } = await forgedSignature();
      return [
        { args: [payer, ONE, maxUint256, v, r, s], changes: { "ledger.payer": ONE } },
        { args: [stranger, DEPOSITED, maxUint256, v, r, s], refused: "ERC20InsufficientBalance" },
      ];
    },
  },
  "JobEscrow.withdraw": {
    may: "pay out the caller's own balance",
    attempts: () => [{ args: [stranger, ONE] }, { args: [stranger, DEPOSITED], refused: "InsufficientBalance" }],
  },
  "JobEscrow.transfer": {
    may: "give the caller's own balance",
    attempts: () => [
      { args: [payer, ONE], changes: { "ledger.payer": ONE } },
      { args: [stranger, DEPOSITED], refused: "InsufficientBalance" },
    ],
  },
  "JobEscrow.open": {
    may: "open the caller's own job",
    attempts: async (stage) => {
      const { job, input } = await stage.nextJob();
      const sameKey = { ...job, payer: stranger, nonce: stage.jobs.bare.job.nonce };
      return [
        { args: [job, input], refused: "NotPayer" },
        { args: [sameKey, input] },
        { args: [{ ...sameKey, nonce: nonceOf(SPARE_KEY, 0), fee: FEE - 1n }, input], refused: "FeeBelowPrice" },
      ];
    },
  },
  "JobEscrow.openWithSignature": {
    may: "open the job its payer signed, for the fee it signed",
    attempts: async (stage) => {
      const { job, input } = await stage.nextJob();
      const signature = await signJob(stage, job);
      const forged = (await forgedSignature()).whole;
      const opened = { "ledger.payer": -FEE, "spareKey.0": 1n, "spareKey.1": "any" } as const;
      return [
        { args: [job, input, forged], refused: "InvalidSignature" },
        { args: [{ ...job, fee: FEE + 1n }, input, signature], refused: "InvalidSignature" },
        { args: [job, input, signature], changes: opened },
      ];
    },
  },
  "JobEscrow.cancelNonces": {
    may: NOTHING,
    attempts: ({ jobs }) => [{ args: [9, keyOf(jobs.bare.job)] }],
  },
  "JobEscrow.settle": {
    may: "pay as the committee has decided",
    attempts: ({ jobs: { revealed, committed, bare, settled } }) => [
      { args: [revealed.result, "0x", revealed.job], changes: settledAs("revealed") },
      { args: ["0x1234", "0x", revealed.job], refused: "ResultNotMajority" },
      { args: ["0x", "0x", revealed.job], refused: "ResultNotMajority" },
      { args: [committed.result, "0x", committed.job], refused: "CommitsOpen" },
      { args: ["0x", "0x", bare.job], refused: "CommitsOpen" },
      { args: [settled.result, "0x", settled.job], refused: "JobNotOpen" },
    ],
  },
  "JobEscrow.refund": {
    may: "give the payer its fee back after expiry",
    attempts: ({ jobs: { revealed, bare, settled }, elapse, now }) => [
      { args: [revealed.job], refused: "JobNotExpired" },
      { args: [bare.job], refused: "JobNotExpired" },
      { args: [settled.job], refused: "JobNotOpen" },
      {
        args: [bare.job],
        before: async () => elapse(bare.job.expiresAt - (await now())),
        changes: {
          "ledger.payer": FEE,
          "job.bare.0": 3n,
          "job.bare.key.1": "any",
          "job.bare.schedule.resolved": "any",
        },
      },
    ],
  },
  "JobEscrow.deliver": {
    may: "bring the consumer the result that stands",
    attempts: ({ jobs: { undelivered, settled }, setConsumerRefuses }) => [
      { args: [undelivered.job, undelivered.result], refused: "CallbackFailed" },
      { args: [undelivered.job, "0x1234"], refused: "ResultHashMismatch" },
      { args: [settled.job, settled.result], refused: "JobNotUndelivered" },
      {
        args: [undelivered.job, undelivered.result],
        before: () => setConsumerRefuses(false),
        changes: { "job.undelivered.0": -1n },
      },
    ],
  },
  "JobEscrow.claimRoyalty": {
    may: "credit the recipient what is its",
    attempts: ({ modelId }) => [
      {
        args: [modelId],
        changes: { "accrued.0": -2n * SPLIT.royalty, "ledger.royaltyRecipient": 2n * SPLIT.royalty },
      },
    ],
  },
  "JobEscrow.claimProtocolFee": {
    may: "credit the protocol what is its",
    attempts: ({ modelId }) => [
      {
        args: [modelId],
        changes: { "accrued.1": -2n * SPLIT.protocolFee, "ledger.feeRecipient": 2n * SPLIT.protocolFee },
      },
    ],
  },
  "JobEscrow.publish": {
    may: "list a model under the caller's own id",
    attempts: () => [
      { args: [listingOf(stranger), "ipfs://other"] },
      { args: [{ ...listingOf(stranger), price: 0n, royaltyPpm: 0 }, "ipfs://other"] },
    ],
  },
  "JobEscrow.setPrice": {
    may: "change the caller's own model",
    attempts: ({ modelId }) => [{ args: [modelId, 0n, 0], refused: "NotPublisher" }],
  },
  "JobEscrow.setRoyaltyRecipient": {
    may: "change the caller's own model",
    attempts: ({ modelId }) => [{ args: [modelId, stranger], refused: "NotPublisher" }],
  },
  "JobEscrow.retire": {
    may: "change the caller's own model",
    attempts: ({ modelId }) => [{ args: [modelId], refused: "NotPublisher" }],
  },

  "OperatorStaking.register": {
    may: "make the caller an operator, with a signer that agrees",
    attempts: async (stage) => {
      const forged = (await forgedSignature()).whole;
      return [
        { from: newcomer, args: [newcomer, 0n, "0x"] },
        { from: newcomer, args: [PEOPLE.signer0, maxUint256, forged], refused: "SignerTaken" },
        { from: newcomer, args: [payer, maxUint256, forged], refused: "InvalidSignerConsent" },
        {
          from: newcomer, // a consent given to somebody else
          args: [payer, maxUint256, await signConsentFor(stage, localTestAccount(1), owner0)],
          refused: "InvalidSignerConsent",
        },
      ];
    },
  },
  "OperatorStaking.rotateSigner": {
    may: "change the caller's own operator, to a signer that agrees",
    attempts: async () => {
      const forged = (await forgedSignature()).whole;
      return [
        { args: [PEOPLE.signer0, maxUint256, forged], refused: "SignerTaken" },
        { args: [payer, maxUint256, forged], refused: "InvalidSignerConsent" },
        { from: newcomer, args: [newcomer, 0n, "0x"], refused: "NotRegistered" },
      ];
    },
  },
  "OperatorStaking.stake": {
    may: NOTHING,
    attempts: () => [{ args: [ONE] }, { args: [STAKED], refused: "ERC20InsufficientBalance" }],
  },
  "OperatorStaking.stakeWithPermit": {
    may: NOTHING,
    attempts: async () => {
      const { v, r, s } = await forgedSignature();
      return [
        { args: [ONE, maxUint256, v, r, s] },
        { args: [STAKED, maxUint256, v, r, s], refused: "ERC20InsufficientBalance" },
      ];
    },
  },
  "OperatorStaking.allowVerifier": {
    may: "change the caller's own operator",
    attempts: ({ addresses }) => [
      { args: [addresses.verifier, ONE] },
      { args: [stranger, ONE], refused: "VerifierNotPermitted" },
      { from: newcomer, args: [addresses.verifier, 0n], refused: "NotRegistered" },
    ],
  },
  "OperatorStaking.unbond": {
    may: "change the caller's own operator",
    attempts: () => [{ args: [ONE] }, { args: [JOINED], refused: "InsufficientStake" }],
  },
  "OperatorStaking.release": {
    may: "make what has finished leaving claimable by its owner",
    attempts: ({ operators: [first], addresses, elapse }) => [
      { args: [first?.id, addresses.verifier], refused: "StillUnbonding" },
      { args: [first?.id, zeroAddress], refused: "StillUnbonding" },
      {
        args: [first?.id, addresses.verifier],
        before: () => elapse(7 * DAY),
        changes: { "operator0.allocation.leaving": -LEFT, "operator0.claimable": LEFT },
      },
      {
        args: [first?.id, zeroAddress],
        before: () => elapse(7 * DAY),
        changes: { "operator0.unbonding.leaving": -UNBONDED, "operator0.claimable": UNBONDED },
      },
      { args: [first?.id, addresses.receipts], refused: "StillUnbonding" },
      {
        args: [first?.id, addresses.receipts],
        before: () => elapse(7 * DAY),
        changes: { "operator0.standing.leaving": -STANDING_LEFT, "operator0.claimable": STANDING_LEFT },
      },
    ],
  },
  "OperatorStaking.harvest": {
    may: "make an operator's earnings claimable by its owner",
    attempts: async ({ operators: [first, second], addresses, deployAnswering }) => [
      {
        args: [first?.id, addresses.verifier],
        changes: {
          "operator0.member.earnings": -2n * earnedBy(0),
          "operator0.claimable": 2n * earnedBy(0),
          "ledger.verifier": -2n * earnedBy(0),
        },
      },
      {
        args: [second?.id, addresses.vouchers],
        changes: { "operator1.callEarnings": -PROMISED.paid, "operator1.claimable": PROMISED.paid },
      },
      {
        args: [first?.id, await deployAnswering(numberToHex(ONE, { size: 32 }))], // claims to have moved what it hasn't
        refused: "InsufficientBalance",
      },
    ],
  },
  "OperatorStaking.withdraw": {
    may: "pay out the caller's own",
    attempts: () => [{ args: [stranger] }, { from: newcomer, args: [newcomer], refused: "NotRegistered" }],
  },
  "OperatorStaking.burn": {
    may: "send to the dead address what is to be burnt",
    attempts: () => [{ args: [] }],
  },
  "OperatorStaking.allocate": {
    may: "take what the operator allows the calling verifier",
    oneCaller: true,
    attempts: ({ operators: [first] }) => [{ args: [first?.id, 1n], refused: "VerifierNotPermitted" }],
  },
  "OperatorStaking.deallocate": {
    may: "move what is allocated to the caller",
    oneCaller: true,
    attempts: ({ operators: [first] }) => [{ args: [first?.id, 1n], refused: "InsufficientStake" }],
  },
  "OperatorStaking.slash": {
    may: "slash what is allocated to the caller",
    oneCaller: true,
    attempts: ({ operators: [first], strangerOperator }) => [
      { args: [first?.id, STAKED, []] },
      { args: [first?.id, STAKED, [strangerOperator]] },
    ],
  },

  "CommitRevealVerifier.join": {
    may: "change the caller's own operator",
    attempts: () => [
      { args: [ONE], refused: "InsufficientAllowance" },
      { from: newcomer, args: [ONE], refused: "NotRegistered" },
    ],
  },
  "CommitRevealVerifier.leave": {
    may: "change the caller's own operator",
    attempts: () => [
      { args: [ONE], refused: "InsufficientShare" },
      { from: newcomer, args: [ONE], refused: "NotRegistered" },
    ],
  },
  "CommitRevealVerifier.syncSigner": {
    may: "make the verifier know the signer its owner has chosen",
    attempts: ({ operators: [first], send }) => [
      { args: [first?.id] },
      {
        args: [first?.id],
        before: () => send(owner0, "OperatorStaking", "rotateSigner", owner0, 0n, "0x"),
        changes: { "operator0.syncedSigner": -BigInt(first?.id ?? 0) },
      },
    ],
  },
  "CommitRevealVerifier.opened": {
    may: NOTHING,
    oneCaller: true,
    attempts: async (stage) => {
      const { job, jobId } = await stage.nextJob();
      return [{ args: [64n, true, job, jobId], refused: "NotEscrow" }];
    },
  },
  "CommitRevealVerifier.conclude": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ jobs: { revealed } }) => [
      { args: [revealed.job, 0n, revealed.jobId, "0x", 0n, keccak256("0x")], refused: "NotEscrow" },
    ],
  },
  "CommitRevealVerifier.releaseEarnings": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ operators: [first] }) => [{ args: [first?.id], refused: "NotStaking" }],
  },
  "CommitRevealVerifier.pinSeed": {
    may: "keep the seed the job has",
    attempts: ({ jobs: { bare, committed }, mine }) => [
      { args: [bare.ref], before: () => mine(4) },
      { args: [{ ...committed.ref, terms: bare.ref.jobId }], refused: "UnknownJob" },
    ],
  },
  "CommitRevealVerifier.commit": {
    may: "take a seat for the caller's own operator, by its draw",
    attempts: ({ jobs: { bare, committed } }) => [
      { args: [bare.ref, 0n, 0n], refused: "NotASigner" },
      { args: [committed.ref, 0n, 0n], refused: "NotASigner" },
      { from: PEOPLE.signer0, args: [committed.ref, 0n, 0n], refused: "SeedMismatch" },
    ],
  },
  "CommitRevealVerifier.reveal": {
    may: "open what a seat has committed to, for that seat",
    attempts: (stage) => {
      const { committed, revealed } = stage.jobs;
      const [hash, salt] = [keccak256(committed.result), stage.saltOf(committed)];
      const before = () => stage.closeCommits(committed);
      return [
        { args: [hash, committed.ref, 0, salt], refused: "CommitsOpen" },
        { args: [hash, committed.ref, 0, hash], before, refused: "RevealMismatch" },
        { args: [hash, revealed.ref, 0, salt], refused: "AlreadyRevealed" },
        {
          args: [hash, committed.ref, 0, salt],
          before,
          changes: { "job.committed.seats.0.revealed": "any", "job.committed.seats.0.hash": "any" },
        },
      ];
    },
  },
  "CommitRevealVerifier.expire": {
    may: "let go of what a job that has ended still locks",
    attempts: ({ jobs: { bare, committed, settled } }) => [
      { args: [bare.job], refused: "JobStillOpen" },
      { args: [committed.job], refused: "JobStillOpen" },
      { args: [settled.job] },
    ],
  },

  "VoucherEscrow.fund": {
    may: "fund the caller's own channel",
    attempts: ({ calls: { spare, channels } }) => [
      { args: [{ ...spare, ...FUNDING }], refused: "NotPayer" },
      { args: [{ ...channels.open.channel, ...FUNDING, totalDeposited: FUNDED + ONE }], refused: "NotPayer" },
      { args: [{ ...channels.open.channel, ...FUNDING, payer: stranger }] },
    ],
  },
  "VoucherEscrow.fundWithPermit": {
    may: "fund the caller's own channel",
    attempts: async ({ calls: { spare } }) => {
      const { v, r, s } = await forgedSignature();
      const permit = { value: ONE, deadline: maxUint256, v, r, s };
      return [
        { args: [{ ...spare, ...FUNDING }, permit], refused: "NotPayer" },
        { args: [{ ...spare, ...FUNDING, payer: stranger }, permit] },
      ];
    },
  },
  "VoucherEscrow.fundWithSignature": {
    may: "fund the channel its payer signed for, with the amount it signed",
    attempts: async (stage) => {
      const funding = { ...stage.calls.spare, ...FUNDING };
      const signature = await signFunding(stage, funding);
      const forged = (await forgedSignature()).whole;
      const changes = { "opg.payer": -ONE, "channel.spare.opening": 1n, "channel.spare.deposited": ONE };
      return [
        { args: [funding, forged, NO_PERMIT], refused: "InvalidSignature" },
        { args: [{ ...funding, totalDeposited: 2n * ONE }, signature, NO_PERMIT], refused: "InvalidSignature" },
        { args: [{ ...funding, voucherKey: stranger }, signature, NO_PERMIT], refused: "InvalidSignature" },
        { args: [funding, signature, NO_PERMIT], changes },
      ];
    },
  },
  "VoucherEscrow.claim": {
    may: "credit an operator what the voucher key signed for it",
    attempts: async (stage) => {
      const { open, paid, exiting } = stage.calls.channels;
      const { operatorId } = open.channel;
      const reopen = async () => {
        const { channel } = exiting;
        await stage.elapse(2 * DAY);
        await stage.send(newcomer, "VoucherEscrow", "close", ...partiesOf(channel));
        await stage.send(payer, "VoucherEscrow", "fund", { ...channel, ...FUNDING, opening: 2 });
      };
      const greedy = await signedVoucher(stage, open.channel, 2n * FUNDED);
      const claimed = (amount: bigint) => ({ "channel.open.claimed": amount, "operator0.callEarnings": amount });
      const forged = `${open.voucher.slice(0, -128)}${(await forgedSignature()).whole.slice(2, 130)}`;
      return [
        { args: [operatorId, open.voucher], changes: claimed(PROMISED.open) },
        { args: [operatorId, concat([open.voucher, open.voucher])], changes: claimed(PROMISED.open) },
        { args: [operatorId, greedy], changes: claimed(FUNDED) },
        {
          args: [operatorId, open.voucher],
          before: () => stage.send(newcomer, "VoucherEscrow", "claim", operatorId, greedy),
        },
        { args: [exiting.channel.operatorId, exiting.voucher], before: reopen },
        { args: [operatorId, forged] },
        { args: [stage.strangerOperator, open.voucher] },
        { args: [paid.channel.operatorId, paid.voucher] },
        { args: [operatorId, open.voucher.slice(0, -2)], refused: "BatchMalformed" },
      ];
    },
  },
  "VoucherEscrow.startExit": {
    may: "leave the caller's own channel",
    attempts: ({ calls: { channels } }) => [
      { args: partiesOf(channels.open.channel), refused: "NotPayer" },
      { from: PEOPLE.signer0, args: partiesOf(channels.open.channel), refused: "NotPayer" },
    ],
  },
  "VoucherEscrow.close": {
    may: "give the payer back what nobody claimed, after the exit's time",
    attempts: ({ calls: { channels, spare }, elapse }) => [
      { args: partiesOf(channels.open.channel), refused: "ChannelNotExiting" },
      { args: partiesOf(spare), refused: "ChannelNotOpen" },
      { args: partiesOf(channels.exiting.channel), refused: "StillExiting" },
      {
        args: partiesOf(channels.exiting.channel),
        before: () => elapse(2 * DAY),
        changes: {
          "opg.payer": FUNDED - PROMISED.exiting,
          "channel.exiting.deposited": -FUNDED,
          "channel.exiting.claimed": -PROMISED.exiting,
          "channel.exiting.exitsAt": "any",
        },
      },
    ],
  },
  "VoucherEscrow.releaseEarnings": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ operators: [, second] }) => [{ args: [second?.id], refused: "NotStaking" }],
  },

  "ReceiptLog.join": {
    may: "change the caller's own operator",
    attempts: () => [
      { args: [ONE], refused: "InsufficientAllowance" },
      { from: newcomer, args: [ONE], refused: "NotRegistered" },
    ],
  },
  "ReceiptLog.leave": {
    may: "change the caller's own operator",
    attempts: () => [
      { args: [ONE], refused: "InsufficientStake" },
      { from: newcomer, args: [ONE], refused: "NotRegistered" },
    ],
  },
  "ReceiptLog.syncSigner": {
    may: "make the log know the signer its owner has chosen",
    attempts: ({ operators: [first], send }) => [
      { args: [first?.id] },
      {
        args: [first?.id],
        before: () => send(owner0, "OperatorStaking", "rotateSigner", owner0, 0n, "0x"),
        changes: { "operator0.log.0": "any" },
      },
      { args: [99], refused: "UnknownOperator" },
    ],
  },
  "ReceiptLog.startIncarnation": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ operators: [first] }) =>
      [stranger, owner0, PEOPLE.signer1].map((from) => ({ from, args: [first?.id, 2, LIFE], refused: "NotSigner" })),
  },
  "ReceiptLog.announceGateway": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ operators: [first] }) =>
      [stranger, owner0, PEOPLE.signer1].map((from) => ({
        from,
        args: [first?.id, "https://elsewhere.example"],
        refused: "NotSigner",
      })),
  },
  "ReceiptLog.anchor": {
    may: NOTHING,
    oneCaller: true,
    attempts: ({ operators: [first], calls: { channels } }) =>
      [stranger, owner0, PEOPLE.signer1].map((from) => ({
        from,
        args: ["", first?.id, 1, keccak256("0x"), channels.open.voucher, keccak256("0x")],
        refused: "NotSigner",
      })),
  },
  "ReceiptLog.challengeOmission": {
    may: "ask once for a receipt that should be anchored, for a bond of the caller's",
    attempts: async ({ calls: { receipts, freshReceipt }, elapse }) => {
      const { unchallenged, anchored } = receipts;
      const forged = { ...unchallenged, signature: (await forgedSignature()).whole };
      const altered = { ...unchallenged, receipt: { ...unchallenged.receipt, price: 0n } };
      return [
        { args: [unchallenged], changes: challengedNow("unchallenged") },
        { from: newcomer, args: [unchallenged], refused: "ERC20InsufficientAllowance" },
        { args: [forged], refused: "InvalidStatement" },
        { args: [altered], refused: "InvalidStatement" },
        { args: [anchored], refused: "AlreadyChallenged" },
        { args: [await freshReceipt()], refused: "OutsideChallengeWindow" },
        { args: [unchallenged], before: () => elapse(DAY), refused: "OutsideChallengeWindow" },
      ];
    },
  },
  "ReceiptLog.answerOmission": {
    may: "show where a challenged receipt was anchored, which earns its operator the challenger's bond",
    attempts: ({ calls: { receipts, inclusion }, elapse }) => [
      {
        args: [receipts.anchored.receipt, inclusion],
        changes: { "challenge.anchored.status": 1n, "ledger.owner0": CHALLENGE_BOND },
      },
      { args: [receipts.omitted.receipt, inclusion], refused: "NotIncluded" },
      { args: [receipts.anchored.receipt, { ...inclusion, proof: [] }], refused: "NotIncluded" },
      { args: [receipts.unchallenged.receipt, inclusion], refused: "ChallengeNotOpen" },
      { args: [receipts.anchored.receipt, inclusion], before: () => elapse(DAY), refused: "AnswerTooLate" },
    ],
  },
  "ReceiptLog.upholdOmission": {
    may: "end a challenge that nobody has answered in time",
    attempts: ({ calls: { receipts }, operators: [first], elapse }) => [
      { args: [first?.id, receipts.omitted.receiptId], refused: "StillAnswerable" },
      { args: [first?.id, receipts.unchallenged.receiptId], refused: "ChallengeNotOpen" },
      {
        args: [first?.id, receipts.omitted.receiptId],
        before: () => elapse(DAY),
        changes: {
          "challenge.omitted.status": 2n,
          "ledger.challenger": CHALLENGE_BOND,
          "operator0.active": -OMISSION_SLASH,
          "operator0.standing.active": -OMISSION_SLASH,
          awaitingBurn: OMISSION_SLASH,
        },
      },
    ],
  },
  "ReceiptLog.showReceipts": {
    may: "show two receipts of one sequence that an operator signed",
    attempts: async (stage) => {
      const { showReceipts, showParts } = stage.calls.contradictions;
      const other = await stage.calls.freshReceipt();
      return [
        ...(await shownBy("showReceipts")(stage)),
        { args: withItself(showReceipts), refused: "NoContradiction" },
        { args: [showReceipts.evidence[0], other, 0], refused: "OtherSequence" },
        {
          args: [...showReceipts.evidence, 0],
          before: () => stage.send(newcomer, "ReceiptLog", "showReceipts", ...showReceipts.evidence, 0),
          refused: "AlreadyShown",
        },
        {
          args: [...showReceipts.evidence, 0],
          before: () => stage.send(newcomer, "ReceiptLog", "showParts", ...showParts.evidence, 0),
          changes: {
            "operator1.active": -EQUIVOCATION_SLASH,
            "operator1.standing.active": -EQUIVOCATION_SLASH,
            awaitingBurn: EQUIVOCATION_SLASH,
            "shown.showReceipts": "any",
            "shown.showReceipts.slashed": EQUIVOCATION_SLASH,
          },
        },
      ];
    },
  },
  "ReceiptLog.showReceiptAndPart": {
    may: "show a receipt and a part of one sequence that an operator signed",
    attempts: shownBy("showReceiptAndPart"),
  },
  "ReceiptLog.showParts": {
    may: "show two parts of one sequence that an operator signed",
    attempts: async (stage) => [
      ...(await shownBy("showParts")(stage)),
      { args: withItself(stage.calls.contradictions.showParts), refused: "NoContradiction" },
    ],
  },
};

/** Evidence is shown once, costs the operator the same whoever brings it, and earns an operator the bounty, if one is named. */
function shownBy(name: ShownBy): (stage: Stage) => Promise<Attempt[]> {
  return async ({ calls, strangerOperator, operators: [, second], elapse }) => {
    const { evidence } = calls.contradictions[name];
    const forged = (await forgedSignature()).whole;
    const [first = {}, ...rest] = evidence;
    const shown = (burnt: bigint) => ({
      "operator1.active": -EQUIVOCATION_SLASH,
      "operator1.standing.active": -EQUIVOCATION_SLASH,
      awaitingBurn: burnt,
      [`shown.${name}`]: "any" as const,
      [`shown.${name}.slashed`]: EQUIVOCATION_SLASH,
    });
    const bounty = EQUIVOCATION_SLASH / 10n;
    return [
      { args: [{ ...(first as object), signature: forged }, ...rest, 0], refused: "InvalidStatement" },
      { args: [...evidence, 0], before: () => elapse(5 * DAY), refused: "EvidenceExpired" },
      { args: [...evidence, 0], changes: shown(EQUIVOCATION_SLASH) },
      { args: [...evidence, strangerOperator], changes: shown(EQUIVOCATION_SLASH - bounty) },
      {
        args: [...evidence, second?.id], // who shows itself, loses nine tenths
        changes: { ...shown(EQUIVOCATION_SLASH - bounty), "operator1.claimable": bounty },
      },
    ];
  };
}

/** The same statement on both sides. */
const withItself = ({ evidence: [first, , ...rest] }: Contradiction) => [first, first, ...rest, 0];

const challengedNow = (name: string) =>
  Object.fromEntries(
    ["challenger", "answerBy", "bondUnits", "status"].map((field) => [`challenge.${name}.${field}`, "any" as const]),
  );

/** Each attempt by itself; what went otherwise than it should have. */
export async function tryOpenCall(stage: Stage, id: string, call: OpenCall): Promise<string[]> {
  const [name = "", functionName = ""] = id.split(".");
  const problems: string[] = [];
  for (const attempt of await call.attempts(stage)) {
    await stage.apart(async () => {
      await attempt.before?.();
      const before = await termsOf(stage);
      const refused = await stage
        .send(attempt.from ?? stranger, name as ContractName, functionName, ...attempt.args)
        .then(() => undefined)
        .catch(nameOfRefusal);
      const changes = changesOf(before, await termsOf(stage));
      for (const wrong of compare(changes, attempt.changes ?? {})) problems.push(`${id} ${wrong}`);
      if (refused !== attempt.refused) {
        problems.push(`${id} was ${said(refused)}, not ${said(attempt.refused)}`);
      }
    });
  }
  return problems;
}

const said = (refused: string | undefined) => (refused === undefined ? "let through" : `refused with ${refused}`);

function nameOfRefusal(error: unknown): string {
  if (error instanceof Refused) return error.refusal.name;
  throw error;
}

function compare(changes: Changes, wanted: Record<string, bigint | "any">): string[] {
  const wrong: string[] = [];
  for (const [path, change] of Object.entries(changes)) {
    if (wanted[path] !== "any" && wanted[path] !== change) wrong.push(`changed ${path} by ${change}`);
  }
  for (const path of Object.keys(wanted)) if (!(path in changes)) wrong.push(`left ${path} as it was`);
  return wrong;
}

/** What a settlement changes: the job, the three that earned, and what is accrued. */
function settledAs(job: string): Record<string, bigint | "any"> {
  const changes: Record<string, bigint | "any"> = {
    [`job.${job}.0`]: 1n,
    [`job.${job}.1`]: "any",
    [`job.${job}.key.1`]: "any",
    [`job.${job}.schedule.resolved`]: "any",
    "ledger.verifier": SPLIT.earners,
    "accrued.0": SPLIT.royalty,
    "accrued.1": SPLIT.protocolFee,
  };
  for (const seat of [0, 1, 2]) {
    changes[`operator${seat}.member.locked`] = -BOND_UNITS;
    changes[`operator${seat}.member.earnings`] = earnedBy(seat);
  }
  return changes;
}

async function byAuthorization(to: Address): Promise<Attempt[]> {
  const { v, r, s } = await forgedSignature();
  const nonce: Hex = keccak256(stringToHex("authorization"));
  return [{ args: [payer, to, ONE, 0n, maxUint256, nonce, v, r, s], refused: "ERC3009InvalidSignature" }];
}
