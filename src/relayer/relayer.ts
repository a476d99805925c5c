import {
  type FeeValuesEIP1559,
  type Hex,
  isAddressEqual,
  keccak256,
  parseTransaction,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type TransactionSerializedEIP1559,
} from "viem";
import type { SigningChain } from "../chain/clients.ts";
import type { ContractCall } from "../chain/contractCall.ts";
import { rethrow, toProtocolError } from "../chain/contractErrors.ts";
import { gasLimitOf, whyReverted } from "../chain/sendCall.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { NewEntry, Outbox } from "../store/outbox.ts";

/** A transaction that was mined and succeeded. */
export type MinedTransaction = { transactionHash: Hex; blockNumber: bigint };

/** The only way a node sends: every transaction has a purpose, and there is never more than one for a purpose. */
export type Relayer = {
  /**
   * Sends the call and waits until it is mined, or joins what was sent for the same purpose before, if by an earlier
   * life of this process. What was reverted can be tried again.
   * @param purpose what the transaction is for, unique for this operator: `commit 0x…`
   * @throws ProtocolError `contract/…` when the contract refuses (before anything is sent, where the estimate shows it),
   * `chain/…` as `sendCall`, `relayer/no-local-key`; the reason for stopping when `nextBlock` does
   */
  submit(purpose: string, call: ContractCall): Promise<MinedTransaction>;
  /** Goes on with all that an earlier life of this process left on its way; ends when all of it is mined. */
  resume(): Promise<void>;
};

export type RelayerOptions = {
  chain: SigningChain;
  outbox: Outbox;
  /** Resolves with the next block, rejects when everything stops. */
  nextBlock: () => Promise<unknown>;
  /** A request that the RPC refused while a transaction is on its way; it is tried again. */
  onError: (error: ProtocolError) => void;
};

/** What isn't mined is sent again so often, in case an RPC node has dropped it, and for more where more is asked. */
const BLOCKS_PER_SEND = 5;
/** An RPC of several machines may know the nonce before the txReceipt. */
const BLOCKS_UNTIL_OVERTAKEN = 3;
/** How far the base fee may rise before a transaction has to be sent for more. */
const FEE_MARGIN = 2n;
/** Pools take a second transaction of a nonce when both of its fees are a tenth higher; this is an eighth. */
const raised = (fee: bigint) => fee + fee / 8n + 1n;
/** Says of a repeated send that an earlier one arrived. */
const HAS_ARRIVED = /already known|already imported|known transaction|nonce too low/i;

