import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What was handed in for one contract. */
export type Submission = {
  address: string;
  /** `file:Contract`. */
  contractName: string;
  compilerVersion: string;
  /** ABI-encoded, hex without 0x. */
  constructorArguments: string;
  /** Names of the source files. */
  sources: string[];
};

export type FakeExplorer = {
  apiUrl: string;
  /** In the order they came. */
  submissions: Submission[];
  /** From now on it takes no submission of this contract (`JobEscrow`), as an explorer that compiles to other bytes. */
  refuse(contractName: string): void;
  close(): Promise<void>;
};

type Answer = { status: "0" | "1"; message: "OK" | "NOTOK"; result: unknown };

const ok = (result: unknown): Answer => ({ status: "1", message: "OK", result });
const notOk = (result: string): Answer => ({ status: "0", message: "NOTOK", result });

/**
 * A FAKE block explorer on loopback that speaks the part of Etherscan's v2 API which hardhat-verify uses:
 * `getsourcecode`, `verifysourcecode`, `checkverifystatus`. It compiles nothing: it checks the form of what it is
 * handed and remembers it. The first submission is pending once, as real ones are.
 */
export async function startFakeExplorer(options: { chainId: number; apiKey: string }): Promise<FakeExplorer> {
  const submissions: Submission[] = [];
  const refused = new Set<string>();
  const pending = new Set<string>();

  const verified = (address: string) =>
    submissions.find(
      (one) => one.address === address.toLowerCase() && !refused.has(one.contractName.split(":").at(-1) ?? ""),
    );

  function getSourceCode(address: string): Answer {
    const found = verified(address);
    const ABI = found === undefined ? "Contract source code not verified" : "[]";
    return ok([{ SourceCode: found === undefined ? "" : "{…}", ABI, ContractName: found?.contractName ?? "" }]);
  }

  function verifySourceCode(form: URLSearchParams): Answer {
    const address = (form.get("contractaddress") ?? "").toLowerCase();
    if (verified(address) !== undefined) return notOk("Contract source code already verified");
    const submission = readSubmission(address, form);
    if (typeof submission === "string") return notOk(submission);
    submissions.push(submission);
    const guid = `guid-${submissions.length - 1}`;
    if (submissions.length === 1) pending.add(guid);
    return ok(guid);
  }

  function checkVerifyStatus(guid: string): Answer {
    const submission = submissions[Number(guid.replace("guid-", ""))];
    if (submission === undefined) return notOk("Unknown UID");
    if (pending.delete(guid)) return notOk("Pending in queue");
    if (verified(submission.address) === undefined) return notOk("Fail - Unable to verify. Bytecode does not match");
    return ok("Pass - Verified");
  }

  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "/", "http://127.0.0.1").searchParams;
    respond(request, query).then(
      (answer) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });

  async function respond(request: IncomingMessage, query: URLSearchParams): Promise<Answer> {
    if (query.get("apikey") !== options.apiKey) return notOk("Invalid API Key (#err2)|");
    if (query.get("chainid") !== String(options.chainId)) return notOk("Missing or unsupported chainid parameter");
    if (query.get("module") !== "contract") return notOk("Error! Missing Or invalid Module name");
    if (request.method === "POST" && query.get("action") === "verifysourcecode") {
      return verifySourceCode(new URLSearchParams(await readBody(request)));
    }
    if (query.get("action") === "getsourcecode") return getSourceCode(query.get("address") ?? "");
    if (query.get("action") === "checkverifystatus") return checkVerifyStatus(query.get("guid") ?? "");
    return notOk("Error! Missing Or invalid Action name");
  }

  await listen(server);
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/api`,
    submissions,
    refuse: (contractName) => refused.add(contractName),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** @returns what was handed in, or what is wrong with it */
function readSubmission(address: string, form: URLSearchParams): Submission | string {
  if (!/^0x[0-9a-f]{40}$/.test(address)) return "Invalid address format";
  if (form.get("codeformat") !== "solidity-standard-json-input") return "Unsupported codeformat";
  const compilerVersion = form.get("compilerversion") ?? "";
  if (!/^v\d+\.\d+\.\d+\+commit\.[0-9a-f]{8}/.test(compilerVersion)) return "Invalid compiler version";
  const constructorArguments = form.get("constructorArguments") ?? "";
  if (!/^([0-9a-f]{64})*$/.test(constructorArguments)) return "Invalid constructor arguments";
  const contractName = form.get("contractname") ?? "";
  const input: { language?: string; sources?: object } = JSON.parse(form.get("sourceCode") ?? "{}");
  const sources = Object.keys(input.sources ?? {});
  if (input.language !== "Solidity" || !sources.includes(contractName.split(":")[0] ?? "")) {
    return "Missing or invalid contract name";
  }
  return { address, contractName, compilerVersion, constructorArguments, sources };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}
