import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { zeroHash } from "viem";
import { readNodeConfig, writeNodeConfig } from "../../../src/cli/nodeConfig.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { temporaryFolder } from "../../support/temporaryStore.ts";

describe("a node's config", () => {
  let folder: string;
  let remove: () => Promise<void>;

  before(async () => {
    ({ folder, remove } = await temporaryFolder());
  });
  after(() => remove());

  it("is written once, for its owner alone, read as it was, and the same again is no change", async () => {
    const config = { network: "baseSepolia", serve: [zeroHash], minFee: "0.5" } as const;
    expect(await readNodeConfig(folder)).to.equal(undefined);
    await writeNodeConfig(folder, config);
    await writeNodeConfig(folder, config);
    expect(await readNodeConfig(folder)).to.deep.equal(config);
    expect((await stat(join(folder, "node.json"))).mode & 0o777).to.equal(0o600);
    await expectProtocolError("node/already-initialised", () => writeNodeConfig(folder, { serve: "all" }));
  });

  it("is refused when it holds anything else", async () => {
    const file = join(folder, "node.json");
    for (const text of [
      "",
      "[]",
      "{}",
      '{"serve":["digits"]}',
      '{"serve":"all","network":"moon"}',
      '{"serve":"all","rpc":1}',
      '{"serve":"all","minFee":1}',
      '{"serve":"all","maxConsumerGas":"much"}',
      '{"serve":"all","allowPrivateUris":"yes"}',
      '{"serve":"all","privateKey":"0x00"}',
    ]) {
      await writeFile(file, text);
      await expectProtocolError("node/invalid-config", () => readNodeConfig(folder));
      expect(await readFile(file, "utf8")).to.equal(text);
    }
  });
});
