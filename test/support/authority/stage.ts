import { type Address, type Hex, keccak256, maxUint256, stringToHex, toHex, zeroAddress, zeroHash } from "viem";
import type { HDAccount } from "viem/accounts";
import { encodeEvidence, type JobRef, jobRefOf, type Schedule, type Seat } from "../../../src/chain/verifier.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import { commitmentHash, deriveSalt } from "../../../src/protocol/commitment.ts";
import { packTerms } from "../../../src/protocol/commitRevealTerms.ts";
import { escrowDomain, JOB_TYPES, type Job, jobIdOf, nonceOf, splitFee } from "../../../src/protocol/job.ts";
import { signerConsentTypedData } from "../../../src/protocol/signerConsent.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { CONTRACTS, type Deployed, deployed, type Replaced } from "./deployed.ts";
import { FIRST_SIGNER, type Operator, type StagedCalls, stageCalls } from "./stageCalls.ts";

const account = (index: number): Address => localTestAccount(index).address;

/** The chain's accounts in Hardhat's order. The network's own three are those of `deploy/parameters/local.json`. */
export const PEOPLE = {
  deployer: account(0),
  payer: account(1),
  publisher: account(2),
  royaltyRecipient: account(3),
  owner0: account(4),
  owner1: account(5),
  owner2: account(6),
  stranger: account(7),
  newcomer: account(8),
  voucherKey: account(9),
  challenger: account(10),
  signer0: account(14),
  signer1: account(15),
  signer2: account(16),
  feeRecipient: account(17),
  guardian: account(18),
  governor: account(19),
} as const;
const PAYER = 1;
const STRANGER = 7;

/** What everybody brings, and what an operator does with it. */
export const BROUGHT = parseOpg("5000");
export const DEPOSITED = parseOpg("100");
export const STAKED = parseOpg("1500");
export const JOINED = parseOpg("900");
export const LEFT = parseOpg("50");
export const UNBONDED = parseOpg("30");
export const STRANGER_STAKE = parseOpg("10");
/** Doesn't divide by three: what remains goes to the first of the majority. */
export const FEE = parseOpg("1") + 1n;
export const BOND_UNITS = 2_000_000n;
export const ROYALTY_PPM = 100_000;
const PROTOCOL_FEE_PPM = 10_000;
const RESULT_BYTES = 64;

const MINUTE = 60;
const HOUR = 3600;
const JOB_SECONDS = 20 * HOUR;
const SECRET = keccak256(stringToHex("a node's secret"));

/** Every state an open or answered job can be in, each under a key of its own, in the order they open. */
export const JOB_NAMES = ["settled", "undelivered", "revealed", "committed", "waiting", "bare"] as const;
export type JobName = (typeof JOB_NAMES)[number];

/** A key the payer has not used. */
export const SPARE_KEY = 99n;

export type StagedJob = { job: Job; jobId: Hex; ref: JobRef; input: Hex; result: Hex };

/** Users with something of everything, and a stranger who has a little. */
export type Stage = Deployed & {
  modelId: Hex;
  consumer: Address;
  operators: readonly Operator[];
  strangerOperator: number;
  jobs: Record<JobName, StagedJob>;
  calls: StagedCalls;
  /** A job the payer has not opened. */
  nextJob(key?: bigint): Promise<StagedJob>;
  open(staged: StagedJob): Promise<void>;
  commit(staged: StagedJob): Promise<void>;
  /** Waits until commits have closed. */
  closeCommits(staged: StagedJob): Promise<void>;
  settle(staged: StagedJob): Promise<void>;
  saltOf(staged: StagedJob): Hex;
  setConsumerRefuses(refuses: boolean): Promise<void>;
};

const LISTING = {
  manifestHash: keccak256(stringToHex("manifest")),
  graphRoot: zeroHash,
  weightRoot: zeroHash,
  bitExact: true,
  maxResultBytes: RESULT_BYTES,
  price: FEE,
  royaltyPpm: ROYALTY_PPM,
  royaltyRecipient: PEOPLE.royaltyRecipient,
};

/** What the publisher listed, which a stranger may list too: under another id. */
export const listingOf = (royaltyRecipient: Address) => ({ ...LISTING, royaltyRecipient });

/** Signs as the payer, who is one of the local chain's accounts. */
export async function signJob({ addresses }: Deployed, job: Job): Promise<Hex> {
  const domain = escrowDomain(addresses.chainId, addresses.escrow);
  return await localTestAccount(PAYER).signTypedData({ domain, types: JOB_TYPES, primaryType: "Job", message: job });
}

