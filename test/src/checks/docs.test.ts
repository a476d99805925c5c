import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { findMissing, findPaths, findUnknownCommands } from "../../../scripts/checks/docs.ts";

describe("docs check", () => {
  let root: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), "docs-check-"));
    mkdirSync(join(root, "src/protocol"), { recursive: true });
    mkdirSync(join(root, "docs"));
    writeFileSync(join(root, "src/protocol/job.ts"), "");
    writeFileSync(join(root, "docs/glossary.md"), "");
  });

  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it("finds the paths in backticks and leaves other code alone", () => {
    const text = "`src/protocol/job.ts:12`, `npm test`, `src/<name>.ts`, `job.ts`, `contracts/types/{Job,Receipt}.sol`";
    expect(findPaths("README.md", text)).to.deep.equal([
      "src/protocol/job.ts",
      "contracts/types/Job.sol",
      "contracts/types/Receipt.sol",
    ]);
  });

  it("resolves links from the document, without anchors, and leaves the web alone", () => {
    const text = "[a](glossary.md#job) [b](../README.md) [c](https://example.com/x.md) [d](#here)";
    expect(findPaths("docs/trust-model.md", text)).to.deep.equal(["docs/glossary.md", "README.md"]);
  });

  it("doesn't read fenced blocks", () => {
    expect(findPaths("README.md", "```\n`src/none.ts`\n```\n`src/protocol/`")).to.deep.equal(["src/protocol/"]);
  });

  it("reports what isn't there, and a pattern that matches nothing", () => {
    const text = "`src/protocol/job.ts` `src/protocol/*.ts` `src/gone.ts` `src/gone/*.ts` [x](docs/glossary.md)";
    expect(findMissing(root, "README.md", text)).to.deep.equal(["src/gone.ts", "src/gone/*.ts"]);
  });

  it("finds commands that there aren't", () => {
    const text = "Run `npm run bench:calls`, then\n```sh\nnpm run --silent demo\nnpm run demo:jobs -- --json\n```\n";
    expect(findUnknownCommands(["demo", "bench:calls"], text)).to.deep.equal(["demo:jobs"]);
    expect(findUnknownCommands(["demo"], text)).to.deep.equal(["bench:calls", "demo:jobs"]);
  });
});
