import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  custom,
  type Hex,
  keccak256,
  parseEventLogs,
  type TransactionReceipt,
  toHex,
} from "viem";
import { hardhat } from "viem/chains";
import { commitmentHash } from "../../src/protocol/commitment.ts";
import { packTerms, STAKE_UNIT } from "../../src/protocol/commitRevealTerms.ts";
import { type Job, nonceOf } from "../../src/protocol/job.ts";

export type GasCases = Record<string, number>;

const OPG = 10n ** 18n;
const FEE = 10n * OPG;
const WINDOW_SECONDS = 10;
const START = 1_900_000_000;
const RESULT = toHex(new Uint8Array(40).fill(7));
const INPUT = toHex(new Uint8Array(64).fill(9));
const TERMS = packTerms({
  committeeSize: 3,
  maxWidening: 2,
  commitWindowSeconds: WINDOW_SECONDS,
  revealWindowSeconds: WINDOW_SECONDS,
  settleWindowSeconds: WINDOW_SECONDS,
  maxResultBytes: 40,
  bondUnits: FEE / STAKE_UNIT,
});

type JobGas = { open: number; commits: number[]; reveals: number[]; settle: number; total: number };

/** Deploys the network on a fresh in-process chain, plays the jobs and reads each step's `gasUsed`. */
export async function measureGas(hre: HardhatRuntimeEnvironment): Promise<GasCases> {
  const stage = await setStage(hre);
  const first = await stage.playJob(1n, 0);
  await stage.playJob(1n, 1);
  const steady = await stage.playJob(1n, 2);
  await stage.playRefund(2n, 0);
  const refund = await stage.playRefund(2n, 1);
  await stage.playConsumerJob(0);
  const consumer = await stage.playConsumerJob(1);
  return {
    open: steady.open,
    "open (first)": first.open,
    "commit (first)": Math.max(...first.commits),
    "commit (steady)": Math.max(...steady.commits),
    "reveal (first)": Math.max(...first.reveals),
    "reveal (steady)": Math.max(...steady.reveals),
    settle: steady.settle,
    "job, three operators, total": steady.total,
    refund,
    "open by consumer contract": consumer.open,
    callback: consumer.callback,
  };
}