/** A signer's consent to an owner. */
export async function signConsentFor({ addresses }: Deployed, signer: HDAccount, owner: Address): Promise<Hex> {
  const consent = { owner, signer: signer.address, deadline: maxUint256 };
  return await signer.signTypedData(signerConsentTypedData(consent, addresses));
}

export async function setStage(replaced?: Replaced): Promise<Stage> {
  const network = await deployed(replaced);
  const { addresses, send, read } = network;
  const { verifier } = addresses;
  const operatorOf = async (owner: Address) => Number(await read("OperatorStaking", "operatorOf", owner));

  await bringMoney(network);
  await send(PEOPLE.payer, "JobEscrow", "deposit", PEOPLE.payer, DEPOSITED);
  await send(PEOPLE.stranger, "JobEscrow", "deposit", PEOPLE.stranger, STRANGER_STAKE);
  await send(PEOPLE.publisher, "JobEscrow", "publish", LISTING, "ipfs://model");
  const modelId = (await read("JobEscrow", "modelIdOf", PEOPLE.publisher, LISTING)) as Hex;
  for (const n of [0, 1, 2] as const) await registerOperator(network, PEOPLE[`owner${n}`], FIRST_SIGNER + n);
  await send(PEOPLE.stranger, "OperatorStaking", "register", PEOPLE.stranger, 0n, "0x");
  await send(PEOPLE.stranger, "OperatorStaking", "stake", STRANGER_STAKE);

  const operators = await Promise.all(
    ([0, 1, 2] as const).map(async (n) => {
      const owner = PEOPLE[`owner${n}`];
      return { id: await operatorOf(owner), owner, signer: PEOPLE[`signer${n}`] };
    }),
  );
  const calls = await stageCalls(network, operators);
  const consumer = await network.deployMock("RecordingConsumer");
  const setConsumerRefuses = async (refuses: boolean) => {
    const word = refuses ? "1" : "0";
    const data = `0x${selectorOf("setRefuses(bool)")}${word.padStart(64, "0")}` as Hex;
    await network.sendData(PEOPLE.deployer, consumer, data, "RecordingConsumer.setRefuses");
  };

  const makeJob = async (key: bigint, windows: Windows, called: Address = zeroAddress): Promise<StagedJob> => {
    const input = toHex(`input ${key}`);
    const terms = { committeeSize: 3, maxWidening: 0, maxResultBytes: RESULT_BYTES, bondUnits: BOND_UNITS, ...windows };
    const job: Job = {
      payer: PEOPLE.payer,
      modelId,
      inputHash: keccak256(input),
      inputUriHash: zeroHash,
      verifier,
      verifierData: packTerms(terms),
      consumer: called,
      consumerGasLimit: called === zeroAddress ? 0 : 300_000,
      fee: FEE,
      royaltyPpm: ROYALTY_PPM,
      protocolFeePpm: PROTOCOL_FEE_PPM,
      expiresAt: (await network.now()) + JOB_SECONDS,
      nonce: nonceOf(key, 0),
    };
    const jobId = jobIdOf(job, addresses);
    return { job, jobId, ref: jobRefOf(jobId, job), input, result: toHex(`result ${key}`) };
  };
  const open = async ({ job, input }: StagedJob) => send(PEOPLE.payer, "JobEscrow", "open", job, input);
  const saltOf = ({ jobId }: StagedJob) => deriveSalt(SECRET, jobId);
  const commit = async (staged: StagedJob) => {
    await network.mine(3);
    const seed = (await read("CommitRevealVerifier", "seedOf", staged.job)) as bigint;
    const opening = { jobId: staged.jobId, resultHash: keccak256(staged.result), salt: saltOf(staged) };
    for (const { id: operatorId, signer } of operators) {
      const commitment = BigInt(commitmentHash({ ...opening, operatorId })) >> 64n;
      await send(signer, "CommitRevealVerifier", "commit", staged.ref, seed >> 128n, commitment);
    }
  };
  const closeCommits = async ({ job }: StagedJob) => {
    const { commitsCloseAt } = (await read("CommitRevealVerifier", "scheduleOf", job)) as Schedule;
    await network.elapse(Math.max(1, Number(commitsCloseAt) - (await network.now())));
  };
  const settle = async (staged: StagedJob) => {
    const seats = (await read("CommitRevealVerifier", "committeeOf", staged.job)) as Seat[];
    const resultHash = keccak256(staged.result);
    const reveals = seats.flatMap(({ revealed }, seat) =>
      revealed ? [] : [{ seat, resultHash, salt: saltOf(staged) }],
    );
    const evidence = encodeEvidence(reveals, resultHash);
    await send(PEOPLE.newcomer, "JobEscrow", "settle", staged.result, evidence, staged.job);
  };
  const answer = async (staged: StagedJob) => {
    await open(staged);
    await commit(staged);
    await closeCommits(staged);
  };

  await setConsumerRefuses(true);
  const jobs = {} as Record<JobName, StagedJob>;
  jobs.settled = await makeJob(1n, QUICK);
  await answer(jobs.settled);
  await settle(jobs.settled);
  jobs.undelivered = await makeJob(2n, QUICK, consumer);
  await answer(jobs.undelivered);
  await settle(jobs.undelivered);
  jobs.revealed = await makeJob(3n, { ...SLOW, commitWindowSeconds: MINUTE });
  await answer(jobs.revealed);
  for (const seat of [0, 1, 2]) {
    const { ref, result } = jobs.revealed;
    const args = [keccak256(result), ref, seat, saltOf(jobs.revealed)];
    await send(PEOPLE.newcomer, "CommitRevealVerifier", "reveal", ...args);
  }
  jobs.committed = await makeJob(4n, SLOW);
  await open(jobs.committed);
  await commit(jobs.committed);
  jobs.waiting = await makeJob(5n, SLOW);
  await open(jobs.waiting);
  jobs.bare = await makeJob(6n, SLOW);
  await open(jobs.bare);

  // The first operator is on its way out with parts of its stake.
  await send(PEOPLE.owner0, "CommitRevealVerifier", "leave", LEFT);
  await send(PEOPLE.owner0, "OperatorStaking", "unbond", UNBONDED);

  return {
    ...network,
    modelId,
    consumer,
    operators,
    strangerOperator: await operatorOf(PEOPLE.stranger),
    jobs,
    calls,
    nextJob: (key = SPARE_KEY) => makeJob(key, SLOW),
    open,
    commit,
    closeCommits,
    settle,
    saltOf,
    setConsumerRefuses,
  };
}

