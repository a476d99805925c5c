// Runs an operator's gateway for calls on a local chain, funded, registered and bonded, after publishing both models:
//   npx node scripts/run-gateway.ts
// It serves onnx/digits and onnx/iris, at http://127.0.0.1:8402, which it announces on the chain. With --local <url> it serves an
// OpenAI-compatible server's models too, as local/<name>; with --port <n> it listens elsewhere. Started again, it goes on.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { toHex } from "viem";
import { loadAddresses } from "../src/chain/addressesFile.ts";
import { connectChain, genesisHashOf, type SigningChain, signing } from "../src/chain/clients.ts";
import { standingBondOf } from "../src/chain/receiptLog.ts";
import { operatorOf } from "../src/chain/staking.ts";
import { pourOut } from "../src/cli/faucet.ts";
import { localTestAccount } from "../src/cli/localAccounts.ts";
import { run } from "../src/cli/main.ts";
import { processTerminal } from "../src/cli/terminal.ts";
import { parseOpg } from "../src/protocol/units.ts";
import { addStandingBond, registerOperator, signConsent } from "../src/sdk/index.ts";
import { publishShipped } from "./demo/stage.ts";
import { LOCAL_CHAIN_ID } from "./deployment/parameters.ts";

const OUT = fileURLToPath(new URL("../out/run-gateway/", import.meta.url));
const RPC = "http://127.0.0.1:8545";
/** Which of the local chain's test accounts plays what; `run-node.ts` takes others. */
const ACCOUNT = { deployer: 0, publisher: 2, owner: 7, signer: 14 } as const;
const STANDING_BOND = parseOpg("1000");
const PRICES = {
  element: { request: "0.001" },
  token: { input: "0.000001", output: "0.000002" },
} as const;

const HELP = `Runs an operator's gateway for calls on a local chain: npx node scripts/run-gateway.ts [options]
  --local <url>   serve the models of an OpenAI-compatible server too, as local/<name>
  --port <n>      listen there, 8402 unless told
  --rpc <url>     of the local chain, ${RPC} unless told
  --help          say this`;

const values = readOptions();
const signer = localTestAccount(ACCOUNT.signer);

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`run-gateway: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
process.exit();

function readOptions() {
  const value = { type: "string" } as const;
  try {
    const { values: given } = parseArgs({
      options: {
        help: { type: "boolean" },
        local: value,
        rpc: { ...value, default: RPC },
        port: { ...value, default: "8402" },
      },
    });
    if (given.help !== true) return given;
    console.log(HELP);
    return process.exit();
  } catch (error) {
    console.error(`run-gateway: ${error instanceof Error ? error.message : String(error)}\n${HELP}`);
    return process.exit(2);
  }
}

async function main(): Promise<number> {
  const models = {
    "onnx/digits": { price: PRICES.element },
    "onnx/iris": { price: PRICES.element },
    ...(await localModels()),
  };
  const owner = await connectAs(ACCOUNT.owner);
  const publisher = await connectAs(ACCOUNT.publisher);
  for (const name of ["digits", "iris"] as const) await publishShipped(publisher, name);
  await openOperator(owner);
  const folder = join(OUT, (await genesisHashOf(owner)).slice(2, 10));
  const config = join(folder, "gateway.json");
  const port = Number(values.port);
  const providers = values.local === undefined ? {} : { local: { baseUrl: values.local } };
  await mkdir(folder, { recursive: true });
  await writeFile(
    config,
    JSON.stringify({ publicUrl: `http://127.0.0.1:${port}`, listen: { port }, providers, models }, null, 2),
  );
  return await serve(config, join(folder, "data"));
}

/** What the server of --local says it has. */
async function localModels(): Promise<Record<string, object>> {
  if (values.local === undefined) return {};
  const url = `${values.local.replace(/\/+$/, "")}/models`;
  const answer = await fetch(url).catch(() => undefined);
  const { data = [] } = answer?.ok ? ((await answer.json()) as { data?: { id: string }[] }) : {};
  if (data.length === 0) {
    throw new Error(
      `${url} lists no models: give an OpenAI-compatible server's base URL, like http://127.0.0.1:11434/v1`,
    );
  }
  return Object.fromEntries(data.map(({ id }) => [`local/${id}`, { price: PRICES.token }]));
}

async function connectAs(index: number): Promise<SigningChain> {
  const addresses = await loadAddresses(LOCAL_CHAIN_ID);
  return signing(await connectChain({ rpcUrl: values.rpc, addresses, account: localTestAccount(index) }));
}

/** Registered with a standing bond, unless it was before. */
async function openOperator(owner: SigningChain): Promise<void> {
  const { address } = owner.account;
  if ((await operatorOf(owner, address)) === 0) {
    await pourOut(await connectAs(ACCOUNT.deployer), address, STANDING_BOND);
  }
  const consent = await signConsent(signer, owner, address);
  const registration = { signer: signer.address, consent, stake: STANDING_BOND, allocate: 0n };
  const { operatorId } = await registerOperator(owner, registration);
  const bond = await standingBondOf(owner, operatorId);
  if (bond < STANDING_BOND) await addStandingBond(owner, STANDING_BOND - bond);
  console.log(`operator ${operatorId} stands in with ${STANDING_BOND / 10n ** 18n} OPG`);
}

/** As `opg gateway` does, until Ctrl-C. */
async function serve(config: string, data: string): Promise<number> {
  const key = toHex(signer.getHdKey().privateKey ?? new Uint8Array());
  const terminal = { ...processTerminal(), env: { ...process.env, OPG_SIGNER_PRIVATE_KEY: key } };
  const stop = () => (typeof terminal.ifStopped === "function" ? terminal.ifStopped() : process.exit(130));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, stop);
  const network = ["--network", "localhost", "--rpc", values.rpc];
  return await run(["gateway", "--config", config, "--data", data, ...network], terminal);
}
