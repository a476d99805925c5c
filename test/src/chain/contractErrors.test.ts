import { expect } from "chai";
import { type Abi, encodeErrorResult, type Hex, toHex } from "viem";
import { commitRevealVerifierAbi } from "../../../src/chain/abi/commitRevealVerifier.ts";
import { jobEscrowAbi } from "../../../src/chain/abi/jobEscrow.ts";
import { operatorStakingAbi } from "../../../src/chain/abi/operatorStaking.ts";
import { receiptLogAbi } from "../../../src/chain/abi/receiptLog.ts";
import { voucherEscrowAbi } from "../../../src/chain/abi/voucherEscrow.ts";
import { CALL_ADVICE, RETRYABLE_CALLS } from "../../../src/chain/callAdvice.ts";
import { connectChain, type SigningChain } from "../../../src/chain/clients.ts";
import { decodeRevert, toProtocolError } from "../../../src/chain/contractErrors.ts";
import { encodeWithdraw } from "../../../src/chain/escrow.ts";
import { sendCall } from "../../../src/chain/sendCall.ts";
import { scheduleOf } from "../../../src/chain/verifier.ts";
import type { Job } from "../../../src/protocol/job.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { startTestNetwork, type TestNetwork } from "../../support/testNetwork.ts";

const ABIS: Abi[] = [jobEscrowAbi, commitRevealVerifierAbi, operatorStakingAbi, voucherEscrowAbi, receiptLogAbi];
/** Of the contracts of calls, what only whoever deploys or governs them can meet, or nobody. */
const NOT_FOR_USERS = [
  "AccessManagedInvalidAuthority",
  "AccessManagedRequiredDelay",
  "AccessManagedUnauthorized",
  "ChallengeBondOutOfRange",
  "ExitSecondsOutOfRange",
  "InvalidShortString",
  "LogFieldOverflow",
  "NotAToken",
  "NotStaking",
  "ReentrancyGuardReentrantCall",
  "SafeERC20FailedOperation",
  "StringTooLong",
  "TermsOutOfRange",
  "TokenTookFee",
  "ZeroAddress",
];
const ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

describe("errors of the contracts", () => {
  it("are named, every one of them, with their arguments on one line", () => {
    let count = 0;
    for (const abi of ABIS) {
      for (const item of abi) {
        if (item.type !== "error") continue;
        const args = item.inputs.map(({ type }) => exampleOf(type));
        const error = decodeRevert(encodeErrorResult({ abi, errorName: item.name, args }));
        expect(error.code).to.equal(`contract/${item.name}`);
        for (const { name } of item.inputs) expect(error.message).to.include(`${name} `);
        expect(error.message).not.to.include("\n");
        count++;
      }
    }
    expect(count).to.be.greaterThan(120);
  });

  it("say what to do, each of those that users of calls can meet", () => {
    const names = [voucherEscrowAbi, receiptLogAbi].flatMap((abi) =>
      abi.flatMap((item) => (item.type === "error" ? [item.name] : [])),
    );
    const advised = [...new Set(names)].filter((name) => !NOT_FOR_USERS.includes(name));
    expect(advised.sort()).to.deep.equal(Object.keys(CALL_ADVICE).sort());
    for (const name of RETRYABLE_CALLS) expect(CALL_ADVICE).to.have.property(name);
    expect(new Set(Object.values(CALL_ADVICE)).size).to.equal(advised.length);
    const tooSoon = encodeErrorResult({ abi: receiptLogAbi, errorName: "AnchoredTooSoon", args: [5n, 9n] });
    const { message, isRetryable } = decodeRevert(tooSoon);
    expect(message).to.include("from 9").and.to.include(CALL_ADVICE.AnchoredTooSoon);
    expect(isRetryable).to.equal(true);
  });

  it("say whether waiting helps", () => {
    const open = encodeErrorResult({ abi: commitRevealVerifierAbi, errorName: "CommitsOpen", args: [1n] });
    const closed = encodeErrorResult({ abi: commitRevealVerifierAbi, errorName: "CommitsClosed", args: [1n] });
    expect([decodeRevert(open).isRetryable, decodeRevert(closed).isRetryable]).to.deep.equal([true, false]);
  });

  it("may be none of ours", () => {
    expect(decodeRevert("0x12345678").code).to.equal("contract/unknown-revert");
    expect(decodeRevert("0x").code).to.equal("contract/unknown-revert");
    expect(toProtocolError(new Error("what?\nmore")).message).not.to.include("\n");
    expect(toProtocolError(undefined).code).to.equal("chain/request-failed");
  });

  describe("on a chain", () => {
    let testNetwork: TestNetwork;
    let chain: SigningChain;

    before(async () => {
      testNetwork = await startTestNetwork();
      chain = await testNetwork.connectAs(1);
    });

    it("are seen before anything is sent", async () => {
      const error = await expectProtocolError("contract/InsufficientBalance", () =>
        sendCall(chain, encodeWithdraw(chain.addresses, ADDRESS, 5n)),
      );
      expect(error.message).to.include("balance 0").and.to.include("amount 5");
      expect(await chain.publicClient.getTransactionCount({ address: chain.account.address })).to.equal(0);
    });

    it("are found again when the transaction was mined and reverted", async () => {
      // A provider that mines the transaction though it reverts, as a real chain does when it is too late to refuse.
      const provider = {
        request: async (parameters: Parameters<typeof testNetwork.provider.request>[0]) => {
          try {
            return await testNetwork.provider.request(parameters);
          } catch (error) {
            const { transactionHash } = error as { transactionHash?: Hex };
            if (parameters.method !== "eth_sendRawTransaction" || transactionHash === undefined) throw error;
            return transactionHash;
          }
        },
      };
      const { addresses } = testNetwork;
      const late = await connectChain({ provider, addresses, account: chain.account, pollingIntervalMs: 20 });
      await expectProtocolError("contract/InsufficientBalance", () =>
        sendCall(late, encodeWithdraw(addresses, ADDRESS, 5n), { gas: 200_000n }),
      );
    });

    it("are seen when reading", async () => {
      await expectProtocolError("contract/UnknownJob", () => scheduleOf(chain, jobOf(chain)));
    });
  });
});

function exampleOf(type: string): unknown {
  if (type === "address") return ADDRESS;
  if (type === "string") return "text";
  if (type === "bool") return true;
  const bytes = /^bytes(\d+)$/.exec(type)?.[1];
  if (bytes !== undefined) return toHex(1, { size: Number(bytes) });
  if (type === "bytes") return "0x01";
  const bits = Number(/^u?int(\d+)$/.exec(type)?.[1]);
  return bits > 48 ? 1n : 1;
}

function jobOf(chain: SigningChain): Job {
  const word: Hex = toHex(0, { size: 32 });
  return {
    payer: ADDRESS,
    modelId: word,
    inputHash: word,
    inputUriHash: word,
    verifier: chain.addresses.verifier,
    verifierData: word,
    consumer: ADDRESS,
    consumerGasLimit: 0,
    fee: 0n,
    royaltyPpm: 0,
    protocolFeePpm: 0,
    expiresAt: 0,
    nonce: 0n,
  };
}
