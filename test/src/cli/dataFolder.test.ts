import { expect } from "chai";
import type { Chain } from "../../../src/chain/clients.ts";
import { dataFolder, dataFolderOn } from "../../../src/cli/dataFolder.ts";

describe("the folder of a part's state", () => {
  it("lies in the user's data folder", () => {
    expect(dataFolder({ XDG_DATA_HOME: "/data" }, "node")).to.equal("/data/opengradient/node");
    expect(dataFolder({}, "node")).to.match(/\.local\/share\/opengradient\/node$/);
  });

  it("is another one for a chain that was started anew", async () => {
    const chainOf = (hash: string) =>
      ({ chainId: 31_337, publicClient: { getBlock: () => Promise.resolve({ hash }) } }) as unknown as Chain;
    const env = { XDG_DATA_HOME: "/data" };
    const first = await dataFolderOn(env, "gateway", chainOf(`0x${"ab".repeat(32)}`));
    expect(first).to.equal("/data/opengradient/gateway/31337-abababab");
    expect(await dataFolderOn(env, "gateway", chainOf(`0x${"cd".repeat(32)}`))).not.to.equal(first);
  });
});