/** What a settled job brings each side, base units. */
export const SPLIT = splitFee({ fee: FEE, royaltyPpm: ROYALTY_PPM, protocolFeePpm: PROTOCOL_FEE_PPM });

/** What the seat of a settled job earns: the first of the majority gets what doesn't divide. */
export function earnedBy(seat: number): bigint {
  const each = SPLIT.earners / 3n;
  return seat === 0 ? SPLIT.earners - 2n * each : each;
}

type Windows = { commitWindowSeconds: number; revealWindowSeconds: number; settleWindowSeconds: number };
const QUICK: Windows = { commitWindowSeconds: MINUTE, revealWindowSeconds: HOUR, settleWindowSeconds: HOUR };
/** Commits stay open while everything that governance announces is waited for. */
const SLOW: Windows = { commitWindowSeconds: 6 * HOUR, revealWindowSeconds: 3 * HOUR, settleWindowSeconds: 3 * HOUR };

const selectorOf = (signature: string) => keccak256(stringToHex(signature)).slice(2, 10);

/** What holds users' tokens. */
export const HOLDERS = ["JobEscrow", "OperatorStaking", "VoucherEscrow", "ReceiptLog"] as const;

/** Approvals stay open, as careless users leave them. */
async function bringMoney({ addresses, send }: Deployed): Promise<void> {
  const { payer, owner0, owner1, owner2, challenger, stranger } = PEOPLE;
  for (const person of [payer, owner0, owner1, owner2, challenger]) {
    await send(PEOPLE.deployer, "OPG", "transfer", person, BROUGHT);
  }
  await send(PEOPLE.deployer, "OPG", "transfer", stranger, 3n * STRANGER_STAKE);
  for (const person of [payer, owner0, owner1, owner2, challenger, stranger]) {
    for (const name of HOLDERS) {
      await send(person, "OPG", "approve", addresses[CONTRACTS[name]], maxUint256);
    }
  }
}

async function registerOperator(network: Deployed, owner: Address, signerIndex: number): Promise<void> {
  const { addresses, send } = network;
  const signer = localTestAccount(signerIndex);
  const consent = await signConsentFor(network, signer, owner);
  await send(owner, "OperatorStaking", "register", signer.address, maxUint256, consent);
  await send(owner, "OperatorStaking", "stake", STAKED);
  await send(owner, "OperatorStaking", "allowVerifier", addresses.verifier, STAKED);
  await send(owner, "CommitRevealVerifier", "join", JOINED);
}

/** Somebody's valid signature, over nothing anybody asked for. */
export async function forgedSignature(): Promise<{ whole: Hex; v: number; r: Hex; s: Hex }> {
  const whole = await localTestAccount(STRANGER).sign({ hash: keccak256(stringToHex("forged")) });
  return {
    whole,
    r: `0x${whole.slice(2, 66)}`,
    s: `0x${whole.slice(66, 130)}`,
    v: Number.parseInt(whole.slice(130), 16),
  };
}
