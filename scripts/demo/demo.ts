import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import hre from "hardhat";
import type { Hex } from "viem";
import type { SigningChain } from "../../src/chain/clients.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import { encodeHarvest, stakeOf } from "../../src/chain/staking.ts";
import { createOnnxWasm } from "../../src/inference/onnxWasm.ts";
import { verifyResult } from "../../src/sdk/index.ts";
import { deployNetwork } from "../deployment/deployNetwork.ts";
import { LOCAL_CHAIN_ID, parametersFileOf, readParameters } from "../deployment/parameters.ts";
import { fundCallers } from "./calls/parties.ts";
import { startCalls } from "./calls/process.ts";
import { startChainProcess } from "./chainProcess.ts";
import { compileContracts } from "./compile.ts";
import { readEscrowBalance } from "./escrowBalance.ts";
import { type ChainRecord, readChainRecord } from "./jobGas.ts";
import { answerOf, awaitEnd, type EndedJob, playRequest } from "./play.ts";
import type { Progress } from "./progress.ts";
import type { DemoReport } from "./report.ts";
import { type DemoRequest, demoRequests } from "./requests.ts";
import {
  connectAs,
  type DemoModel,
  type DemoOperator,
  deployConsumer,
  fundParties,
  LIES_EVERY,
  LYING_OPERATOR,
  makeNodeFolders,
  OPERATORS,
  publishShipped,
  startOperator,
} from "./stage.ts";

/** The demo's own folder: the chain it starts is nobody else's, so no other chain's files are touched. */
export const OUT = fileURLToPath(new URL("../../out/demo/", import.meta.url));
const FILES = { addressesFile: join(OUT, "addresses.json"), nodesDir: join(OUT, "nodes") };

export type DemoOutcome = { report: DemoReport; requests: DemoRequest[]; txReceipts: unknown[] };

/** Plays the whole demo. Whatever happens, nothing is left running. */
export async function playDemo(progress: Progress, signal: AbortSignal): Promise<DemoOutcome> {
  const startedAt = performance.now();
  const running: (() => Promise<void>)[] = [];
  try {
    await rm(OUT, { recursive: true, force: true });
    progress.say("compiling the contracts (once; about half a minute)");
    const [chainProcess] = await Promise.all([startChainProcess(), compileContracts(), makeNodeFolders(FILES)]);
    running.push(() => chainProcess.stop());
    progress.say(`local chain ${LOCAL_CHAIN_ID} at ${chainProcess.rpcUrl}, a block every second`);
    const outcome = await playOn(chainProcess.rpcUrl, running, progress, signal);
    outcome.report.durationMs = Math.round(performance.now() - startedAt);
    return outcome;
  } finally {
    for (const stop of running.reverse()) await stop();
  }
}

async function playOn(
  rpcUrl: string,
  running: (() => Promise<void>)[],
  progress: Progress,
  signal: AbortSignal,
): Promise<DemoOutcome> {
  const addresses = await deploy(rpcUrl, progress);
  const [deployer, payer, publisher, settler, ...owners] = (await Promise.all(
    (["deployer", "payer", "publisher", "settler", ...OPERATORS] as const).map((role) =>
      connectAs(rpcUrl, addresses, role),
    ),
  )) as [SigningChain, SigningChain, SigningChain, SigningChain, ...SigningChain[]];

  await fundCallers(deployer);
  const { addressesFile } = FILES;
  const calls = startCalls({ rpcUrl, addressesFile, folder: OUT }, (line) => progress.say(line));
  running.push(() => calls.stop());
  progress.say("publishing two models, funding the parties, registering three operators and starting their nodes");
  const { bytecode } = await hre.artifacts.readArtifact("DigitReader");
  const [models, consumer] = await Promise.all([
    Promise.all((["digits", "iris"] as const).map((name) => publishShipped(publisher, name))),
    fundParties(deployer, payer).then(() => deployConsumer(payer, bytecode as Hex)),
  ]);
  const operators = await Promise.all(
    OPERATORS.map((role, index) =>
      startOperator(
        { rpcUrl, ...FILES },
        owners[index] as SigningChain,
        role,
        progress.onNodeLine,
        role === LYING_OPERATOR ? LIES_EVERY : undefined,
      ),
    ),
  );
  for (const { node } of operators) running.push(() => node.stop());
  const stakesBefore = await stakesOf(payer, operators);
  signal.throwIfAborted();

  const requests = demoRequests();
  progress.say(`asking ${requests.length} times: pictures and rows the models have never seen`);
  const firstBlock = await payer.publicClient.getBlockNumber();
  const ended = await Promise.all(
    requests.map(async (request) => {
      const model = models.find(({ name }) => name === request.model) as DemoModel;
      const played = await playRequest(payer, consumer, model, request);
      progress.opened();
      const job = await awaitEnd(settler, played, signal);
      progress.ended();
      return job;
    }),
  );
  progress.done();

  progress.say("checking every result again from outside, on another backend");
  await verifyAll(settler, ended, models);
  await checkConsumer(payer, consumer, ended);
  const callsReport = await calls.report;
  progress.say("paying the operators, adding up the escrows");
  for (const { operatorId } of operators) {
    await sendCall(settler, encodeHarvest(addresses, operatorId, addresses.verifier));
  }
  const record = await readChainRecord(settler, firstBlock);
  const report = { ...(await makeReport(settler, ended, operators, stakesBefore, record)), calls: callsReport };
  return { report, requests, txReceipts: await record.txReceipts() };
}

