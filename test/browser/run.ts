// npm run test:browser: the SDK's tests, as they are, in a headless Chromium against a local chain process. Only what
// needs Node in them (starting a chain, reading files) is exchanged for what a page can do.
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";
import { context, type Plugin } from "esbuild";
import hre from "hardhat";
import { chromium } from "playwright-core";
import { ROOT, startChainProcess } from "../../scripts/demo/chainProcess.ts";
import { deployNetwork } from "../../scripts/deployment/deployNetwork.ts";
import { LOCAL_CHAIN_ID, parametersFileOf, readParameters } from "../../scripts/deployment/parameters.ts";
import type { NetworkAddresses } from "../../src/chain/addresses.ts";

/** One test's end: its suites' titles and its own, and why it failed, if it did. */
export type Outcome = { title: string[]; failure?: string };

const TESTS = ["test/src/sdk/*.test.ts", "test/src/chain/{clients,contractErrors}.test.ts"];
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TIMEOUT_MS = 300_000;

/** What needs Node in the tests, and what the page has instead. */
const standIns: Plugin = {
  name: "stand-ins",
  setup({ onResolve }) {
    onResolve({ filter: /\/(mockBytecode|rpcServer|shipped|testNetwork)\.ts$/ }, ({ path }) => ({
      path: join(ROOT, "test/browser/standIns", basename(path)),
    }));
  },
};

const startedAt = performance.now();
const running: (() => Promise<unknown>)[] = [];
try {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`no ${CHROMIUM}: install Chromium (Debian: apt-get install chromium), or set CHROMIUM to its path`);
  }
  const chainProcess = await startChainProcess();
  running.push(() => chainProcess.stop());
  const addresses = await deploy(chainProcess.rpcUrl);
  const url = await servePage(chainProcess.rpcUrl, addresses);
  summarise(await runPage(url));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const stop of running.reverse()) await stop();
}

/** Deploys the network on a chain that mines with every transaction from then on, as the one in Node's tests does. */
async function deploy(rpcUrl: string): Promise<NetworkAddresses> {
  const connection = await hre.network.create({ network: "localhost", override: { url: rpcUrl } });
  await connection.provider.request({ method: "evm_setIntervalMining", params: [0] });
  await connection.provider.request({ method: "evm_setAutomine", params: [true] });
  const parameters = await readParameters(parametersFileOf(LOCAL_CHAIN_ID));
  return deployNetwork({ connection, artifacts: hre.artifacts, parameters, addressesFile: null });
}

/** Bundles the tests and serves them with the project's files on the loopback. */
async function servePage(rpcUrl: string, addresses: NetworkAddresses): Promise<string> {
  const imports = [...globSync(TESTS, { cwd: ROOT }).sort(), "test/browser/runTests.ts"];
  const bundle = await context({
    stdin: { contents: imports.map((file) => `import "./${file}";`).join("\n"), resolveDir: ROOT },
    outfile: join(ROOT, "out/browser/tests.js"),
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    define: { CHAIN: JSON.stringify({ rpcUrl, addresses }) },
    plugins: [standIns],
    logLevel: "silent",
  });
  running.push(() => bundle.dispose());
  await bundle.rebuild(); // throws what is wrong with it
  const { port } = await bundle.serve({ host: "127.0.0.1", servedir: ROOT });
  return `http://127.0.0.1:${port}/test/browser/index.html`;
}

/** Opens the page and waits until its tests have ended. */
async function runPage(url: string): Promise<Outcome[]> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  running.push(() => browser.close());
  const page = await browser.newPage();
  const outcomes: Outcome[] = [];
  await page.exposeFunction("report", (outcome: Outcome) => {
    outcomes.push(outcome);
    console.log(`  ${outcome.failure === undefined ? "✔" : "✘"} ${outcome.title.join(" › ")}`);
  });
  const ended = Promise.withResolvers<void>();
  await page.exposeFunction("finish", ended.resolve);
  page.on("pageerror", ended.reject);
  page.on("response", (response) => {
    if (!response.ok()) ended.reject(new Error(`${response.url()} answered ${response.status()}`));
  });
  page.on("crash", () => ended.reject(new Error("the page crashed")));
  const timer = setTimeout(() => ended.reject(new Error(`the tests took over ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  await Promise.all([page.goto(url), ended.promise]).finally(() => clearTimeout(timer));
  return outcomes;
}

/** Says it as mocha does, so that it is counted as mocha's. */
function summarise(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  for (const { title, failure } of failed) console.log(`\n${title.join(" › ")}\n${failure}`);
  console.log(
    `\n  ${outcomes.length - failed.length} passing (${Math.round((performance.now() - startedAt) / 1000)}s)`,
  );
  if (failed.length > 0) console.log(`  ${failed.length} failing`);
  if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1;
}
