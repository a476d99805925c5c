import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { endsWithin } from "../../support/bounds.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

const BODY = Uint8Array.of(1, 2, 3);
const TIMEOUT_MS = 1_000;

describe("fetching a file of this machine", () => {
  const fetchLocal = createFetchUri({ allowPrivate: true, timeoutMs: TIMEOUT_MS });
  let folder = "";
  let file = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "fetch-"));
    file = join(folder, "input.bin");
    await writeFile(file, BODY);
    await symlink(file, join(folder, "link.bin"));
  });
  after(() => rm(folder, { recursive: true }));

  const read = (path: string, maxBytes = 64) => fetchLocal(pathToFileURL(path).href, { maxBytes });

  it("reads a regular file, up to the limit", async () => {
    expect(await read(file, 3)).to.deep.equal(BODY);
    expect(await read(join(folder, "link.bin"))).to.deep.equal(BODY);
    await expectProtocolError("fetch/too-large", () => read(file, 2));
  });

  it("says when there is none", async () => {
    await expectProtocolError("fetch/unreachable", () => read(join(folder, "none")));
  });

  it("refuses files unless private places are allowed, and those of other hosts always", async () => {
    const run = () => createFetchUri()(pathToFileURL(file).href, { maxBytes: 64 });
    await expectProtocolError("fetch/unsupported-uri", run);
    await expectProtocolError("fetch/unsupported-uri", () => fetchLocal("file://host/input.bin", { maxBytes: 64 }));
  });

  it("refuses folders, devices and pipes without waiting for them", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const path of [folder, "/dev/zero", pipe]) {
      await endsWithin(0, () => expectProtocolError("fetch/unsupported-uri", () => read(path)));
    }
  });
});
