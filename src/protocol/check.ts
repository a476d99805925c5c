import type { Address } from "viem";
import { ProtocolError } from "./errors.ts";

/** One thing that was looked at, and what was found: for people, in one line. */
export type Check<Name extends string = string> = { name: Name; ok: boolean; detail: string };

/** A clock of the side that checks. */
export type Clock = {
  /** Unix seconds. */
  now: number;
  /**
   * How far a statement's time may be from it, either way, seconds. Who takes one dated ahead must look at it again once the
   * chain has come so far: until then its operator can void it by changing its signer.
   */
  clockToleranceSeconds: number;
  /** Of a statement asked for late: what it may be as old as, unix seconds; `now` unless told. */
  since?: number;
};

/** Whether all is as it should be. */
export function areAllOk(checks: readonly Check[]): boolean {
  return checks.every(({ ok }) => ok);
}

/**
 * Refuses what failed a check, by the first that failed.
 *
 * @param what What was checked, the first part of the error's code.
 * @throws ProtocolError `<what>/<the check's name>`
 */
export function requireAllOk(what: "receipt" | "part", checks: readonly Check[]): void {
  const failed = checks.find(({ ok }) => !ok);
  if (failed) throw new ProtocolError(`${what}/${failed.name}`, `the ${what} is refused: ${failed.detail}`);
}

/** A check that a value is the one wanted. */
export function checkSame<Name extends string, T extends string | number | bigint>(
  name: Name,
  got: T,
  wanted: T,
): Check<Name> {
  const ok = got === wanted;
  return { name, ok, detail: ok ? `it is ${show(got)}` : `it is ${show(got)}, wanted is ${show(wanted)}` };
}

/** A check by a function that throws for what is wrong; the first line of its message is the detail. */
export async function checkThat<Name extends string>(
  name: Name,
  detail: string,
  run: () => Promise<void>,
): Promise<Check<Name>> {
  try {
    await run();
    return { name, ok: true, detail };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { name, ok: false, detail: message.split("\n", 1)[0] ?? "" };
  }
}

export function checkTime(issuedAt: number, { now, clockToleranceSeconds, since = now }: Clock): Check<"time"> {
  const ok = issuedAt >= since - clockToleranceSeconds && issuedAt <= now + clockToleranceSeconds;
  const of = since === now ? `it is ${now}` : `wanted is ${since} to ${now}`;
  const detail = `issued at ${issuedAt}, ${of}, ${clockToleranceSeconds} s apart are allowed`;
  return { name: "time", ok, detail };
}

/** What a statement is signed for: a chain and a contract on it. */
export type StatementDomain = { chainId: number; contract: Address };

/** A check of the domain a statement says it is for; none if it says none. */
export function checkDomain(got: StatementDomain | undefined, wanted: StatementDomain): Check<"domain">[] {
  if (got === undefined) return [];
  const ok = got.chainId === wanted.chainId && areSameAddress(got.contract, wanted.contract);
  const place = `it is for contract ${got.contract} on chain ${got.chainId}`;
  const detail = ok ? place : `${place}, wanted is ${wanted.contract} on chain ${wanted.chainId}`;
  return [{ name: "domain", ok, detail }];
}

/** Whether two addresses are the same, however they are written. */
export function areSameAddress(a: Address, b: Address): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function show(value: string | number | bigint): string {
  return typeof value === "string" && !value.startsWith("0x") ? JSON.stringify(value) : String(value);
}
