import { recoverAddress as recoverHere, serializeSignature } from "viem";
import type { Recover } from "./recover.ts";

/** In JavaScript alone: for browsers. */
export const recoverAddress: Recover = async (digest, { r, s, v }) =>
  await recoverHere({ hash: digest, signature: serializeSignature({ r, s, yParity: v === 28 ? 1 : 0 }) });
