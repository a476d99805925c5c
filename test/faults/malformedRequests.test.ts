import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { CALL_HEADERS, receiptFromHeader } from "../../src/protocol/callWire.ts";
import { parseOpg } from "../../src/protocol/units.ts";
import { openChannel } from "../../src/sdk/index.ts";
import { openDatabase } from "../../src/store/database.ts";
import { type CallsLife, GATEWAY_MAX_BODY_BYTES, requestsTo, startCallsLife } from "../support/callsLife.ts";
import { GOOD_BODIES } from "../support/malformed/bodies.ts";
import { createChoices } from "../support/malformed/choices.ts";
import { createPurse, goodHeaders, type Purse } from "../support/malformed/payments.ts";
import { type Reply, send } from "../support/malformed/send.ts";
import { type Malformed, type MalformedOptions, malformedRequests } from "../support/malformedRequests.ts";
import { writeResults } from "../support/results.ts";

// MALFORMED requests, 2,000 unless told, four fifths at a gateway and the rest at a local end; MALFORMED_SEED repeats a run's.
// With MALFORMED_RESULTS=1 its figures go to bench/results/malformed.json.

const COUNT = Number(process.env.MALFORMED ?? 2_000);
const SEED = Number(process.env.MALFORMED_SEED ?? 20_261_121);
const AT_A_TIME = 16;
const CONNECT_MAX_BODY_BYTES = 16 * 1024 * 1024;
const SHARE_OF_CONNECT = 0.2;
/** After so many of them a process has grown to its size. */
const WARM_UP_SHARE = 0.2;
/** What a collector that sees no need leaves lying is no leak: the processes get heaps that make it look. MiB. */
const HEAP_MIB = { gateway: 160, connect: 256 };
/** What a process may grow by afterwards. */
const MARGIN_MIB = { gateway: 96, connect: 128 };

type Tried = { sent: number; byKind: Record<string, number>; byStatus: Record<string, number>; problems: string[] };
type Memory = { afterWarmUpMib: number; atEndMib: number };

