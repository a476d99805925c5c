import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import {
  type Address,
  getAddress,
  type Hex,
  keccak256,
  numberToHex,
  parseEventLogs,
  type TransactionReceipt,
  toHex,
} from "viem";
import { encodeEvidence, jobRefOf, type Reveal } from "../../src/chain/verifier.ts";
import { commitmentHash } from "../../src/protocol/commitment.ts";
import { packTerms, STAKE_UNIT } from "../../src/protocol/commitRevealTerms.ts";
import { type Job, nonceOf } from "../../src/protocol/job.ts";
import { seedOf } from "../../src/protocol/sortition.ts";
import { type Replaced, startChain } from "./chain.ts";
import { type GasItems, gasOfCall, itemise, traceOf } from "./trace.ts";

export type GasCases = Record<string, number>;

const OPG = 10n ** 18n;
const FEE = 10n * OPG;
const WINDOW_SECONDS = 10;
const START = 1_900_000_000;
/** Where made-up addresses and keys begin. */
const OTHERS = 1_000_000;
const INPUT = toHex(new Uint8Array(64).fill(9));
/** 28×28, a ring: about as many dark pixels as a written digit has. */
const PICTURE = toHex(Uint8Array.from({ length: 784 }, (_, pixel) => ringAt(pixel % 28, Math.floor(pixel / 28))));
const TERMS = packTerms({
  committeeSize: 3,
  maxWidening: 2,
  commitWindowSeconds: WINDOW_SECONDS,
  revealWindowSeconds: WINDOW_SECONDS,
  settleWindowSeconds: WINDOW_SECONDS,
  maxResultBytes: 40,
  bondUnits: FEE / STAKE_UNIT,
});

/** How a job's reveals reach the chain: each by itself, the settling operator's inside settle, or all inside settle. */
export type Reveals = "alone" | "last carried" | "carried";

export type JobGas = {
  open: number;
  commits: number[];
  reveals: number[];
  settle: number;
  total: number;
  hashes: { open: Hex; commits: Hex[]; reveals: Hex[]; settle: Hex };
};

export type Stage = Awaited<ReturnType<typeof setStage>>;

/** Plays the jobs and reads each step's `gasUsed`. */
export async function measureGas(stage: Stage): Promise<{ cases: GasCases; steady: JobGas }> {
  const first = await stage.playJob(1n, 0, "alone");
  await stage.playJob(1n, 1, "last carried");
  const alone = await stage.playJob(1n, 2, "alone");
  const steady = await stage.playJob(1n, 3, "last carried");
  const carried = await stage.playJob(1n, 4, "carried");
  const picture = await stage.playJob(1n, 5, "last carried", PICTURE);
  const fresh = await stage.playJob(4n, 0, "last carried");
  await stage.playRefund(2n, 0);
  const refund = await stage.playRefund(2n, 1);
  await stage.playConsumerJob(0);
  const consumer = await stage.playConsumerJob(1);
  const cases = {
    open: steady.open,
    "open, digit picture": picture.open,
    "open (fresh key)": fresh.open,
    "open (first)": first.open,
    "commit (first)": Math.max(...first.commits),
    "commit (steady)": Math.max(...steady.commits),
    "reveal (first)": Math.max(...first.reveals),
    "reveal (steady)": Math.max(...steady.reveals),
    settle: alone.settle,
    "settle, last reveal inside": steady.settle,
    "settle, all reveals inside": carried.settle,
    "job, three operators, total": steady.total,
    "job, three operators, reveals carried, total": carried.total,
    "job, three operators, every reveal alone, total": alone.total,
    "job, three operators, total (fresh keys)": fresh.total,
    freshSlotsPerJob: await stage.freshSlotsOf(steady),
    "freshSlotsPerJob (reveals carried)": await stage.freshSlotsOf(carried),
    "freshSlotsPerJob (fresh keys)": await stage.freshSlotsOf(fresh),
    refund,
    "open by consumer contract": consumer.open,
    callback: consumer.callback,
  };
  return { cases, steady };
}

function ringAt(x: number, y: number): number {
  const radius = Math.hypot(x - 13.5, y - 13.5);
  return radius > 6 && radius < 9 ? 255 - Math.round(Math.abs(radius - 7.5) * 100) : 0;
}

