import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import type { ModelPublished } from "../../../src/chain/models.ts";
import { createFetchUri } from "../../../src/fetch/fetchUri.ts";
import { createModelFiles, type ModelFilesOptions } from "../../../src/fetch/modelFiles.ts";
import type { Manifest } from "../../../src/protocol/manifest.ts";
import { createLoopback } from "../../support/loopback.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { publicationOf } from "../../support/shippedModels.ts";

describe("a model's files", () => {
  const loopback = createLoopback();
  after(() => loopback.close());
  let cacheDir = "";
  let manifest: Manifest;
  let artefact: Uint8Array;
  /** Paths that were asked for. */
  let asked: string[] = [];
  before(async () => {
    ({ manifest, artefact } = await readShippedModel("iris"));
  });
  beforeEach(async () => {
    cacheDir = join(await mkdtemp(join(tmpdir(), "models-")), "cache");
    asked = [];
  });
  afterEach(() => rm(join(cacheDir, ".."), { recursive: true }));

  const openFiles = (changes: Partial<ModelFilesOptions> = {}) =>
    createModelFiles({ cacheDir, fetchUri: createFetchUri({ allowPrivate: true }), ...changes });

  /** A server of these files; everything else is missing. */
  function serveFiles(files: Record<string, string | Uint8Array>): Promise<string> {
    const listener: RequestListener = ({ url = "" }, response) => {
      asked.push(url);
      const file = files[url];
      if (file === undefined) response.writeHead(404).end();
      else response.end(file);
    };
    return loopback.serve(listener);
  }

  const serveIris = () => serveFiles({ "/iris/manifest.json": JSON.stringify(manifest), "/iris/model.onnx": artefact });

  async function publishedAt(path: string, base?: string): Promise<ModelPublished> {
    return publicationOf(manifest, `${base ?? (await serveIris())}${path}`);
  }

  it("come from where the manifest was published, once", async () => {
    const published = await publishedAt("iris/manifest.json");
    for (let times = 0; times < 2; times++) {
      const files = openFiles();
      const found = await files.manifestOf(published);
      expect(found).to.deep.equal(manifest);
      expect(await files.artefactOf(published, found)).to.deep.equal(artefact);
    }
    expect(asked).to.deep.equal(["/iris/manifest.json", "/iris/model.onnx"]);
    const names = [`${published.listing.manifestHash}.json`, `${manifest.artefact.hash}.onnx`];
    expect((await readdir(cacheDir)).sort()).to.deep.equal(names.sort());
  });

  it("come from a folder of this machine where that is allowed", async () => {
    const uri = new URL("../../../models/iris/manifest.json", import.meta.url).href;
    const published = publicationOf(manifest, uri);
    expect(await openFiles().manifestOf(published)).to.deep.equal(manifest);
    expect(await openFiles().artefactOf(published, manifest)).to.deep.equal(artefact);
  });

  it("are fetched again when the cache was damaged", async () => {
    const published = await publishedAt("iris/manifest.json");
    const read = async () => {
      expect(await openFiles().manifestOf(published)).to.deep.equal(manifest);
      expect(await openFiles().artefactOf(published, manifest)).to.deep.equal(artefact);
    };
    await read();
    for (const name of await readdir(cacheDir)) await writeFile(join(cacheDir, name), "damaged");
    await read();
    expect(asked).to.have.lengthOf(4);
    const kept = await readFile(join(cacheDir, `${manifest.artefact.hash}.onnx`));
    expect(Uint8Array.from(kept)).to.deep.equal(artefact);
  });

  it("fill no disk: what was written first goes when the folder grows beyond its limit", async () => {
    await mkdir(cacheDir, { recursive: true });
    const [first, second, third] = ["11", "22", "33"].map((digit) => `0x${digit.repeat(32)}.onnx`);
    const earlier = ["foreign.onnx", first, `${second}.${randomUUID()}.tmp`, third] as string[];
    for (const [age, name] of earlier.entries()) {
      await writeFile(join(cacheDir, name), new Uint8Array(50_000));
      await utimes(join(cacheDir, name), 1_000 + age, 1_000 + age);
    }
    const published = await publishedAt("iris/manifest.json");
    await openFiles({ maxCacheBytes: 60_000 }).artefactOf(published, manifest);
    const left = ["foreign.onnx", third, `${manifest.artefact.hash}.onnx`];
    expect((await readdir(cacheDir)).sort()).to.deep.equal(left.sort());
  });

  it("are had, though they can't be kept", async () => {
    await writeFile(cacheDir, "no folder");
    const published = await publishedAt("iris/manifest.json");
    expect(await openFiles().artefactOf(published, manifest)).to.deep.equal(artefact);
  });

  it("can be asked for by many at a time", async () => {
    const published = await publishedAt("iris/manifest.json");
    const found = await Promise.all(Array.from({ length: 8 }, () => openFiles().artefactOf(published, manifest)));
    for (const bytes of found) expect(bytes).to.deep.equal(artefact);
    expect(await readdir(cacheDir)).to.deep.equal([`${manifest.artefact.hash}.onnx`]);
  });

  it("aren't asked for under an id that its listing doesn't hash to", async () => {
    const published = { ...(await publishedAt("iris/manifest.json")), modelId: `0x${"00".repeat(32)}` } as const;
    await expectProtocolError("model/id-mismatch", () => openFiles().manifestOf(published));
    await expectProtocolError("model/id-mismatch", () => openFiles().artefactOf(published, manifest));
    expect(asked).to.deep.equal([]);
  });

  it("refuses another manifest, one too long, none at all, and text that isn't one", async () => {
    const other = { ...manifest, version: "9.9.9" };
    const base = await serveFiles({
      "/other.json": JSON.stringify(other),
      "/long.json": JSON.stringify(manifest).padEnd(70_000),
      "/text.json": "hello",
    });
    const expectRefused = async (code: string, path: string) => {
      const published = await publishedAt(path, base);
      await expectProtocolError(code, () => openFiles().manifestOf(published));
    };
    await expectRefused("model/manifest-mismatch", "other.json");
    await expectRefused("fetch/too-large", "long.json");
    await expectRefused("manifest/invalid", "text.json");
    await expectRefused("fetch/bad-status", "none.json");
    const published = await publishedAt("iris/manifest.json");
    await expectProtocolError("model/manifest-mismatch", () => openFiles().artefactOf(published, other));
    expect(await readdir(cacheDir).catch(() => [])).to.deep.equal([]);
  });

  it("refuses a manifest that disagrees with its listing", async () => {
    const base = await serveIris();
    const published = publicationOf(manifest, `${base}iris/manifest.json`, { maxResultBytes: 13 });
    const { message } = await expectProtocolError("model/manifest-mismatch", () => openFiles().manifestOf(published));
    expect(message).to.include("maxResultBytes 13");
  });

  it("refuses an artefact of the wrong bytes, too many, or too few", async () => {
    const wrong = artefact.with(100, (artefact[100] ?? 0) ^ 1);
    const long = Uint8Array.of(...artefact, 0);
    for (const [served, code] of [
      [wrong, "model/hash-mismatch"],
      [artefact.subarray(1), "model/hash-mismatch"],
      [long, "fetch/too-large"],
    ] as const) {
      const published = await publishedAt("manifest.json", await serveFiles({ "/model.onnx": served }));
      await expectProtocolError(code, () => openFiles().artefactOf(published, manifest));
    }
  });

  it("an artefact's places are tried in order, until one is right", async () => {
    const base = await serveFiles({ "/wrong.onnx": "wrong", "/right.onnx": artefact });
    const at = (...uris: string[]): Manifest => ({ ...manifest, artefact: { ...manifest.artefact, uris } });
    const right = at("ipfs://bafy/x", "none.onnx", "wrong.onnx", `${base}right.onnx`, "never.onnx");
    const published = publicationOf(right, `${base}manifest.json`);
    expect(await openFiles().artefactOf(published, right)).to.deep.equal(artefact);
    expect(asked).to.deep.equal(["/none.onnx", "/wrong.onnx", "/right.onnx"]);
    await rm(cacheDir, { recursive: true });

    const none = at("wrong.onnx", "http://127.0.0.1:9/x", "none.onnx");
    const { isRetryable } = await expectProtocolError("fetch/no-source", () =>
      openFiles().artefactOf(publicationOf(none, `${base}manifest.json`), none),
    );
    expect(isRetryable).to.equal(true);
  });

  it("says that a relative place without a base can't be fetched", async () => {
    const published = publicationOf(manifest, "models/iris/manifest.json");
    await expectProtocolError("fetch/unsupported-uri", () => openFiles().manifestOf(published));
    await expectProtocolError("fetch/unsupported-uri", () => openFiles().artefactOf(published, manifest));
  });

  it("asks no more than eight of a manifest's places", async () => {
    const base = await serveFiles({});
    const uris = Array.from({ length: 20 }, (_, index) => `${index}.onnx`);
    const many = { ...manifest, artefact: { ...manifest.artefact, uris } };
    const published = publicationOf(many, `${base}manifest.json`);
    await expectProtocolError("fetch/no-source", () => openFiles().artefactOf(published, many));
    expect(asked).to.have.lengthOf(8);
  });
});
