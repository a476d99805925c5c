// Starts three operators' nodes on a local chain, funded, registered and staked, after publishing both models:
//   npx hardhat run scripts/run-node.ts --network localhost
// Each is a process of its own, `opg node`; what they do is logged here until Ctrl-C. Started again, they go on.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import hre from "hardhat";
import { addressesPath, loadAddresses } from "../src/chain/addressesFile.ts";
import type { SigningChain } from "../src/chain/clients.ts";
import { sendCall } from "../src/chain/sendCall.ts";
import { operatorOf } from "../src/chain/staking.ts";
import { encodeTokenTransfer, tokenBalanceOf } from "../src/chain/token.ts";
import { describeLine, type NodeLine } from "../src/cli/runNode.ts";
import { ProtocolError } from "../src/protocol/errors.ts";
import { localAccount } from "./demo/localAccounts.ts";
import { connectAs, OPERATORS, PURSE, publishShipped, startOperator } from "./demo/stage.ts";
import { LOCAL_CHAIN_ID } from "./deployment/parameters.ts";
import { localRpcUrl } from "./localRpc.ts";

const OUT = fileURLToPath(new URL("../out/run-node/", import.meta.url));

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());

try {
  await main();
} catch (error) {
  console.error(`run-node: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const rpcUrl = await localRpcUrl(hre);
  const addresses = await loadAddresses(LOCAL_CHAIN_ID);
  const connect = (role: Parameters<typeof connectAs>[2]) => connectAs(rpcUrl, addresses, role);
  const [deployer, publisher] = [await connect("deployer"), await connect("publisher")];
  for (const name of ["digits", "iris"] as const) {
    const { modelId } = await publishShipped(publisher, name);
    console.log(`model ${name} is ${modelId}`);
  }
  console.log("registering three operators and starting their nodes, which takes some seconds the first time");
  const nodesDir = join(OUT, await chainName(publisher));
  const operators = await Promise.all(
    OPERATORS.map(async (role) => {
      const owner = await connect(role);
      await fund(deployer, owner);
      const show = (line: NodeLine) => console.log(`${role}  ${describeLine(line)}`);
      return startOperator({ rpcUrl, addressesFile: addressesPath(LOCAL_CHAIN_ID), nodesDir }, owner, role, show);
    }),
  );
  console.log("three operators are ready for jobs; Ctrl-C stops them");
  const ended = Promise.race(operators.map(({ node }) => node.exited));
  await Promise.race([ended, new Promise((resolve) => stopping.signal.addEventListener("abort", resolve))]);
  if (!stopping.signal.aborted) console.error("run-node: a node ended by itself, stopping the others");
  await Promise.all(operators.map(({ node }) => node.stop()));
}

/** What an owner needs to stake, unless it was registered before. */
async function fund(deployer: SigningChain, owner: SigningChain): Promise<void> {
  const { address } = owner.account;
  if ((await operatorOf(owner, address)) !== 0 || (await tokenBalanceOf(owner, address)) >= PURSE) return;
  await sendCall(deployer, encodeTokenTransfer(deployer.addresses, address, PURSE));
}

/** A chain that was started anew has the same id but another first block: its nodes begin anew too. */
async function chainName({ publicClient }: SigningChain): Promise<string> {
  const { hash } = await publicClient.getBlock({ blockNumber: 0n });
  return hash.slice(2, 10);
}
