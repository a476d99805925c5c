// Has a picture of a digit and a flower's measurements read on the local chain of --network, as a client does:
//   npx hardhat run scripts/submit-job.ts --network localhost
// Both are random ones that the models have never seen. MODEL and INPUT name another model, and a file, instead; in
// general `npx opg job submit` does the same for any network. What was sent is written to out/submit-job/.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encode } from "fast-png";
import hre from "hardhat";
import { loadAddresses } from "../src/chain/addressesFile.ts";
import { connectChain, type Provider, type SigningChain, signing } from "../src/chain/clients.ts";
import { ledgerBalanceOf } from "../src/chain/escrow.ts";
import { tokenBalanceOf } from "../src/chain/token.ts";
import { pourOut } from "../src/cli/faucet.ts";
import { submit } from "../src/cli/jobSubmit.ts";
import { localTestAccount } from "../src/cli/localAccounts.ts";
import { createSession, type Session } from "../src/cli/session.ts";
import { processTerminal } from "../src/cli/terminal.ts";
import { parseOpg } from "../src/protocol/units.ts";
import { LOCAL_CHAIN_ID } from "./deployment/parameters.ts";
import { digitsHeldOut, irisHeldOut, type Sample } from "./training/datasets.ts";

const OUT = "out/submit-job";
const PURSE = parseOpg("10");
const TIMEOUT_SECONDS = 180;
const CLIENT = 1;

type Question = { model: string; input: string };

async function connectAs(account: number): Promise<SigningChain> {
  const { provider: connected } = await hre.network.getOrCreate();
  const provider: Provider = {
    request: async ({ method, params }) => connected.request({ method, params: params as unknown[] }),
  };
  const addresses = await loadAddresses(LOCAL_CHAIN_ID);
  return signing(await connectChain({ provider, addresses, account: localTestAccount(account) }));
}

async function fillPurse(client: SigningChain): Promise<void> {
  const { address } = client.account;
  const [inEscrow, outside] = await Promise.all([ledgerBalanceOf(client, address), tokenBalanceOf(client, address)]);
  if (inEscrow + outside < PURSE) await pourOut(await connectAs(0), address, PURSE);
}

async function questions(): Promise<Question[]> {
  const { MODEL, INPUT } = process.env;
  if (MODEL !== undefined && INPUT !== undefined) return [{ model: MODEL, input: INPUT }];
  await mkdir(OUT, { recursive: true });
  const digit = oneOf(digitsHeldOut());
  const picture = join(OUT, `digit-${digit.index}.png`);
  await writeFile(picture, encode({ width: 28, height: 28, data: digit.inputBytes, channels: 1, depth: 8 }));
  const flower = oneOf(irisHeldOut());
  const row = join(OUT, `iris-${flower.index}.bin`);
  await writeFile(row, flower.inputBytes);
  const both = [
    { model: "digits", input: picture },
    { model: "iris", input: row },
  ];
  return both.filter(({ model }) => MODEL === undefined || MODEL === model);
}

function oneOf(samples: Sample[]): Sample {
  return samples[Math.floor(Math.random() * samples.length)] as Sample;
}

/** @returns whether it was answered */
async function ask(session: Session, { model, input }: Question): Promise<boolean> {
  const options = { model, input, deposit: true, wait: true, timeout: TIMEOUT_SECONDS };
  const { json, text, failed = false } = await submit(session, options);
  console.log(`${text}\n\nnpx opg job verify ${json.jobId} --input ${input}\n`);
  return !failed;
}

try {
  const client = await connectAs(CLIENT);
  await fillPurse(client);
  const session: Session = {
    ...createSession(processTerminal(), { network: "localhost" }),
    chain: async () => client,
    signingChain: async () => client,
  };
  for (const question of await questions()) {
    if (!(await ask(session, question))) process.exitCode = 1;
  }
  session.progress.end();
} catch (error) {
  if (process.env.DEBUG || !(error instanceof Error)) throw error;
  console.error(error.message.split("\n", 1)[0]);
  process.exitCode = 1;
}
