import { expect } from "chai";
import { ApiError } from "../../src/protocol/apiError.ts";

/** Runs what must be refused. @returns the error, for what else it says */
export async function expectApiError(
  wanted: { status: number; code: string; param?: string },
  run: () => unknown,
): Promise<ApiError> {
  let got: unknown;
  try {
    await run();
  } catch (error) {
    got = error;
  }
  if (!(got instanceof ApiError)) throw new Error(`wanted ${wanted.code}, got ${String(got)}`, { cause: got });
  const { status, code, param } = got;
  expect({ status, code, ...(param !== undefined && { param }) }).to.deep.equal(wanted);
  return got;
}

export const unsupported = (param: string) => ({ status: 400, code: "unsupported_parameter", param });
export const invalid = (param: string) => ({ status: 400, code: "invalid_value", param });
