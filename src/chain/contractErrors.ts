import {
  type Abi,
  BaseError,
  ChainDisconnectedError,
  decodeErrorResult,
  type Hex,
  HttpRequestError,
  InsufficientFundsError,
  InternalRpcError,
  isHex,
  LimitExceededRpcError,
  ProviderDisconnectedError,
  parseAbi,
  ResourceUnavailableRpcError,
  TimeoutError,
  WaitForTransactionReceiptTimeoutError,
  WebSocketRequestError,
} from "viem";
import { ProtocolError } from "../protocol/errors.ts";
import { accessManagerAbi } from "./abi/accessManager.ts";
import { commitRevealVerifierAbi } from "./abi/commitRevealVerifier.ts";
import { digitReaderAbi } from "./abi/digitReader.ts";
import { jobEscrowAbi } from "./abi/jobEscrow.ts";
import { operatorStakingAbi } from "./abi/operatorStaking.ts";
import { opgAbi } from "./abi/opg.ts";
import { receiptLogAbi } from "./abi/receiptLog.ts";
import { voucherEscrowAbi } from "./abi/voucherEscrow.ts";
import { CALL_ADVICE, RETRYABLE_CALLS } from "./callAdvice.ts";

const errorsOf = (abis: readonly Abi[]): Abi => abis.flatMap((abi) => abi.filter((item) => item.type === "error"));

const NETWORK_ERRORS = errorsOf([
  jobEscrowAbi,
  commitRevealVerifierAbi,
  operatorStakingAbi,
  voucherEscrowAbi,
  receiptLogAbi,
  opgAbi,
]);

/** Every error any of our contracts can revert with; a verifier's reach the caller through the escrow. */
const ERRORS: Abi = [
  ...NETWORK_ERRORS,
  ...errorsOf([
    accessManagerAbi,
    digitReaderAbi,
    parseAbi(["error Error(string reason)", "error Panic(uint256 code)"]),
  ]),
];

/** What time alone can cure. */
const RETRYABLE = new Set([
  ...RETRYABLE_CALLS,
  "CommitsOpen",
  "JobNotExpired",
  "JobStillOpen",
  "JobsPaused",
  "KeyBusy",
  "KeyUnresolved",
  "NewModelsPaused",
  "RefundRefused",
  "ResultPending",
  "RevealsOpen",
  "StakesPaused",
  "StillUnbonding",
]);

const RPC_FAILURES = [
  HttpRequestError,
  WebSocketRequestError,
  TimeoutError,
  WaitForTransactionReceiptTimeoutError,
  LimitExceededRpcError,
  ResourceUnavailableRpcError,
  InternalRpcError,
  ProviderDisconnectedError,
  ChainDisconnectedError,
];

/**
 * Any failure of a chain request as one line: a revert as `contract/FeeBelowPrice` with its arguments, an RPC that is
 * down, slow or limiting as `chain/rpc-down` (retryable), too little gas as `chain/out-of-gas` (retryable), no gas money
 * as `chain/insufficient-gas-funds`, and the rest as `chain/request-failed`.
 */
export function toProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const line = firstLineOf(error);
  if (/out of gas/i.test(line)) {
    return new ProtocolError("chain/out-of-gas", "the call ran out of gas: try again, or give it a higher limit", {
      isRetryable: true,
      cause: error,
    });
  }
  const data = revertDataOf(error);
  if (data !== undefined) return decodeRevert(data, error);
  if (findCause(error, (cause) => cause instanceof InsufficientFundsError) !== undefined) {
    return new ProtocolError(
      "chain/insufficient-gas-funds",
      "the sender can't pay for gas: send it some of the chain's own coin",
      { cause: error },
    );
  }
  if (findCause(error, (cause) => RPC_FAILURES.some((type) => cause instanceof type)) !== undefined) {
    return new ProtocolError("chain/rpc-down", `the RPC doesn't answer (${line}): try again or use another RPC`, {
      isRetryable: true,
      cause: error,
    });
  }
  return new ProtocolError("chain/request-failed", `the chain refused the request (${line}): check the call`, {
    cause: error,
  });
}

/** For `.catch`: rethrows as {@link toProtocolError}. */
export function rethrow(error: unknown): never {
  throw toProtocolError(error);
}

/**
 * A revert's data as an error with its contract name for a code.
 * @param cause what carried the data
 */
export function decodeRevert(data: Hex, cause?: unknown): ProtocolError {
  try {
    const { errorName, args } = decodeErrorResult({ abi: ERRORS, data });
    const names = argumentNames(errorName, args?.length ?? 0);
    const shown = (args ?? []).map((value, index) => `${names[index] ?? index} ${show(value)}`).join(", ");
    return new ProtocolError(
      `contract/${errorName}`,
      `the contract refused with ${errorName}(${shown}): ${adviceFor(errorName)}`,
      { isRetryable: RETRYABLE.has(errorName), cause },
    );
  } catch {
    const got = data === "0x" ? "no reason" : `unknown data ${data.slice(0, 74)}`;
    return new ProtocolError(
      "contract/unknown-revert",
      `the call reverted with ${got}: check that the addresses are right`,
      {
        cause,
      },
    );
  }
}

/** Our contracts may call the same argument of one error by different names; which of them refused, the data doesn't say. */
function argumentNames(errorName: string, count: number): string[] {
  const [ours, all] = [NETWORK_ERRORS, ERRORS].map((errors) =>
    errors.flatMap((item) =>
      item.type === "error" && item.name === errorName && item.inputs.length === count ? [item.inputs] : [],
    ),
  );
  const lists = ours?.length ? ours : (all ?? []);
  return Array.from({ length: count }, (_, at) => {
    const names = lists.map((inputs) => inputs[at]?.name ?? String(at));
    return [...new Set(names)].join(" or ");
  });
}

function adviceFor(errorName: string): string {
  return CALL_ADVICE[errorName] ?? (RETRYABLE.has(errorName) ? "wait and try again" : "correct the call");
}

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item));
  }
  return String(value);
}

/** Providers put it in `data`, in `data.data`, or viem in `raw`, at some depth of the causes. */
function revertDataOf(error: unknown): Hex | undefined {
  let found: Hex | undefined;
  findCause(error, (cause) => {
    const { raw, data } = cause as { raw?: unknown; data?: unknown };
    const inner = typeof data === "object" && data !== null ? (data as { data?: unknown }).data : undefined;
    found = [raw, data, inner].find((value): value is Hex => isHex(value));
    return found !== undefined;
  });
  return found ?? (isBareRevert(error) ? "0x" : undefined);
}

function isBareRevert(error: unknown): boolean {
  return findCause(error, (cause) => (cause as { code?: unknown }).code === 3) !== undefined;
}

function findCause(error: unknown, matches: (cause: object) => boolean): object | undefined {
  for (let cause = error, depth = 0; typeof cause === "object" && cause !== null && depth < 12; depth++) {
    if (matches(cause)) return cause;
    cause = (cause as { cause?: unknown }).cause;
  }
  return undefined;
}

function firstLineOf(error: unknown): string {
  // The rest of it is a page of the server's, which may show the URL, and with it a provider's key.
  const refused = findCause(error, (cause) => cause instanceof HttpRequestError && cause.status !== undefined);
  if (refused instanceof HttpRequestError) return `status ${refused.status}`;
  const text =
    error instanceof BaseError ? error.details || error.shortMessage : String((error as Error)?.message ?? error);
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