describe(`${COUNT} malformed requests, seed ${SEED}`, function () {
  this.timeout(600_000);
  let life: CallsLife;
  let purse: Purse;
  let answered: Required<MalformedOptions>["answered"];
  let upstreamBefore: number;
  let price: bigint;
  const tried: Record<"gateway" | "connect", Tried> = { gateway: nothing(), connect: nothing() };
  const memory: Partial<Record<"gateway" | "connect", Memory>> = {};

  before(async () => {
    life = await startCallsLife(HEAP_MIB);
    purse = await openPurse(life);
    answered = { path: GOOD_BODIES[0]?.[0] as string, ...goodCall() };
    price = await answerOnce();
    await askConnect();
    upstreamBefore = requestsTo(life.fakes);
  });
  after(() => life?.end());

  const goodCall = () => ({
    headers: { "content-type": "application/json", ...goodHeaders(purse, createChoices(SEED)) },
    body: Buffer.from(JSON.stringify(GOOD_BODIES[0]?.[1])),
  });

  /** A call as it should be. @returns its price */
  async function answerOnce(): Promise<bigint> {
    const { status, headers, body } = await sendGood();
    expect(status, body).to.equal(200);
    return receiptFromHeader(String(headers[CALL_HEADERS.receipt])).receipt.price;
  }

  function sendGood(): Promise<Reply> {
    const agent = new Agent();
    return send(life.gateway.started.url, { kind: "good", method: "POST", ...answered, statuses: [200] }, agent);
  }

  async function askConnect(): Promise<void> {
    const answer = await fetch(`${life.connect.started.url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(GOOD_BODIES[0]?.[1]),
    });
    expect(answer.status, await answer.text()).to.equal(200);
  }

  it("a gateway refuses each with the right status, in OpenAI's shape", async () => {
    const options = { seed: SEED, count: Math.round(COUNT * (1 - SHARE_OF_CONNECT)), answered };
    memory.gateway = await tryAll(tried.gateway, life.gateway, {
      ...{ ...options, purse, maxBodyBytes: GATEWAY_MAX_BODY_BYTES },
    });
    expect(tried.gateway.problems.slice(0, 10)).to.deep.equal([]);
  });

  it("so does a local end", async () => {
    const options = { seed: SEED + 1, count: Math.round(COUNT * SHARE_OF_CONNECT), purse: undefined };
    const url = new URL(life.connect.started.url).origin;
    memory.connect = await tryAll(
      tried.connect,
      { pid: life.connect.pid, started: { url } },
      { ...options, maxBodyBytes: CONNECT_MAX_BODY_BYTES },
    );
    expect(tried.connect.problems.slice(0, 10)).to.deep.equal([]);
  });

  it("none reaches a provider", () => {
    expect(requestsTo(life.fakes)).to.equal(upstreamBefore);
  });

  it("memory stays flat", () => {
    for (const name of ["gateway", "connect"] as const) {
      const { afterWarmUpMib = 0, atEndMib } = memory[name] ?? {};
      expect(atEndMib, `${name}, MiB`).to.be.at.most(afterWarmUpMib + MARGIN_MIB[name]);
    }
  });

  it("both still answer, and have met no trouble of their own", async () => {
    const again = await sendGood();
    expect(again.status, "the same call again").to.equal(409);
    answered = { ...answered, headers: { ...answered.headers, [CALL_HEADERS.salt]: `0x${"5a".repeat(32)}` } };
    price += await answerOnce();
    await askConnect();
    expect(life.troubles).to.deep.equal([]);
  });

  it("only what was answered is in their stores, and owed", async () => {
    await life.stopCalls();
    const gateway = await rowsOf(life.gatewayFolder, [
      "select stage, count(*)::int as calls from calls group by stage",
      "select sum(owed)::text as owed from channels where channel_id = (select channel_id from calls order by issued_at, sequence limit 1)",
    ]);
    expect(gateway[0]).to.deep.equal([{ stage: "issued", calls: 4 }]);
    expect(gateway[1]).to.deep.equal([{ owed: String(price) }]);
    const [connect] = await rowsOf(life.connectFolder, [
      "select stage, count(*)::int as calls from paid_calls where stage <> 'free' group by stage",
    ]);
    expect(connect).to.deep.equal([{ stage: "answered", calls: 2 }]);
  });

  it("says what was sent", async () => {
    const { gateway, connect } = tried;
    expect(gateway.sent + connect.sent).to.equal(COUNT);
    const figures = { seed: SEED, requests: COUNT, atATime: AT_A_TIME, heapMib: HEAP_MIB, marginMib: MARGIN_MIB };
    const report = {
      ...figures,
      gateway: { ...gateway, memory: memory.gateway },
      connect: { ...connect, memory: memory.connect },
    };
    console.log(`      ${JSON.stringify({ ...figures, memory })}`);
    if (process.env.MALFORMED_RESULTS === "1") await writeResults("malformed", report);
  });

  async function tryAll(
    into: Tried,
    { pid, started: { url } }: { pid: number; started: { url: string } },
    options: MalformedOptions,
  ): Promise<Memory> {
    const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
    const requests = malformedRequests(options);
    const warmUp = Math.round(options.count * WARM_UP_SHARE);
    let afterWarmUpMib = 0;
    const client = async () => {
      for await (const malformed of requests) {
        const problem = problemOf(malformed, await send(url, malformed, agent).catch((error: unknown) => error), into);
        if (problem !== undefined) into.problems.push(`${malformed.kind}: ${problem}`);
        into.sent += 1;
        if (into.sent === warmUp) afterWarmUpMib = await residentMib(pid);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, client));
    agent.destroy();
    return { afterWarmUpMib, atEndMib: await residentMib(pid) };
  }
});

async function openPurse({ stage, operator }: CallsLife): Promise<Purse> {
  const voucherKey = privateKeyToAccount(generatePrivateKey());
  const [deposited, cap] = [parseOpg("50"), parseOpg("1")];
  const { operatorId } = operator;
  const funded = await openChannel(stage.payer, { operatorId, voucherKey: voucherKey.address, amount: deposited });
  const { payer, opening } = funded.channel;
  return await createPurse({
    ...{ voucherKey, deposited, cap },
    domain: { chainId: stage.payer.chainId, vouchers: stage.addresses.vouchers },
    voucher: { payer, operatorId, opening, cumulativeAmount: deposited },
  });
}

/** What is wrong with a reply. Bytes that are no HTTP are answered by Node's server itself, or not at all. */
function problemOf(malformed: Malformed, reply: unknown, { byKind, byStatus }: Tried): string | undefined {
  byKind[malformed.kind] = (byKind[malformed.kind] ?? 0) + 1;
  if (reply instanceof Error) return `${reply.message} ${shown(malformed)}`;
  const { status, headers, body } = reply as Reply;
  byStatus[status ?? "none"] = (byStatus[status ?? "none"] ?? 0) + 1;
  if ("pieces" in malformed) {
    return status === undefined || (status >= 400 && status < 500) ? undefined : `${body} ${shown(malformed)}`;
  }
  const said = `${status} ${body.slice(0, 300)} ${shown(malformed)}`;
  if (status === undefined || !malformed.statuses.includes(status)) return said;
  if (malformed.method === "HEAD") return undefined;
  return isErrorShaped(headers["content-type"], body) ? undefined : `not OpenAI's shape: ${said}`;
}

function isErrorShaped(contentType: string | undefined, body: string): boolean {
  if (contentType !== "application/json") return false;
  const { error, ...more } = JSON.parse(body) as { error: Record<string, unknown> };
  const { message, type, param, code, ...others } = error;
  const isText = typeof message === "string" && typeof type === "string" && typeof code === "string";
  const isParam = param === null || typeof param === "string";
  return isText && isParam && Object.keys(more).length === 0 && Object.keys(others).length === 0;
}

function shown(malformed: Malformed): string {
  if ("pieces" in malformed)
    return JSON.stringify(
      Buffer.concat([...malformed.pieces])
        .toString("latin1")
        .slice(0, 600),
    );
  const { method, path, headers, body } = malformed;
  return `${method} ${path.slice(0, 80)} ${JSON.stringify(headers).slice(0, 600)} ${body?.toString().slice(0, 300) ?? ""}`;
}

async function rowsOf(folder: string, statements: readonly string[]): Promise<unknown[]> {
  const database = await openDatabase(folder);
  try {
    return await Promise.all(statements.map((sql) => database.query(sql)));
  } finally {
    await database.close();
  }
}

async function residentMib(pid: number): Promise<number> {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(join("/proc", String(pid), "status"), "utf8")) ?? [];
  return Math.round(Number(kib) / 1_024);
}

function nothing(): Tried {
  return { sent: 0, byKind: {}, byStatus: {}, problems: [] };
}
