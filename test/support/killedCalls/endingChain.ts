import { appendFileSync } from "node:fs";
import { decodeFunctionData, type Hex, parseTransaction, type TransactionSerializedEIP1559 } from "viem";
import { opgAbi } from "../../../src/chain/abi/opg.ts";
import { receiptLogAbi } from "../../../src/chain/abi/receiptLog.ts";
import { voucherEscrowAbi } from "../../../src/chain/abi/voucherEscrow.ts";
import { loadAddresses } from "../../../src/chain/addressesFile.ts";
import { connectChain, type SigningChain, signing } from "../../../src/chain/clients.ts";
import { localTestAccount } from "../../../src/cli/localAccounts.ts";
import type { SignStatement } from "../../../src/gateway/issuer.ts";
import { toJson } from "../../../src/store/json.ts";

const LOCAL_CHAIN_ID = 31337;
const POLLING_INTERVAL_MS = 250;
const ABI = [...receiptLogAbi, ...voucherEscrowAbi, ...opgAbi];

export type EndingChainOptions = {
  rpcUrl: string;
  addressesFile: string;
  /** Which of the local chain's test accounts signs. */
  account: number;
};

/**
 * A connection that tells of every transaction twice: when it is in the outbox and not on its way yet (`anchorWritten`), and
 * when the chain has it (`anchorSent`).
 */
export async function connectEnding(
  { rpcUrl, addressesFile, account }: EndingChainOptions,
  onStep: (step: string) => void,
): Promise<SigningChain> {
  const addresses = await loadAddresses(LOCAL_CHAIN_ID, addressesFile);
  const signer = localTestAccount(account);
  const chain = signing(
    await connectChain({ rpcUrl, addresses, account: signer, pollingIntervalMs: POLLING_INTERVAL_MS }),
  );
  const { publicClient } = chain;
  const sendRawTransaction: typeof publicClient.sendRawTransaction = async (parameters) => {
    const name = nameOf(parameters.serializedTransaction);
    onStep(`${name}Written`);
    const hash = await publicClient.sendRawTransaction(parameters);
    onStep(`${name}Sent`);
    return hash;
  };
  return { ...chain, publicClient: { ...publicClient, sendRawTransaction } };
}

/** Writes each receipt and part down before anybody has its signature, whether it leaves or not. */
export function recordStatements(account: number, file: string): SignStatement {
  const signer = localTestAccount(account);
  return async (hash, statement) => {
    const signature = await signer.sign({ hash });
    const name = "index" in statement ? "part" : "receipt";
    appendFileSync(file, `${toJson({ [name]: statement, signature })}\n`);
    return signature;
  };
}

function nameOf(serialized: Hex): string {
  const { data = "0x" } = parseTransaction(serialized as TransactionSerializedEIP1559);
  return decodeFunctionData({ abi: ABI, data }).functionName;
}
