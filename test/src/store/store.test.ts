import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { type Hex, numberToHex, zeroAddress, zeroHash } from "viem";
import type { JobOpened } from "../../../src/chain/jobEvents.ts";
import { openDatabase } from "../../../src/store/database.ts";
import type { NewEntry } from "../../../src/store/outbox.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import { putEmptyDatabase } from "../../support/emptyDatabase.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { IDENTITY, temporaryFolder } from "../../support/temporaryStore.ts";

const WRITER = fileURLToPath(new URL("../../support/storeWriter.ts", import.meta.url));
const LOCKER = fileURLToPath(new URL("../../support/folderLocker.ts", import.meta.url));
const OTHER_HASH = numberToHex(1, { size: 32 });

function openedJob(n: number): JobOpened {
  const job = {
    payer: zeroAddress,
    modelId: zeroHash,
    inputHash: zeroHash,
    inputUriHash: zeroHash,
    verifier: zeroAddress,
    verifierData: zeroHash,
    consumer: zeroAddress,
    consumerGasLimit: 0,
    fee: 2n ** 127n,
    royaltyPpm: 0,
    protocolFeePpm: 0,
    expiresAt: 2_000_000_000,
    nonce: 2n ** 255n + BigInt(n),
  };
  const place = { blockNumber: BigInt(n), blockHash: zeroHash, transactionHash: zeroHash, logIndex: 0 };
  return { jobId: idOf(n), verifier: zeroAddress, job, input: "0x1234", place };
}

function idOf(n: number): Hex {
  return numberToHex(n, { size: 32 });
}

function entry(purpose: string, nonce: number, hash: Hex): NewEntry {
  const call = { to: zeroAddress, data: "0xabcd", name: "JobEscrow.settle" } as const;
  return { purpose, call, sender: zeroAddress, nonce, hash, signed: "0xef", replaced: [] };
}

describe("a node's store", function () {
  this.timeout(60_000);
  let folder: string;
  let remove: () => Promise<void>;
  let store: Store;

  before(async () => {
    ({ folder, remove } = await temporaryFolder());
    store = await openStore(folder, IDENTITY);
  });
  after(async () => {
    await store.close();
    await remove();
  });

  async function reopen(): Promise<void> {
    await store.close();
    store = await openStore(folder, IDENTITY);
  }

  it("keeps jobs, how far each has come, and how far the chain was read", async () => {
    expect(await store.jobs.nextBlock()).to.equal(undefined);
    expect(await store.jobs.add([openedJob(1), openedJob(2), openedJob(3)], 10n)).to.have.lengthOf(3);
    await store.jobs.advance(idOf(2), { stage: "accepted", seedHash: OTHER_HASH });
    await store.jobs.advance(idOf(2), { stage: "inferred", result: Uint8Array.of(0, 255, 7) });
    await store.jobs.advance(idOf(2), { stage: "committed" });
    await store.jobs.advance(idOf(3), { stage: "ended", outcome: "not drawn" });
    await reopen();
    expect(await store.jobs.nextBlock()).to.equal(10n);
    expect(await store.jobs.underWay()).to.deep.equal([
      { opened: openedJob(1), stage: "opened", seedHash: null, result: null },
      { opened: openedJob(2), stage: "committed", seedHash: OTHER_HASH, result: Uint8Array.of(0, 255, 7) },
    ]);
  });

  it("counts the tries of each job over all its lives", async () => {
    expect(await store.jobs.countTry(idOf(1))).to.equal(1);
    await reopen();
    expect(await store.jobs.countTry(idOf(1))).to.equal(2);
    expect(await store.jobs.countTry(idOf(2))).to.equal(1);
  });

  it("adds a job once, and leaves one that has ended ended", async () => {
    expect(
      (await store.jobs.add([openedJob(2), openedJob(4), openedJob(4)], 11n)).map(({ jobId }) => jobId),
    ).to.deep.equal([idOf(4)]);
    await store.jobs.advance(idOf(4), { stage: "ended", outcome: "settled" });
    await store.jobs.advance(idOf(4), { stage: "committed" });
    expect((await store.jobs.underWay()).map(({ opened }) => opened.jobId)).to.deep.equal([idOf(1), idOf(2)]);
  });

  it("takes thousands of jobs down at once, and hardly longer than what it has already", async () => {
    const many = Array.from({ length: 2_000 }, (_, n) => ({
      ...openedJob(1_000 + n),
      input: `0x${"ab".repeat(1_000)}` as Hex,
    }));
    const startedAt = performance.now();
    expect(await store.jobs.add(many, 12n)).to.have.lengthOf(many.length);
    const addedAt = performance.now();
    expect(await store.jobs.add(many, 12n)).to.have.lengthOf(0);
    const [first, second] = [addedAt - startedAt, performance.now() - addedAt];
    expect(second).to.be.lessThan(first);
    for (const { jobId } of many) await store.jobs.advance(jobId, { stage: "ended", outcome: "over" });
  });

  it("keeps a transaction under its purpose until it is mined, and then for good", async () => {
    const { outbox } = store;
    await outbox.write(entry("commit 1", 4, idOf(1)));
    await outbox.write(entry("commit 2", 5, idOf(2)));
    expect((await outbox.pending(zeroAddress)).map(({ nonce }) => nonce)).to.deep.equal([4, 5]);
    await outbox.conclude(idOf(1), "mined", 7n);
    await outbox.conclude(idOf(2), "reverted", 8n);
    await outbox.write(entry("commit 1", 6, idOf(3)));
    await outbox.write(entry("commit 2", 6, idOf(4)));
    await reopen();
    expect(await store.outbox.find("commit 1")).to.deep.equal({
      ...entry("commit 1", 4, idOf(1)),
      status: "mined",
      blockNumber: 7n,
    });
    expect(await store.outbox.pending(zeroAddress)).to.deep.equal([
      { ...entry("commit 2", 6, idOf(4)), status: "pending" },
    ]);
    expect(await store.outbox.find("commit 9")).to.equal(undefined);
  });

  it("keeps every hash that was signed for a purpose, and concludes it by whichever was mined", async () => {
    const { outbox } = store;
    await outbox.write(entry("reveal 7", 20, idOf(20)));
    await outbox.write({ ...entry("reveal 7", 20, idOf(22)), replaced: [idOf(20), idOf(21)] });
    await reopen();
    expect((await store.outbox.find("reveal 7"))?.replaced).to.deep.equal([idOf(20), idOf(21)]);
    await store.outbox.conclude(idOf(21), "mined", 9n);
    expect(await store.outbox.find("reveal 7")).to.deep.include({ hash: idOf(21), status: "mined", blockNumber: 9n });
  });

  it("never holds two pending transactions of one nonce", async () => {
    await store.outbox.write(entry("reveal 1", 50, idOf(50)));
    const failure = await store.outbox.write(entry("reveal 2", 50, idOf(51))).catch((error: unknown) => error);
    expect(String(failure)).to.contain("transactions_pending");
  });

  it("is one process's at a time", async () => {
    await expectProtocolError("store/in-use", () => openStore(folder, IDENTITY));
  });

  it("refuses another chain, deployment, operator or secret", async () => {
    await store.close();
    for (const change of [
      { chainId: 8453 },
      { genesisHash: OTHER_HASH },
      { escrow: "0x00000000000000000000000000000000000000aa" as const },
      { operatorId: 2 },
      { secretHash: OTHER_HASH },
    ]) {
      await expectProtocolError("store/other-identity", () => openStore(folder, { ...IDENTITY, ...change }));
    }
    store = await openStore(folder, IDENTITY);
  });

  it("refuses a schema it doesn't know", async () => {
    await store.close();
    const database = await openDatabase(folder);
    await database.query("insert into migrations (version) values (1000)");
    await database.close();
    await expectProtocolError("store/newer-schema", () => openStore(folder, IDENTITY));
    const { PGlite } = await import("@electric-sql/pglite");
    const pglite = await PGlite.create(`${folder}/postgres`);
    await pglite.query("delete from migrations where version = 1000");
    await pglite.close();
    store = await openStore(folder, IDENTITY);
  });
});

