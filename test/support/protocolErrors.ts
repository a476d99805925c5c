import { expect } from "chai";
import { ProtocolError } from "../../src/protocol/errors.ts";

/** Runs it and expects a ProtocolError of that code, whose message is one line. */
export async function expectProtocolError(code: string, run: () => unknown): Promise<ProtocolError> {
  let thrown: unknown;
  try {
    await run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).to.be.instanceOf(ProtocolError);
  const error = thrown as ProtocolError;
  expect(error.code).to.equal(code);
  expect(error.message).not.to.include("\n");
  return error;
}
