import { type Address, type Hex, keccak256, maxUint256, numberToHex, stringToHex, zeroAddress } from "viem";
import { ADMIN_ROLE } from "../../../deploy/modules/Access.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
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
      [payer, addresses.escrow, addresses.staking].map((from) => ({
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
    ],
  },
  "OperatorStaking.harvest": {
    may: "make an operator's earnings claimable by its owner",
    attempts: async ({ operators: [first], addresses, deployAnswering }) => [
      {
        args: [first?.id, addresses.verifier],
        changes: {
          "operator0.member.earnings": -2n * earnedBy(0),
          "operator0.claimable": 2n * earnedBy(0),
          "ledger.verifier": -2n * earnedBy(0),
        },
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
};

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
