import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bundledSize } from "../../../scripts/checks/bundleSize.ts";

describe("bundle size check", () => {
  let root: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), "bundle-check-"));
  });

  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const write = (name: string, text: string): string => {
    const file = join(root, name);
    writeFileSync(file, text);
    return file;
  };

  it("counts what is imported, not what is left unused", async () => {
    write(
      "words.ts",
      `export const words = "${crypto.randomUUID().repeat(3)}";\nexport const rest = "${noise(10_000)}";\n`,
    );
    const small = await bundledSize(write("small.ts", 'export { words } from "./words.ts";\n'));
    const large = await bundledSize(write("large.ts", 'export * from "./words.ts";\n'));
    expect(small).to.be.within(50, 400);
    expect(large - small).to.be.within(4_000, 10_000);
  });

  it("refuses what no browser has", async () => {
    const entry = write("node.ts", 'export { readFile } from "node:fs/promises";\n');
    const error = await bundledSize(entry).catch((error: Error) => error);
    expect(error).to.be.instanceOf(Error);
  });

  function noise(length: number): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(length / 2)), (byte) => byte.toString(16)).join("");
  }
});