/** Deploys the network on a fresh in-process chain and prepares the parties. */
export async function setStage(hre: HardhatRuntimeEnvironment, replaced: Replaced = {}) {
  const { provider, client, accounts, deployer, deploy, send, read, mine, now } = await startChain(
    hre,
    START,
    replaced,
  );
  const [payer, publisher, protocol, settler, ...operators] = accounts.slice(1, 8) as [
    Address,
    Address,
    Address,
    Address,
    ...Address[],
  ];

  const opg = await deploy("OPG", [deployer]);
  const authority = await deploy("AccessManager", [deployer]);
  const escrow = await deploy("JobEscrow", [opg.address, authority.address, protocol, 10_000]);
  const models = escrow;
  const staking = await deploy("OperatorStaking", [opg.address, escrow.address, authority.address, 14 * 86_400]);
  const verifier = await deploy("CommitRevealVerifier", [
    escrow.address,
    staking.address,
    authority.address,
    {
      minCommitWindowSeconds: 4,
      minRevealWindowSeconds: 4,
      minSettleWindowSeconds: 4,
      minBondPpm: 1_000_000,
      minBondUnits: 1n,
    },
  ]);
  await send(deployer, staking, "permitVerifier", [verifier.address, true]);

  const listing = {
    manifestHash: keccak256("0x01"),
    graphRoot: toHex(0, { size: 32 }),
    weightRoot: toHex(0, { size: 32 }),
    bitExact: true,
    maxResultBytes: 40,
    price: FEE,
    royaltyPpm: 10_000,
    royaltyRecipient: publisher,
  };
  await send(publisher, models, "publish", [listing, "https://models.example/m.json"]);
  const modelId = await read<Hex>(models, "modelIdOf", [publisher, listing]);

  for (const account of [payer, publisher, protocol, ...operators]) {
    await send(deployer, opg, "transfer", [account, 100_000n * OPG]);
    await send(account, opg, "approve", [escrow.address, 2n ** 256n - 1n]);
    await send(account, escrow, "deposit", [account, 20_000n * OPG]);
  }
  for (const operator of operators) {
    await send(operator, opg, "approve", [staking.address, 2n ** 256n - 1n]);
    await send(operator, staking, "register", [operator, 0n, "0x"]);
    await send(operator, staking, "stake", [10_000n * OPG]);
    await send(operator, staking, "allowVerifier", [verifier.address, 10_000n * OPG]);
    await send(operator, verifier, "join", [10_000n * OPG]);
  }

  let results = 0;
  let added = 0;
  function jobOf(key: bigint, sequence: number, input: Hex = INPUT): Job {
    return {
      payer,
      modelId,
      inputHash: keccak256(input),
      inputUriHash: toHex(0, { size: 32 }),
      verifier: verifier.address,
      verifierData: TERMS,
      consumer: "0x0000000000000000000000000000000000000000",
      consumerGasLimit: 0,
      fee: FEE,
      royaltyPpm: 10_000,
      protocolFeePpm: 10_000,
      expiresAt: now() + 1_000,
      nonce: nonceOf(key, sequence),
    };
  }

  async function commitAndReveal(job: Job, result: Hex, how: Reveals) {
    const jobId = await read<Hex>(escrow, "jobIdOf", [job]);
    await mine(1, 3);
    const { seedBlock } = await read<{ seedBlock: bigint }>(verifier, "scheduleOf", [job]);
    const { hash: seed } = await client.getBlock({ blockNumber: seedBlock });
    const ref = jobRefOf(jobId, job);
    const openings: Reveal[] = [];
    const commits: TransactionReceipt[] = [];
    for (const [index, operator] of operators.entries()) {
      const operatorId = await read<number>(staking, "operatorOf", [operator]);
      const opening = { seat: index, resultHash: keccak256(result), salt: keccak256(toHex(index + 1, { size: 32 })) };
      const commitment = commitmentHash({ jobId, operatorId, ...opening });
      openings.push(opening);
      commits.push(
        await send(operator, verifier, "commit", [ref, seedOf(seed, jobId) >> 128n, BigInt(commitment) >> 64n]),
      );
    }
    const { commitsCloseAt } = await read<{ commitsCloseAt: number }>(verifier, "scheduleOf", [job]);
    await mine(Math.max(1, commitsCloseAt - now()));
    const inTransactions = { alone: openings.length, "last carried": openings.length - 1, carried: 0 }[how];
    const reveals: TransactionReceipt[] = [];
    for (const { seat, resultHash, salt } of openings.slice(openings.length - inTransactions)) {
      reveals.push(await send(operators[seat] as Address, verifier, "reveal", [resultHash, ref, seat, salt]));
    }
    return {
      commits,
      reveals,
      evidence: encodeEvidence(openings.slice(0, openings.length - inTransactions), keccak256(result)),
    };
  }

  async function settleJob(job: Job, result: Hex, evidence: Hex) {
    const txReceipt = await send(settler, escrow, "settle", [result, evidence, job]);
    const [status, resultHash] = await read<[number, Hex]>(escrow, "resultOf", [job]);
    if (status !== 2 || resultHash !== keccak256(result)) throw new Error(`job ended in status ${status}`);
    return txReceipt;
  }

  async function playJob(
    key: bigint,
    sequence: number,
    how: Reveals,
    input: Hex = INPUT,
    meanwhile: () => Promise<void> = async () => {},
  ): Promise<JobGas> {
    const job = jobOf(key, sequence, input);
    const result = nextResult();
    const opened = await send(payer, escrow, "open", [job, input]);
    await meanwhile();
    const { commits, reveals, evidence } = await commitAndReveal(job, result, how);
    const settled = await settleJob(job, result, evidence);
    const gas = ({ gasUsed }: TransactionReceipt) => Number(gasUsed);
    const hash = ({ transactionHash }: TransactionReceipt) => transactionHash;
    return {
      open: gas(opened),
      commits: commits.map(gas),
      reveals: reveals.map(gas),
      settle: gas(settled),
      total: [opened, ...commits, ...reveals, settled].map(gas).reduce((sum, step) => sum + step, 0),
      hashes: { open: hash(opened), commits: commits.map(hash), reveals: reveals.map(hash), settle: hash(settled) },
    };
  }

  /** 40 bytes, other ones for each job: a slot is never written with what it holds already. */
  function nextResult(): Hex {
    results += 1;
    return toHex(new Uint8Array(40).fill((results % 255) + 1));
  }

  async function playRefund(key: bigint, sequence: number): Promise<number> {
    const job = jobOf(key, sequence);
    await send(payer, escrow, "open", [job, INPUT]);
    await mine(1_001);
    const { gasUsed } = await send(settler, escrow, "refund", [job]);
    const status = await read<number>(escrow, "statusOf", [job]);
    if (status !== 4) throw new Error(`job ended in status ${status}`);
    return Number(gasUsed);
  }

  const reader = await deploy("DigitReader", [escrow.address]);
  await send(payer, escrow, "deposit", [reader.address, 1_000n * OPG]);

  /** The consumer opens the job itself; the callback's share of the settlement is what its call used. */
  async function playConsumerJob(sequence: number): Promise<{ open: number; callback: number }> {
    const picture = INPUT;
    const request = {
      modelId,
      verifier: verifier.address,
      verifierData: TERMS,
      fee: FEE,
      expiresAt: now() + 1_000,
      key: 3n,
      royaltyPpm: 10_000,
      protocolFeePpm: 10_000,
    };
    const opened = await send(deployer, reader, "ask", [request, picture]);
    const [log] = parseEventLogs({ abi: escrow.abi, logs: opened.logs, eventName: "JobOpened" }) as unknown as {
      args: { job: Job };
    }[];
    if (!log) throw new Error("the consumer's job was not opened");
    const result = nextResult();
    const { evidence } = await commitAndReveal(log.args.job, result, "alone");
    const settled = await settleJob(log.args.job, result, evidence);
    const delivered = parseEventLogs({ abi: escrow.abi, logs: settled.logs, eventName: "ResultDelivered" });
    if (delivered.length !== 1) throw new Error(`consumer job ${sequence} was not delivered`);
    return { open: Number(opened.gasUsed), callback: await callGas(settled.transactionHash, reader.address) };
  }

  const trace = (hash: Hex) => traceOf(provider, hash);

  /** Storage slots that were zero before a job's transactions and aren't after. */
  async function freshSlotsOf({ hashes }: JobGas): Promise<number> {
    const { open, commits, reveals, settle } = hashes;
    const items = await Promise.all([open, ...commits, ...reveals, settle].map(itemsOf));
    return items.reduce((sum, { freshSlots }) => sum + freshSlots, 0);
  }

  async function itemsOf(hash: Hex): Promise<GasItems> {
    const [transaction, txReceipt] = await Promise.all([
      client.getTransaction({ hash }),
      client.getTransactionReceipt({ hash }),
    ]);
    return itemise(await trace(hash), transaction.input, Number(txReceipt.gasUsed));
  }

  async function callGas(hash: Hex, target: Address): Promise<number> {
    return gasOfCall(await trace(hash), target);
  }

  /** Operators who hold a ten-thousandth of one of the three's stake each, so that the three are drawn as before. */
  async function addOperators(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      added += 1;
      const owner = getAddress(numberToHex(OTHERS + added, { size: 20 }));
      await provider.request({ method: "hardhat_impersonateAccount", params: [owner] });
      await provider.request({ method: "hardhat_setBalance", params: [owner, toHex(OPG)] });
      await send(deployer, opg, "transfer", [owner, OPG]);
      await send(owner, opg, "approve", [staking.address, OPG]);
      await send(owner, staking, "register", [owner, 0n, "0x"]);
      await send(owner, staking, "stake", [OPG]);
      await send(owner, staking, "allowVerifier", [verifier.address, OPG]);
      await send(owner, verifier, "join", [OPG]);
    }
  }

  async function addModels(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      added += 1;
      const other = { ...listing, manifestHash: keccak256(numberToHex(OTHERS + added)) };
      await send(publisher, models, "publish", [other, "https://models.example/m.json"]);
    }
  }

  /** Jobs that ended, each under a key of its own: one in twenty with a result, the others without a commit. */
  async function addPastJobs(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      added += 1;
      if (index % 20 === 0) await playJob(BigInt(OTHERS + added), 0, "carried");
      else await playRefund(BigInt(OTHERS + added), 0);
    }
  }

  /** Every operator's stake changes this often, each time by a unit and in a block of its own. */
  async function changeStakes(times: number): Promise<void> {
    for (const operator of operators) {
      for (let index = 0; index < times; index++) await send(operator, verifier, "leave", [STAKE_UNIT]);
    }
  }

  return {
    ...{ playJob, playRefund, playConsumerJob, freshSlotsOf, itemsOf },
    ...{ addOperators, addModels, addPastJobs, changeStakes },
  };
}
