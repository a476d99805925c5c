import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mnemonicToAccount } from "viem/accounts";
import { bytesToHex } from "viem/utils";

const BUILD_OUTPUT =
  /^(artifacts|cache|coverage|node_modules|out|types|deploy\/deployments|ignition\/deployments)\/|\.log$/;
const MACHINE_PATH = /(?<![\w.-])\/(?:work|home|root)\/[\w.-]+/;
const RAW_KEY = /(?<![0-9a-f])(?:0x)?([0-9a-f]{64})(?![0-9a-f])/gi;
const KEY_WORDS = /private.?key|secret.?key|signer.?key|voucher.?key|\bmnemonic\b/i;
const TEST_KEY_MARK = /local test key/i;
const CREDENTIAL =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:sk-[\w-]{20,}|ghp_\w{30,}|AKIA[A-Z0-9]{16}|npm_[A-Za-z0-9]{36})\b/;

/** The keys of the twenty accounts that every local development chain starts with: everybody knows them. */
export function developmentKeys(): ReadonlySet<string> {
  const parent = mnemonicToAccount(`${"test ".repeat(11)}junk`, { path: "m/44'/60'/0'/0" }).getHdKey();
  const keys = Array.from({ length: 20 }, (_, index) => parent.deriveChild(index).privateKey);
  return new Set(keys.flatMap((key) => (key === null ? [] : [bytesToHex(key).slice(2)])));
}

/** What must not be published in one committed file: `path:line: what`. A key is passed when marked "local test key". */
export function findLeaks(path: string, text: string, publicKeys: ReadonlySet<string>): string[] {
  if (BUILD_OUTPUT.test(path)) return [`${path}: build output is not committed`];
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const context = `${lines[index - 1] ?? ""}\n${line}`;
    const found: string[] = [];
    if (MACHINE_PATH.test(line)) found.push("a path of somebody's machine");
    if (CREDENTIAL.test(line)) found.push("a credential");
    if (hasSecretKey(line, context, publicKeys)) found.push("a private key not marked as local test key");
    if (path.endsWith("package-lock.json") && /"resolved": "http/.test(line)) found.push("a registry's address");
    return found.map((what) => `${path}:${index + 1}: ${what}`);
  });
}

function hasSecretKey(line: string, context: string, publicKeys: ReadonlySet<string>): boolean {
  if (!KEY_WORDS.test(context) || TEST_KEY_MARK.test(context)) return false;
  return [...line.matchAll(RAW_KEY)].some(([, key = ""]) => !publicKeys.has(key.toLowerCase()) && !isRepeated(key));
}

/** 0x1111…: a filler that nobody takes for a secret. */
function isRepeated(key: string): boolean {
  return new Set(key.match(/../g)).size <= 2;
}

if (import.meta.main) {
  const paths = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" }).split("\0").filter(Boolean);
  const publicKeys = developmentKeys();
  const leaks = paths.flatMap((path) => {
    const bytes = readFileSync(path);
    return findLeaks(path, bytes.includes(0) ? "" : bytes.toString("utf8"), publicKeys);
  });
  for (const line of leaks) console.error(line);
  console.log(`Leaks: ${paths.length} committed files, ${leaks.length} findings`);
  process.exitCode = leaks.length > 0 ? 1 : 0;
}
