import { type Hex, keccak256, stringToHex, toHex } from "viem";
import { chainTime, connectChain, type SigningChain, signing } from "../../src/chain/clients.ts";
import { encodeSettle } from "../../src/chain/escrow.ts";
import { sendCall } from "../../src/chain/sendCall.ts";
import {
  committeeOf,
  encodeCommit,
  encodeEvidence,
  jobRefOf,
  type Reveal,
  scheduleOf,
} from "../../src/chain/verifier.ts";
import { commitmentHash, deriveSalt } from "../../src/protocol/commitment.ts";
import { type Job, jobIdOf } from "../../src/protocol/job.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { registerOperator } from "../../src/sdk/registerOperator.ts";
import { signConsent } from "../../src/sdk/signConsent.ts";
import type { TestNetwork } from "./testNetwork.ts";

export type TestOperator = { operatorId: number /** Signs as its node does. */; node: SigningChain };

const STAKE = parseOpg("1000");
const SECRET = keccak256(stringToHex("a node's secret"));
/** Owners are accounts 4 to 6, their nodes' signers accounts 14 to 16. */
const FIRST_OWNER = 4;
const FIRST_SIGNER = 14;

/** Three operators with equal stake: in a committee of three each of them is always drawn. */
export async function registerThreeOperators(testNetwork: TestNetwork): Promise<TestOperator[]> {
  const operators: TestOperator[] = [];
  for (let index = 0; index < 3; index++) {
    await testNetwork.fund(FIRST_OWNER + index, STAKE);
    const owner = await testNetwork.connectAs(FIRST_OWNER + index);
    const account = testNetwork.account(FIRST_SIGNER + index);
    const consent = await signConsent(account, owner, owner.account.address);
    const options = { signer: account.address, consent, stake: STAKE, allocate: STAKE };
    const { operatorId } = await registerOperator(owner, options);
    const { provider, addresses } = testNetwork;
    operators.push({
      operatorId,
      node: signing(await connectChain({ provider, addresses, account, pollingIntervalMs: 20 })),
    });
  }
  return operators;
}

/** All operators answer the same and the job is settled, the reveals carried by the settlement. */
export async function settleAs(
  testNetwork: TestNetwork,
  operators: readonly TestOperator[],
  job: Job,
  result: Uint8Array,
): Promise<void> {
  const [settler] = operators;
  if (settler === undefined) throw new Error("no operators");
  const { node: chain } = settler;
  await testNetwork.mine(3);
  const { seedBlock } = await scheduleOf(chain, job);
  const { hash: seedHash } = await chain.publicClient.getBlock({ blockNumber: seedBlock });
  const jobId = jobIdOf(job, { chainId: chain.chainId, escrow: chain.addresses.escrow });
  for (const operator of operators) {
    const commitment = commitmentHash(openingOf(chain, operator.operatorId, job, result));
    await sendCall(operator.node, encodeCommit(chain.addresses, jobRefOf(jobId, job), seedHash, commitment));
  }
  const { commitsCloseAt } = await scheduleOf(chain, job);
  await testNetwork.elapse(Math.max(1, commitsCloseAt - (await chainTime(chain))));
  const seats = await committeeOf(chain, job);
  const reveals = seats.map(({ operatorId }, seat): Reveal => {
    const { resultHash, salt } = openingOf(chain, operatorId, job, result);
    return { seat, resultHash, salt };
  });
  await sendCall(chain, encodeSettle(chain.addresses, job, toHex(result), encodeEvidence(reveals, keccak256(result))));
}

function openingOf({ chainId, addresses }: SigningChain, operatorId: number, job: Job, result: Uint8Array) {
  const jobId = jobIdOf(job, { chainId, escrow: addresses.escrow });
  const resultHash: Hex = keccak256(result);
  return { jobId, operatorId, resultHash, salt: deriveSalt(SECRET, jobId) };
}
