import { expect } from "chai";
import { generatePrivateKey } from "viem/accounts";
import { developmentKeys, findLeaks as findLeaksBeside } from "../../../scripts/checks/leaks.ts";

// Put together here, so that the check doesn't find what it looks for in its own test.
const machinePath = ["", "home", "somebody", "project"].join("/");
const firstDevelopmentKey = `0xac0974bec39a17e36ba4a6b4d238ff94${"4bacb478cbed5efcae784d7bf4f2ff80"}`;

const publicKeys = developmentKeys();
const findLeaks = (path: string, text: string): string[] => findLeaksBeside(path, text, publicKeys);

describe("leak check", () => {
  it("finds a path of somebody's machine with its line", () => {
    const leaks = findLeaks("docs/a.md", `first\nsee ${machinePath}`);
    expect(leaks).to.deep.equal(["docs/a.md:2: a path of somebody's machine"]);
    expect(findLeaks("docs/a.md", `file://${machinePath}`)).to.have.length(1);
    expect(findLeaks("docs/a.md", `https://example.com/home/page, src/${"work"}/a.ts`)).to.deep.equal([]);
  });

  it("finds a private key", () => {
    const leaks = findLeaks("deploy/a.ts", `const privateKey = "${generatePrivateKey()}";`);
    expect(leaks).to.deep.equal(["deploy/a.ts:1: a private key not marked as local test key"]);
    expect(findLeaks("a.ts", `const signerKey =\n  "${generatePrivateKey()}";`)).to.have.length(1);
  });

  it("passes development keys, keys marked as test keys, fillers and hashes", () => {
    expect(findLeaks("a.ts", `privateKey: "${firstDevelopmentKey}"`)).to.deep.equal([]);
    expect(findLeaks("a.ts", `// local test key\nprivateKey: "${generatePrivateKey()}"`)).to.deep.equal([]);
    expect(findLeaks("a.ts", `privateKey: "0x${"11".repeat(32)}"`)).to.deep.equal([]);
    expect(findLeaks("a.ts", `resultHash: "${generatePrivateKey()}"`)).to.deep.equal([]);
  });

  it("finds credentials", () => {
    expect(findLeaks("a.pem", `-----BEGIN EC ${"PRIVATE"} KEY-----`)).to.have.length(1);
    expect(findLeaks("a.ts", `"${"sk-"}${"a1".repeat(16)}"`)).to.have.length(1);
  });

  it("finds a registry's address in the lock, and only there", () => {
    const line = '"resolved": "https://registry.example/a.tgz"';
    expect(findLeaks("package-lock.json", line)).to.deep.equal(["package-lock.json:1: a registry's address"]);
    expect(findLeaks("docs/a.md", line)).to.deep.equal([]);
  });

  it("finds build output, but not a source folder of the same name", () => {
    expect(findLeaks("artifacts/a.json", "")).to.deep.equal(["artifacts/a.json: build output is not committed"]);
    expect(findLeaks("deploy/deployments/chain-31337/journal.jsonl", "")).to.have.length(1);
    expect(findLeaks("contracts/types/Job.sol", "")).to.deep.equal([]);
  });
});