async function setStage(hre: HardhatRuntimeEnvironment) {
  const { provider } = await hre.network.create({
    override: { initialDate: new Date(START * 1000).toISOString(), allowBlocksWithSameTimestamp: false },
  });
  const transport = custom(provider);
  const client = createPublicClient({ chain: hardhat, transport, pollingInterval: 1, cacheTime: 0 });
  const wallet = createWalletClient({ chain: hardhat, transport });
  const [deployer, payer, publisher, protocol, settler, ...operators] = (await wallet.getAddresses()).slice(0, 8) as [
    Address,
    Address,
    Address,
    Address,
    Address,
    ...Address[],
  ];
  let now = START;

  async function mine(seconds: number, blocks = 1): Promise<void> {
    for (let block = 0; block < blocks; block++) {
      now += block === 0 ? seconds : 1;
      await provider.request({ method: "evm_setNextBlockTimestamp", params: [now] });
      await provider.request({ method: "evm_mine", params: [] });
    }
  }

  async function mined(hash: Hex): Promise<TransactionReceipt> {
    const txReceipt = await client.getTransactionReceipt({ hash });
    if (txReceipt.status !== "success") throw new Error(`transaction ${hash} reverted`);
    return txReceipt;
  }

  async function deploy(name: string, args: unknown[]) {
    const { abi, bytecode } = await hre.artifacts.readArtifact(name);
    await tick();
    const hash = await wallet.deployContract({ abi: abi as Abi, bytecode: bytecode as Hex, args, account: deployer });
    const { contractAddress } = await mined(hash);
    if (!contractAddress) throw new Error(`${name} was not deployed`);
    return { address: contractAddress, abi: abi as Abi };
  }

  async function tick(): Promise<void> {
    now += 1;
    await provider.request({ method: "evm_setNextBlockTimestamp", params: [now] });
  }

  type Contract = { address: Address; abi: Abi };
  async function send(from: Address, to: Contract, functionName: string, args: unknown[]) {
    await tick();
    return await mined(
      await wallet.writeContract({ ...to, functionName, args, account: from, chain: hardhat, gas: 8_000_000n }),
    );
  }
  const read = <T>(from: Contract, functionName: string, args: unknown[] = []) =>
    client.readContract({ ...from, functionName, args }) as Promise<T>;

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
    await send(account, escrow, "deposit", [account, 1_000n * OPG]);
  }
  for (const operator of operators) {
    await send(operator, opg, "approve", [staking.address, 2n ** 256n - 1n]);
    await send(operator, staking, "register", [operator, 0n, "0x"]);
    await send(operator, staking, "stake", [10_000n * OPG]);
    await send(operator, staking, "allowVerifier", [verifier.address, 10_000n * OPG]);
    await send(operator, verifier, "join", [10_000n * OPG]);
  }

  function jobOf(key: bigint, sequence: number): Job {
    return {
      payer,
      modelId,
      inputHash: keccak256(INPUT),
      inputUriHash: toHex(0, { size: 32 }),
      verifier: verifier.address,
      verifierData: TERMS,
      consumer: "0x0000000000000000000000000000000000000000",
      consumerGasLimit: 0,
      fee: FEE,
      royaltyPpm: 10_000,
      protocolFeePpm: 10_000,
      expiresAt: now + 1_000,
      nonce: nonceOf(key, sequence),
    };
  }

  async function commitAndReveal(job: Job) {
    const jobId = await read<Hex>(escrow, "jobIdOf", [job]);
    await mine(1, 3);
    const { seedBlock } = await read<{ seedBlock: bigint }>(verifier, "scheduleOf", [job]);
    const { hash: seed } = await client.getBlock({ blockNumber: seedBlock });
    const openings: { resultHash: Hex; salt: Hex }[] = [];
    const commits: number[] = [];
    for (const [index, operator] of operators.entries()) {
      const operatorId = await read<number>(staking, "operatorOf", [operator]);
      const opening = { resultHash: keccak256(RESULT), salt: keccak256(toHex(index + 1, { size: 32 })) };
      const commitment = commitmentHash({ jobId, operatorId, ...opening });
      openings.push(opening);
      commits.push(Number((await send(operator, verifier, "commit", [job, seed, commitment])).gasUsed));
    }
    await mine(WINDOW_SECONDS);
    const reveals: number[] = [];
    for (const [seat, { resultHash, salt }] of openings.entries()) {
      const operator = operators[seat] as Address;
      reveals.push(Number((await send(operator, verifier, "reveal", [job, seat, resultHash, salt])).gasUsed));
    }
    return { commits, reveals };
  }

  async function settleJob(job: Job) {
    const txReceipt = await send(settler, escrow, "settle", [job, RESULT, "0x"]);
    const [status, resultHash] = await read<[number, Hex]>(escrow, "resultOf", [job]);
    if (status !== 2 || resultHash !== keccak256(RESULT)) throw new Error(`job ended in status ${status}`);
    return txReceipt;
  }

  async function playJob(key: bigint, sequence: number): Promise<JobGas> {
    const job = jobOf(key, sequence);
    const open = Number((await send(payer, escrow, "open", [job, INPUT])).gasUsed);
    const { commits, reveals } = await commitAndReveal(job);
    const settle = Number((await settleJob(job)).gasUsed);
    const total = [open, ...commits, ...reveals, settle].reduce((sum, gas) => sum + gas, 0);
    return { open, commits, reveals, settle, total };
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
      expiresAt: now + 1_000,
      key: 3n,
      royaltyPpm: 10_000,
      protocolFeePpm: 10_000,
    };
    const opened = await send(deployer, reader, "ask", [request, picture]);
    const [log] = parseEventLogs({ abi: escrow.abi, logs: opened.logs, eventName: "JobOpened" }) as unknown as {
      args: { job: Job };
    }[];
    if (!log) throw new Error("the consumer's job was not opened");
    await commitAndReveal(log.args.job);
    const settled = await settleJob(log.args.job);
    const delivered = parseEventLogs({ abi: escrow.abi, logs: settled.logs, eventName: "ResultDelivered" });
    if (delivered.length !== 1) throw new Error(`consumer job ${sequence} was not delivered`);
    return { open: Number(opened.gasUsed), callback: await callGas(settled.transactionHash, reader.address) };
  }

  /** Gas of the call to `target` inside a transaction, from its trace. */
  async function callGas(hash: Hex, target: Address): Promise<number> {
    type Frame = { to: Address; gasUsed: Hex; calls?: Frame[] };
    const trace = (await provider.request({
      method: "debug_traceTransaction",
      params: [hash, { tracer: "callTracer" }],
    })) as Frame;
    const pending = [trace];
    for (let frame = pending.pop(); frame !== undefined; frame = pending.pop()) {
      if (frame.to.toLowerCase() === target.toLowerCase()) return Number(frame.gasUsed);
      pending.push(...(frame.calls ?? []));
    }
    throw new Error(`no call to ${target} in ${hash}`);
  }

  return { playJob, playRefund, playConsumerJob };
}
