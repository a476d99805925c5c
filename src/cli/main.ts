#!/usr/bin/env node
// temporary
import { parseArgs } from "node:util";
import { readFile } from "node:fs/promises";
import type { Hex } from "viem";
import { parseAddresses } from "../chain/addresses.ts";
import { connectChain, signing } from "../chain/clients.ts";
import { createOnnxNative } from "../inference/onnxNative.ts";
import { runNode } from "./runNode.ts";
const s = { type: "string" } as const,
  b = { type: "boolean" } as const;
const { values } = parseArgs({
  allowPositionals: true,
  options: { rpc: s, addresses: s, data: s, serve: s, "allow-private-uris": b, json: b },
});
const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());
const addresses = parseAddresses(await readFile(values.addresses ?? "", "utf8"));
await runNode({
  chain: signing(
    await connectChain({ rpcUrl: values.rpc ?? "", addresses, privateKey: process.env.OPG_SIGNER_PRIVATE_KEY as Hex }),
  ),
  dataDir: values.data ?? "",
  backend: createOnnxNative(),
  serve: "all",
  allowPrivateUris: true,
  isJson: true,
  signal: stopping.signal,
});
