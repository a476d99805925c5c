// Brings node_modules to what package-lock.json says, on the Node version the project pins, and does nothing
// when it is there already. Every npm script starts with it, so a fresh clone needs no separate install.
//
// It runs on whatever Node the system has (18 or newer, no dependencies) and writes to stderr only: what the
// script behind it prints to stdout stays clean. Scripts go on with `env node …` instead of `node …`, because
// the shell remembers where it found `node` before the install put the pinned one first on the PATH.
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { constants, hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const lockPath = join(root, "cache", "setup.lock");
const MINIMUM_NODE_MAJOR = 18;
const STALE_LOCK_MS = 15 * 60_000;
const PROGRESS_MS = process.stderr.isTTY ? 1_000 : 10_000;

class SetupError extends Error {}

const say = (text) => process.stderr.write(`setup: ${text}\n`);
const seconds = (sinceMs) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
const majorOf = (version) => Number(version.split(".", 1)[0]);

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/* WHAT IS INSTALLED */

function allows(list, value) {
  if (list === undefined) return true;
  const entries = [].concat(list);
  if (entries.includes(`!${value}`)) return false;
  return entries.includes(value) || entries.every((entry) => entry.startsWith("!"));
}

/** Whether npm installs this entry of the lock here. Engines don't count: the pinned Node satisfies them all. */
function belongsHere(entry) {
  if (!entry.optional) return true;
  return allows(entry.os, process.platform) && allows(entry.cpu, process.arch) && allows(entry.libc, "glibc");
}

/**
 * npm removes node_modules/.package-lock.json when `npm ci` starts and writes it last, so an interrupted install
 * never has one. Comparing it with the lock also finds a lock that has moved on, and an install made on a Node
 * too old for Hardhat's native chain, which npm leaves out without a word. Undefined: all is there.
 */
function firstDifference() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  if (wanted === undefined) throw new SetupError("package-lock.json is missing or unreadable: restore it from git");
  const present = readJson(join(modules, ".package-lock.json"))?.packages;
  if (present === undefined) return "node_modules is missing or half installed";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const installed = present[path];
    if (installed === undefined ? belongsHere(entry) : installed.version !== entry.version) {
      return `${path} is not at ${entry.version}`;
    }
  }
  const extra = Object.keys(present).find((path) => wanted[path] === undefined);
  if (extra !== undefined) return `${extra} is not in package-lock.json`;
  return undefined;
}

function isInstalled() {
  if (firstDifference() !== undefined) return false;
  linkPrograms();
  return true;
}

/**
 * npm 10 drops the pinned Node's link when it skips the other platform's package, which has a program of the same name.
 * And `npx` runs what is linked here on that Node, but a project's own `bin` on the system's.
 */
function linkPrograms() {
  if (pinnedNode() !== undefined) link("node", join("..", `node-${process.platform}-${process.arch}`, "bin", "node"));
  link("opg", join("..", "..", "src", "cli", "main.ts"));
}

function link(name, target) {
  const path = join(modules, ".bin", name);
  if (existsSync(path)) return;
  rmSync(path, { force: true });
  try {
    symlinkSync(target, path);
  } catch (error) {
    // Another set-up was faster.
    if (error.code !== "EEXIST") throw error;
  }
}

/** The npm package that is the pinned Node on this platform, or undefined where there is none. */
function pinnedNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const version = readJson(join(root, "package.json"))?.optionalDependencies?.[name];
  return version && `${name}@${version}`;
}

/* INSTALLING */

/**
 * `npm run` hands its own options down as npm_* variables (`--silent`, `--prefix`, `--omit`, …), which would change
 * what the install does. Only what says how to reach the registry is kept.
 */
function cleanEnvironment() {
  const kept =
    /^npm_config_(.*registry|.*:_.*|userconfig|globalconfig|cache|cafile|ca|cert|key|strict_ssl|proxy|https_proxy|noproxy|fetch_.*)$/i;
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^npm_/i.test(name) || kept.test(name)) env[name] = value;
  }
  delete env.NODE_ENV;
  delete env.NODE_OPTIONS;
  // Not the Node inside node_modules: the install is about to delete it.
  const inside = join(modules, ".bin");
  env.PATH = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== inside)
    .join(delimiter);
  return env;
}

function installCommand() {
  const ci = ["npm", "ci", "--prefix", root, "--include=dev", "--include=optional", "--no-progress"];
  const pinned = pinnedNode();
  if (pinned !== undefined) return ["npx", "--yes", "--package", pinned, "--", ...ci];
  const required = majorOf(/\d+/.exec(readJson(join(root, "package.json"))?.engines?.node ?? "24")[0]);
  if (majorOf(process.versions.node) >= required) return ci;
  throw new SetupError(
    `no pinned Node for ${process.platform}-${process.arch} and this is Node ${process.versions.node}: ` +
      `install Node ${required} or newer and run the command again`,
  );
}

function checkPlatform() {
  if (process.platform !== "linux" || pinnedNode() === undefined) return;
  if (process.report.getReport().header.glibcVersionRuntime === undefined) {
    throw new SetupError("the pinned Node needs glibc: use a Debian, Ubuntu or Fedora image instead of a musl one");
  }
}

let child;
let stopping = false;

