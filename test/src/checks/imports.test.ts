import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";

const program = resolve("node_modules/.bin/depcruise");
const rules = resolve(".dependency-cruiser.cjs");

type Violation = { from: string; to: string; rule: { name: string } };

/** Runs the project's own rules over a small tree made of these files: `rule: from → to` for each violation. */
function cruise(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), "import-check-"));
  try {
    const manifest = { type: "module", dependencies: { runtime: "1.0.0" }, devDependencies: { tool: "1.0.0" } };
    const packages = Object.fromEntries(
      ["runtime", "tool", "undeclared"].flatMap((name) => [
        [`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" })],
        [`node_modules/${name}/index.js`, "module.exports = {};"],
      ]),
    );
    const setting = { "package.json": JSON.stringify(manifest), "tsconfig.json": "{}" };
    for (const [path, text] of Object.entries({ ...setting, ...packages, ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const folders = [...new Set(Object.keys(files).map((path) => path.split("/", 1)[0] ?? ""))];
    const args = [program, "--config", rules, "--output-type", "json", ...folders];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    if (stdout === "") throw new Error(stderr);
    const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
    return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

describe("import check", function () {
  // Each case starts the real program.
  this.timeout(20_000);

  it("passes a tree whose imports go down, type-only ones and packages included", () => {
    const violations = cruise({
      "src/protocol/job.ts": "export type Job = { fee: bigint };\n",
      "src/chain/jobs.ts": 'import type { Job } from "../protocol/job.ts";\nimport "runtime";\nexport type A = Job;\n',
      "src/store/jobs.ts":
        'import { readFileSync } from "node:fs";\nexport * from "../chain/jobs.ts";\nreadFileSync("x");\n',
      "src/cli/main.ts": 'import "../store/jobs.ts";\n',
      "scripts/run.ts": 'import "../src/cli/main.ts";\nimport "tool";\n',
    });
    expect(violations).to.deep.equal([]);
  });

  it("refuses upward imports, type-only and dynamic ones included", () => {
    const violations = cruise({
      "src/protocol/job.ts": 'import type { Jobs } from "../chain/jobs.ts";\nexport type Job = Jobs;\n',
      "src/chain/jobs.ts": "export type Jobs = 1;\n",
      "src/store/jobs.ts": 'export const load = () => import("../node/watch.ts");\n',
      "src/node/watch.ts": "export const watch = 1;\n",
    });
    expect(violations).to.deep.equal([
      "protocol-imports-only-below: src/protocol/job.ts → src/chain/jobs.ts",
      "store-imports-only-below: src/store/jobs.ts → src/node/watch.ts",
    ]);
  });

  it("refuses siblings that import each other", () => {
    const violations = cruise({
      "src/node/watch.ts": 'import "../gateway/server.ts";\n',
      "src/gateway/server.ts": 'import "../connect/proxy.ts";\n',
      "src/connect/proxy.ts": 'import "../inference/backend.ts";\n',
      "src/inference/backend.ts": 'import "../chain/jobs.ts";\n',
      "src/chain/jobs.ts": "export const a = 1;\n",
    });
    expect(violations).to.deep.equal([
      "connect-imports-only-below: src/connect/proxy.ts → src/inference/backend.ts",
      "gateway-imports-only-below: src/gateway/server.ts → src/connect/proxy.ts",
      "inference-imports-only-below: src/inference/backend.ts → src/chain/jobs.ts",
      "node-imports-only-below: src/node/watch.ts → src/gateway/server.ts",
    ]);
  });

  it("refuses cycles, type-only ones included", () => {
    const violations = cruise({
      "src/protocol/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;\n',
      "src/protocol/b.ts": 'import type { A } from "./a.ts";\nexport type B = A;\n',
    });
    expect(violations).to.include("no-cycles: src/protocol/a.ts → src/protocol/b.ts");
  });

  it("refuses Node wherever the SDK reaches, and only there", () => {
    const violations = cruise({
      "src/sdk/index.ts": 'export * from "./wait.ts";\n',
      "src/sdk/wait.ts": 'import "../chain/clients.ts";\nexport const wait = 1;\n',
      "src/chain/clients.ts": 'import { readFile } from "node:fs/promises";\nreadFile("x");\n',
      "src/chain/file.ts": 'import { readFileSync } from "node:fs";\nreadFileSync("x");\n',
    });
    expect(violations).to.deep.equal(["sdk-runs-in-a-browser: src/sdk/index.ts → fs/promises"]);
  });

  it("refuses Node in protocol, devDependencies and tests in src, and folders without a layer", () => {
    const violations = cruise({
      "src/protocol/a.ts": 'import { readFileSync } from "node:fs";\nreadFileSync("x");\n',
      "src/chain/b.ts": 'import "tool";\nimport "../../test/support.ts";\nimport "missing";\nimport "undeclared";\n',
      "src/extras/c.ts": 'import "../protocol/a.ts";\n',
      "test/support.ts": "export const a = 1;\n",
    });
    expect(violations).to.deep.equal([
      "every-src-folder-has-a-layer: src/extras/c.ts → src/protocol/a.ts",
      "no-unresolvable: src/chain/b.ts → missing",
      "protocol-runs-in-a-browser: src/protocol/a.ts → fs",
      "src-stands-alone: src/chain/b.ts → test/support.ts",
      "src-uses-installed-dependencies: src/chain/b.ts → node_modules/tool/index.js",
      "src-uses-installed-dependencies: src/chain/b.ts → node_modules/undeclared/index.js",
    ]);
  });
});
