import { randomUUID } from "node:crypto";
import { toJson } from "../../src/store/json.ts";
import { openStore } from "../../src/store/store.ts";
import { beginCall, bytesOf, CAP, issuerOf, OUTCOME, type Statement, signVoucher } from "./calls.ts";
import { IDENTITY } from "./temporaryStore.ts";

// node issuingProcess.ts <folder> <incarnation>: serves calls, two at a time, until it is killed, and writes down each
// statement when it may leave.
const store = await openStore(process.argv[2] ?? "", IDENTITY);
const issuer = await issuerOf(store.calls, Number(process.argv[3]));
const send = (statement: Statement) => process.stdout.write(`${toJson(statement)}\n`);

async function serve(): Promise<void> {
  for (;;) {
    const name = randomUUID();
    const call = await beginCall(issuer, name, await signVoucher(10n ** 6n * CAP));
    for (let part = 0; part < 3; part++) send(await call.part(bytesOf(`${name} ${part}`)));
    send(await call.end(OUTCOME));
  }
}

await Promise.all([serve(), serve()]);