async function deploy(rpcUrl: string, progress: Progress) {
  const connection = await hre.network.create({ network: "localhost", override: { url: rpcUrl } });
  try {
    return await deployNetwork({
      connection,
      artifacts: hre.artifacts,
      parameters: await readParameters(parametersFileOf(LOCAL_CHAIN_ID)),
      deploymentDir: join(OUT, "deployment"),
      addressesFile: FILES.addressesFile,
      onProgress: (line) => progress.say(`deployed ${line}`),
    });
  } finally {
    await connection.close();
  }
}

/** Whoever doubts a result runs the model: here on WebAssembly, where the operators ran it natively. */
async function verifyAll(chain: SigningChain, ended: EndedJob[], models: DemoModel[]): Promise<void> {
  const backend = createOnnxWasm();
  for (const { manifest, artefact, modelId } of models) {
    const model = await backend.load(artefact, manifest);
    for (const { job, jobId, request, ended: end } of ended) {
      if (job.modelId !== modelId || end.status !== "settled") continue;
      const input = request.sample.inputBytes;
      const verdict = await verifyResult(chain, {
        job,
        input,
        artefact,
        manifest,
        runModel: (bytes) => model.run(bytes),
      });
      if (!verdict.ok) throw new Error(`job ${jobId} does not verify: ${verdict.reason}`);
    }
    await model.close();
  }
}

async function checkConsumer(payer: SigningChain, consumer: Hex, ended: EndedJob[]): Promise<void> {
  for (const { jobId, request, predicted } of ended) {
    if (request.via !== "consumer") continue;
    const answer = await answerOf(payer, consumer, jobId);
    if (answer !== predicted) throw new Error(`the consumer contract read ${answer}, the job's result is ${predicted}`);
  }
}

async function stakesOf(chain: SigningChain, operators: DemoOperator[]): Promise<bigint[]> {
  return Promise.all(operators.map(async ({ operatorId }) => (await stakeOf(chain, operatorId)).active));
}

async function makeReport(
  chain: SigningChain,
  ended: EndedJob[],
  operators: DemoOperator[],
  stakesBefore: bigint[],
  record: ChainRecord,
): Promise<Omit<DemoReport, "calls">> {
  const stakesAfter = await stakesOf(chain, operators);
  const { held, owed } = await readEscrowBalance(chain);
  return {
    chainId: chain.chainId,
    jobs: await Promise.all(
      ended.map(async ({ jobId, model, predicted, expected, ended: { status } }) => ({
        jobId,
        model: model.name,
        predicted,
        expected,
        status,
        committee: await record.committeeOf(jobId),
        gas: await record.gasOf(jobId),
      })),
    ),
    operators: await Promise.all(
      operators.map(async ({ operatorId, owner }, index) => ({
        address: owner,
        stakeBefore: String(stakesBefore[index]),
        stakeAfter: String(stakesAfter[index]),
        // Nothing has been withdrawn and nothing unbonds: what is claimable is what was earned.
        earned: String((await stakeOf(chain, operatorId)).claimable),
        slashed: String(
          record.slashes().reduce((sum, slash) => (slash.operatorId === operatorId ? sum + slash.amount : sum), 0n),
        ),
      })),
    ),
    escrow: { held: String(held), owed: String(owed) },
    durationMs: 0,
  };
}
