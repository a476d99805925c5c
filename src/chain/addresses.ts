import { type Address, getAddress, isAddress, zeroAddress } from "viem";
import { ProtocolError } from "../protocol/errors.ts";

/** Where one network's contracts are. */
export type NetworkAddresses = {
  chainId: number;
  opg: Address;
  /** The `AccessManager`. */
  authority: Address;
  /** The `JobEscrow`; the register of models is a part of it. */
  escrow: Address;
  staking: Address;
  verifier: Address;
  /** The `VoucherEscrow`. */
  vouchers: Address;
  /** The `ReceiptLog`. */
  receipts: Address;
  /** No log of these contracts is older. */
  deployedAtBlock: number;
};

export const CONTRACT_NAMES = ["opg", "authority", "escrow", "staking", "verifier", "vouchers", "receipts"] as const;

/**
 * Reads addresses from JSON text or from parsed JSON. Fields it doesn't know are ignored.
 * @throws ProtocolError `addresses/invalid` naming the field, what it holds and what it may hold; `addresses/older-network`
 * for those of a network that was deployed before there were calls
 */
export function parseAddresses(source: unknown): NetworkAddresses {
  const fields = readFields(typeof source === "string" ? parseText(source) : source);
  if (fields.verifier !== undefined && fields.vouchers === undefined && fields.receipts === undefined) {
    throw new ProtocolError(
      "addresses/older-network",
      "the addresses name neither vouchers nor receipts: that network was deployed before there were calls, and can't be " +
        "added to; deploy a new one, see docs/operations/deploy.md",
    );
  }
  return {
    chainId: readInteger("chainId", fields.chainId, 1),
    opg: readAddress("opg", fields.opg),
    authority: readAddress("authority", fields.authority),
    escrow: readAddress("escrow", fields.escrow),
    staking: readAddress("staking", fields.staking),
    verifier: readAddress("verifier", fields.verifier),
    vouchers: readAddress("vouchers", fields.vouchers),
    receipts: readAddress("receipts", fields.receipts),
    deployedAtBlock: readInteger("deployedAtBlock", fields.deployedAtBlock, 0),
  };
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("addresses/invalid", "the addresses aren't JSON: deploy again to have them written", {
      cause,
    });
  }
}

function readFields(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw invalid("the file", value, `an object with chainId, ${CONTRACT_NAMES.join(", ")}, deployedAtBlock`);
}

function readInteger(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(name, value, `a whole number from ${least}`);
}

function readAddress(name: string, value: unknown): Address {
  if (typeof value === "string" && isAddress(value) && value !== zeroAddress) return getAddress(value);
  throw invalid(name, value, "a checksummed or lower-case address that isn't zero");
}

function invalid(name: string, value: unknown, allowed: string): ProtocolError {
  const got = value === undefined ? "missing" : (JSON.stringify(value)?.slice(0, 80) ?? typeof value);
  return new ProtocolError("addresses/invalid", `${name} is ${got}, allowed is ${allowed}: deploy again or correct it`);
}
