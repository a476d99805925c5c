import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { partsOfSequence } from "../../src/protocol/receipt.ts";
import { fromJson } from "../../src/store/json.ts";
import { openStore } from "../../src/store/store.ts";
import { CHANNEL_ID, contradicted, type Statement } from "../support/calls.ts";
import { IDENTITY, temporaryFolder } from "../support/temporaryStore.ts";

const PROCESS = fileURLToPath(new URL("../support/issuingProcess.ts", import.meta.url));
const LIVES = 4;

describe("an issuer of receipts, killed again and again, and restored from copies of its store (R2)", function () {
  this.timeout(120_000);
  let folder: string;
  let remove: () => Promise<void>;
  let incarnations = 0;

  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
  });
  afterEach(() => remove());

  /** Lets a process serve until it has sent so many statements, and kills it. @returns all that it has sent */
  async function live(name: string, incarnation: number, count: number): Promise<Statement[]> {
    const child = spawn(process.execPath, [PROCESS, join(folder, name), String(incarnation)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const sent: Statement[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.endsWith("}")) sent.push(fromJson(JSON.parse(line)) as Statement);
      if (sent.length === count) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    return sent;
  }

  const copy = async (from: string, to: string) => {
    await rm(join(folder, to), { recursive: true, force: true });
    await cp(join(folder, from), join(folder, to), { recursive: true });
  };

  it("contradicts itself never, whatever it is restored from", async () => {
    const sent: Statement[] = [];
    for (let life = 0; life < LIVES; life++) {
      sent.push(...(await live("store", ++incarnations, 7 + 5 * life)));
      if (life === 0) await copy("store", "old");
      if (life % 2 === 1 && life < LIVES - 1) await copy("old", "store"); // as it was after the first life
    }
    const receipts = sent.filter((statement) => "receipt" in statement);
    expect(receipts.length).to.be.greaterThan(LIVES);
    expect(contradicted(sent)).to.deep.equal([]);
    const used = new Set(receipts.map(({ receipt }) => partsOfSequence(receipt.sequence).incarnation));
    expect(used.size).to.equal(LIVES);

    const last = await openStore(join(folder, "store"), IDENTITY);
    const ofLastLife = receipts.filter(({ receipt }) => partsOfSequence(receipt.sequence).incarnation === incarnations);
    const kept = await Promise.all(ofLastLife.map(({ receipt }) => last.calls.receipt(CHANNEL_ID, receipt.sequence)));
    await last.close();
    expect(kept, "receipts that left are in the store").to.deep.equal(ofLastLife);
  });

  it("would contradict itself if a copy went on under the number of the original", async () => {
    const first = await live("store", 1, 5);
    await copy("store", "old");
    const sent = [...first, ...(await live("store", 1, 12)), ...(await live("old", 1, 12))];
    expect(contradicted(sent)).to.not.deep.equal([]);
  });
});