describe("a node's store whose process is killed", function () {
  this.timeout(60_000);

  it("has everything that was written, and is free for the next process", async () => {
    const { folder, remove } = await temporaryFolder();
    await putEmptyDatabase(folder);
    let said = 0;
    for (let life = 1; life <= 3; life++) {
      const child = spawn(process.execPath, [WRITER, folder], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(child, "exit");
      const until = said + 20 * life;
      for await (const line of createInterface({ input: child.stdout })) {
        said = Number(line);
        if (said >= until) child.kill("SIGKILL");
      }
      await exited;
    }
    const store = await openStore(folder, IDENTITY);
    const kept = (await store.jobs.underWay()).length;
    expect(kept).to.be.greaterThanOrEqual(said);
    expect(await store.jobs.nextBlock()).to.equal(BigInt(kept));
    await store.close();
    await remove();
  });
});

describe("a folder's lock", function () {
  this.timeout(60_000);

  it("is one process's, however many start at once after its last owner was killed", async () => {
    const { folder, remove } = await temporaryFolder();
    const asked = async ({ stdout }: ChildProcessByStdio<Writable, Readable, null>) =>
      String((await once(stdout, "data"))[0]).trim();
    for (let round = 0; round < 10; round++) {
      const children = Array.from({ length: 3 }, () =>
        spawn(process.execPath, [LOCKER, folder], { stdio: ["pipe", "pipe", "inherit"] }),
      );
      await Promise.all(children.map(asked));
      const answers = children.map(asked);
      for (const { stdin } of children) stdin.write("now\n");
      const said = (await Promise.all(answers)).sort();
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map((child) => once(child, "exit")));
      expect(said.map((line) => line.split(" ")[0])).to.deep.equal(["ProtocolError:", "ProtocolError:", "locked"]);
      expect(said[0]).to.include("is open in another process");
    }
    await remove();
  });
});
