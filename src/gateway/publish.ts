import type { Hex } from "viem";

/** A batch's data: the leaves in order, 32 bytes each. */
export type BatchData = { root: Hex; bytes: Uint8Array };

/**
 * Puts a batch's data where anybody can read it; the second time it does no harm.
 * @returns its URI, which goes on chain; empty: the gateway serves it
 * @throws ProtocolError `publish/…`; it is tried again
 */
export type Publish = (data: BatchData) => Promise<string>;

/** The gateway serves the data itself, under `GET /v1/batches/:root`. */
export const publishByGateway: Publish = async () => "";
