// node scripts/demoCalls/faultyGateway.ts <tampers|cuts> gateway --config <file> --data <folder> --rpc <url> --addresses <file>:
// the project's own gateway with a fault. `tampers`: what a model said is altered on its way out, so that it doesn't match its
// receipt, and models of the network answer wrongly and sign that; `cuts`: every second stream breaks off. Its log is JSON, with
// a line for each lie; its signer's key comes from OPG_SIGNER_PRIVATE_KEY.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Hex } from "viem";
import { parseAddresses } from "../../src/chain/addresses.ts";
import { connectChain, signing } from "../../src/chain/clients.ts";
import { runGateway } from "../../src/cli/runGateway.ts";
import { parseGatewayConfig } from "../../src/gateway/config.ts";
import type { ServedModels } from "../../src/gateway/models.ts";
import { publishByGateway } from "../../src/gateway/publish.ts";
import { serveModels } from "../../src/gateway/serveModels.ts";
import type { Upstream } from "../../src/gateway/upstream.ts";
import { createOnnxUpstream, type ServedOnnx } from "../../src/gateway/upstreams/onnx.ts";
import { createOnnxProcess } from "../../src/inference/onnxProcess.ts";
import { readShippedModel } from "../training/shipped.ts";
import { cutStreams } from "./cutStreams.ts";
import { startTamperingProxy } from "./tamperingProxy.ts";
import { wrongModel } from "./wrongModel.ts";

const OPTION = { type: "string", default: "" } as const;
const FLAG = { type: "boolean" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { config: OPTION, data: OPTION, rpc: OPTION, addresses: OPTION, "allow-private-uris": FLAG, json: FLAG },
});
const tampers = positionals[0] === "tampers";
const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());
const tell = (event: "tampered" | "answeredWrongly" | "cut") => console.log(JSON.stringify({ event }));

const addresses = parseAddresses(await readFile(values.addresses, "utf8"));
const config = parseGatewayConfig(await readFile(values.config, "utf8"), values.config);
if (tampers) await standBetween();
await runGateway({
  chain: signing(
    await connectChain({ rpcUrl: values.rpc, addresses, privateKey: process.env.OPG_SIGNER_PRIVATE_KEY as Hex }),
  ),
  dataDir: values.data,
  config,
  models: faulty(serveModels({ config, secret: (variable) => process.env[variable], onnx: onnxUpstream() })),
  publish: publishByGateway,
  isJson: true,
  signal: stopping.signal,
});

/** Clients reach the announced port, where answers are altered; the gateway itself listens on another. */
async function standBetween(): Promise<void> {
  const { publicUrl = "", listen } = config;
  const target = `http://127.0.0.1:${listen.port}`;
  await startTamperingProxy({ target, port: Number(new URL(publicUrl).port), onTampered: () => tell("tampered") });
}

function faulty(models: ServedModels): ServedModels {
  if (tampers) return models;
  const cut = new Map<Upstream, Upstream>();
  return new Map(
    [...models].map(([name, model]) => {
      const upstream = cut.get(model.upstream) ?? cutStreams(model.upstream, () => tell("cut"));
      cut.set(model.upstream, upstream);
      return [name, { ...model, upstream }];
    }),
  );
}

function onnxUpstream(): Upstream {
  const backend = createOnnxProcess();
  const loaded = new Map<string, Promise<ServedOnnx>>();

  async function load(name: string): Promise<ServedOnnx> {
    const { artefact, manifest } = await readShippedModel(name as "digits" | "iris");
    const served = { manifest, model: await backend.load(artefact, manifest) };
    return tampers ? wrongModel(served, () => tell("answeredWrongly")) : served;
  }

  return createOnnxUpstream({
    load(name) {
      const model = loaded.get(name) ?? load(name);
      loaded.set(name, model);
      return model;
    },
    close: async () => backend.stop?.(),
  });
}