/** Runs the command in a process group of its own, so that an interrupt ends all of npm, and collects its output. */
function run([command, ...args], cwd, onStart) {
  return new Promise((resolve, reject) => {
    let output = "";
    child = spawn(command, args, { cwd, env: cleanEnvironment(), detached: true, stdio: ["ignore", "pipe", "pipe"] });
    if (child.pid !== undefined) onStart(child.pid);
    const collect = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => reject(new SetupError(`cannot run ${command}: ${error.message}`)));
    child.on("close", (code) => resolve({ code, output }));
  });
}

function showProgress(startedAt) {
  const timer = setInterval(() => {
    const text = `setup: installing, ${Math.round((Date.now() - startedAt) / 1000)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r${text}` : `${text}\n`);
  }, PROGRESS_MS);
  return () => {
    clearInterval(timer);
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  };
}

async function install(lock) {
  checkPlatform();
  const command = installCommand();
  const startedAt = Date.now();
  say(`installing the locked packages${pinnedNode() ? ` with ${pinnedNode()}` : ""} (once, about a minute)`);
  // npx would take a package it finds in the project for its own, and the install would delete it meanwhile.
  const elsewhere = mkdtempSync(join(tmpdir(), "setup-"));
  const stopProgress = showProgress(startedAt);
  const { code, output } = await run(command, elsewhere, (pid) => lock.write(pid)).finally(() => {
    stopProgress();
    rmSync(elsewhere, { recursive: true, force: true });
  });
  // The signal handler ends the process; nothing may be reported or released before it has.
  if (stopping) await new Promise(() => {});
  const difference = firstDifference();
  if (code !== 0 || difference !== undefined) {
    const reasons = output
      .split("\n")
      .filter((line) => /^npm (error|ERR!)/.test(line) && !/complete log|error\s+at /.test(line));
    for (const line of reasons.slice(0, 12)) process.stderr.write(`${line}\n`);
    const what = code === 0 ? difference : `npm ci ended with code ${code}`;
    throw new SetupError(`the install failed after ${seconds(startedAt)}: ${what}`);
  }
  linkPrograms();
  say(`installed in ${seconds(startedAt)}`);
}

/* ONE AT A TIME */

function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  try {
    // In a container without an init process the dead stay listed as zombies.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

/** The npm a killed set-up leaves behind goes on writing: as long as it lives, its lock holds. */
function isStale(lock) {
  const age = Date.now() - (statSync(lockPath, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > STALE_LOCK_MS) return true;
  // Between creating and filling it a lock is empty for a moment.
  if (lock === undefined) return age > 2_000;
  return lock.host === hostname() && !lock.pids.some(isAlive);
}

function tryLock() {
  mkdirSync(join(root, "cache"), { recursive: true });
  let handle;
  try {
    handle = openSync(lockPath, "wx");
  } catch (error) {
    if (error.code === "EEXIST") return undefined;
    throw error;
  }
  const pids = [process.pid];
  const write = (pid) => {
    if (pid !== undefined) pids.push(pid);
    writeSync(handle, JSON.stringify({ host: hostname(), pids }), 0);
  };
  write();
  return {
    write,
    release() {
      closeSync(handle);
      rmSync(lockPath, { force: true });
    },
  };
}

/** Waits while another set-up works. Undefined: it did the work. */
async function lockUnlessInstalled() {
  let toldAt = 0;
  for (;;) {
    const lock = tryLock();
    if (lock !== undefined) return lock;
    const other = readJson(lockPath);
    if (isStale(other)) {
      // Of several waiters all may judge it stale; a random pause lets the first one's new lock be seen by the rest.
      await sleep(Math.random() * 500);
      if (isStale(readJson(lockPath))) rmSync(lockPath, { force: true });
      continue;
    }
    if (Date.now() - toldAt >= 10_000) {
      say(
        `waiting for another set-up (process ${other?.pids[0] ?? "starting"}); if there is none, delete cache/setup.lock`,
      );
      toldAt = Date.now();
    }
    await sleep(250);
    if (!existsSync(lockPath) && isInstalled()) return undefined;
  }
}

async function stopOnSignal(lock, signal) {
  stopping = true;
  if (child?.pid !== undefined && child.exitCode === null) {
    const ended = new Promise((resolve) => child.once("close", resolve));
    const send = (name) => {
      try {
        process.kill(-child.pid, name);
      } catch {
        // It has ended by itself.
      }
    };
    send("SIGTERM");
    await Promise.race([ended, sleep(3_000)]);
    send("SIGKILL");
  }
  lock.release();
  say("interrupted: the next run starts the install again");
  process.exit(128 + constants.signals[signal]);
}

async function main() {
  if (majorOf(process.versions.node) < MINIMUM_NODE_MAJOR) {
    throw new SetupError(
      `this is Node ${process.versions.node}: install Node ${MINIMUM_NODE_MAJOR} or newer and run the command again`,
    );
  }
  if (isInstalled()) return;
  const lock = await lockUnlessInstalled();
  if (lock === undefined) return;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => stopOnSignal(lock, signal));
  try {
    if (!isInstalled()) await install(lock);
  } finally {
    lock.release();
  }
}

try {
  await main();
} catch (error) {
  say(error instanceof SetupError ? error.message : `failed: ${error.message}`);
  process.exitCode = 1;
}