/** A relayer whose transactions are in the outbox, signed, before they are on their way. */
export function createRelayer({ chain, outbox, nextBlock, onError }: RelayerOptions): Relayer {
  const { publicClient, account } = chain;
  const underWay = new Map<string, Promise<MinedTransaction>>();
  let lastTurn: Promise<unknown> = Promise.resolve();

  async function carry(purpose: string, call: ContractCall): Promise<MinedTransaction> {
    const known = await outbox.find(purpose);
    if (known?.status === "mined") return { transactionHash: known.hash, blockNumber: known.blockNumber };
    const pending = known?.status === "pending" ? known : undefined;
    const isOurs = pending !== undefined && isAddressEqual(pending.sender, account.address);
    if (pending !== undefined && !isOurs) {
      // From before the signer was rotated: it counts if it was mined, but who sent it may have no money for gas left.
      const txReceipt = await txReceiptOf(pending);
      if (txReceipt?.status === "success") return conclude(call, txReceipt);
    }
    let entry: NewEntry = isOurs ? pending : await inTurn(() => write(purpose, call));
    for (;;) {
      const txReceipt = await mined(entry);
      if (txReceipt !== "overtaken") return conclude(call, txReceipt);
      entry = await inTurn(() => write(purpose, call));
    }
  }

  async function conclude(call: ContractCall, txReceipt: TransactionReceipt): Promise<MinedTransaction> {
    const { status, transactionHash, blockNumber } = txReceipt;
    await outbox.conclude(transactionHash, status === "success" ? "mined" : "reverted", blockNumber);
    if (status !== "success") throw await whyReverted(chain, call, txReceipt);
    return { transactionHash, blockNumber };
  }

  /** One at a time is numbered and written, so that no two take the same nonce. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastTurn.then(work, work);
    lastTurn = turn;
    return turn;
  }

  async function write(purpose: string, call: ContractCall): Promise<NewEntry> {
    const [gas, nonce, fees] = await Promise.all([gasLimitOf(chain, call), nextNonce(), askedFees()]);
    const signed = await sign(call, { gas, nonce, ...fees, maxFeePerGas: fees.maxFeePerGas * FEE_MARGIN });
    const entry = { purpose, call, sender: account.address, nonce, ...signed, replaced: [] };
    await outbox.write(entry);
    return entry;
  }

  /** The transaction for more, written down, when blocks ask for more than it offers by now; otherwise as it is. */
  async function raise(entry: NewEntry): Promise<NewEntry> {
    const asked = await askedFees();
    const offered = parseTransaction(entry.signed as TransactionSerializedEIP1559);
    const { gas = 0n, maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = offered;
    if (asked.maxFeePerGas <= maxFeePerGas && asked.maxPriorityFeePerGas <= maxPriorityFeePerGas) return entry;
    const signed = await sign(entry.call, {
      gas,
      nonce: entry.nonce,
      maxFeePerGas: larger(raised(maxFeePerGas), asked.maxFeePerGas * FEE_MARGIN),
      maxPriorityFeePerGas: larger(raised(maxPriorityFeePerGas), asked.maxPriorityFeePerGas),
    });
    const dearer = { ...entry, ...signed, replaced: [...entry.replaced, entry.hash] };
    await outbox.write(dearer);
    return dearer;
  }

  async function askedFees(): Promise<FeeValuesEIP1559> {
    return publicClient.estimateFeesPerGas().catch(rethrow);
  }

  async function sign(
    { to, data }: ContractCall,
    numbers: FeeValuesEIP1559 & { gas: bigint; nonce: number },
  ): Promise<Pick<NewEntry, "hash" | "signed">> {
    if (account.type !== "local") {
      throw new ProtocolError("relayer/no-local-key", "the account can't sign here: connect with its private key");
    }
    const signed = await account.signTransaction({ type: "eip1559", chainId: chain.chainId, to, data, ...numbers });
    return { hash: keccak256(signed), signed };
  }

  /** What others have announced under this key isn't counted: should it be dropped, ours would wait for it for ever. */
  async function nextNonce(): Promise<number> {
    const [used, pending] = await Promise.all([
      publicClient.getTransactionCount({ address: account.address }).catch(rethrow),
      outbox.pending(account.address),
    ]);
    return Math.max(used, ...pending.map(({ nonce }) => nonce + 1));
  }

  /**
   * Sends until it is mined; `overtaken` when its nonce went to another transaction, so that it never can be. No failure
   * of the RPC ends this: whatever is numbered after it waits for it.
   */
  async function mined(written: NewEntry): Promise<TransactionReceipt | "overtaken"> {
    let entry = written;
    let blocksSinceUsed = 0;
    for (let blocks = 0; ; blocks++) {
      const state = await stateOf(entry).catch(tell);
      if (typeof state === "object") return state;
      if (state === "used" && ++blocksSinceUsed >= BLOCKS_UNTIL_OVERTAKEN) return "overtaken";
      if (blocks % BLOCKS_PER_SEND === 0) {
        if (state === "waiting" && blocks > 0) entry = (await raise(entry).catch(tell)) ?? entry;
        await send(entry);
      }
      await nextBlock();
    }
  }

  /** Its txReceipt, or whether its nonce is used without one. */
  async function stateOf(entry: NewEntry): Promise<TransactionReceipt | "used" | "waiting"> {
    const used = await publicClient.getTransactionCount({ address: entry.sender }).catch(rethrow);
    return used > entry.nonce ? ((await txReceiptOf(entry)) ?? "used") : "waiting";
  }

  function tell(error: unknown): undefined {
    onError(toProtocolError(error));
  }

  /** What the RPC answers decides nothing: what it refuses may have arrived before, what it takes may get lost. */
  async function send({ signed }: NewEntry): Promise<void> {
    try {
      await publicClient.sendRawTransaction({ serializedTransaction: signed });
    } catch (error) {
      const failure = toProtocolError(error);
      if (!HAS_ARRIVED.test(failure.message)) onError(failure);
    }
  }

  /** Of whichever was mined of those that were signed under its nonce. */
  async function txReceiptOf({ hash, replaced }: NewEntry): Promise<TransactionReceipt | undefined> {
    const found = await Promise.all([hash, ...replaced].map(txReceiptOfHash));
    return found.find((txReceipt) => txReceipt !== undefined);
  }

  async function txReceiptOfHash(hash: Hex): Promise<TransactionReceipt | undefined> {
    try {
      return await publicClient.getTransactionReceipt({ hash });
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) return undefined;
      return rethrow(error);
    }
  }

  const submit: Relayer["submit"] = (purpose, call) => {
    const known = underWay.get(purpose);
    if (known !== undefined) return known;
    const started = carry(purpose, call).finally(() => underWay.delete(purpose));
    underWay.set(purpose, started);
    return started;
  };

  return {
    submit,
    async resume() {
      const entries = await outbox.pending(account.address);
      await Promise.allSettled(entries.map(({ purpose, call }) => submit(purpose, call)));
    },
  };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
