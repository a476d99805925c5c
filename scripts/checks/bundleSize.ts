import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Bytes of the SDK as a browser loads it: bundled, minified, gzipped. */
const MAX_BYTES = 120_000;

/** The size of a module with all it imports, in bytes, gzipped. */
export async function bundledSize(entry: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent", // failures are thrown
  });
  return outputFiles.reduce((total, { contents }) => total + gzipSync(contents, { level: 9 }).length, 0);
}

if (import.meta.main) {
  const size = await bundledSize(fileURLToPath(new URL("../../src/sdk/index.ts", import.meta.url)));
  console.log(`SDK in a browser: ${size} bytes gzipped, at most ${MAX_BYTES} are allowed`);
  if (size > MAX_BYTES) process.exitCode = 1;
}
