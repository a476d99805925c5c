import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { ROOT } from "../../scripts/demo/chainProcess.ts";

// Types what README.md tells a person to type in four shells, here, on port 8545 and in this clone's own folders.

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const START_MS = 150_000;

/** The commands of README's four shells for jobs, in order; those for calls stand before. */
function shells(): string[] {
  const [, jobs = ""] = README.split("**A network on your machine**");
  const commands = [...jobs.matchAll(/^(npx hardhat [^#\n]*?) +# [1-4]: /gm)].map(([, command]) => command as string);
  expect(commands).to.have.lengthOf(4);
  return commands;
}

describe("README's four shells", function () {
  this.timeout(300_000);
  const open: ChildProcess[] = [];
  const [chain, deploy, nodes, submit] = shells() as [string, string, string, string];
  /** What the fourth shell says to type next. */
  let verify: string[] = [];

  after(async () => {
    for (const shell of open.reverse()) {
      if (shell.exitCode !== null || shell.signalCode !== null) continue;
      const exited = once(shell, "exit");
      process.kill(-(shell.pid as number), "SIGINT");
      await exited;
    }
  });

  function type(command: string): ChildProcess {
    const shell = spawn("bash", ["-c", `exec ${command}`], { cwd: ROOT, detached: true, stdio: "pipe" });
    open.push(shell);
    return shell;
  }

  /** A command that stays: resolves with the first line that matches. */
  async function stays(command: string, ready: RegExp): Promise<void> {
    const shell = type(command);
    let said = "";
    const isReady = new Promise<void>((resolve) => {
      for (const stream of [shell.stdout, shell.stderr]) {
        createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => {
          said += `${line}\n`;
          if (ready.test(line)) resolve();
        });
      }
    });
    const ended = once(shell, "exit").then(() => Promise.reject(new Error(`${command} ended:\n${said}`)));
    const late = new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`${command} isn't ready:\n${said}`)), START_MS).unref();
    });
    await Promise.race([isReady, ended, late]);
    ended.catch(() => {});
  }

  async function ends(command: string): Promise<{ code: number; said: string }> {
    const shell = type(command);
    let said = "";
    for (const stream of [shell.stdout, shell.stderr]) {
      stream?.on("data", (chunk) => {
        said += chunk;
      });
    }
    const [code] = await once(shell, "close");
    return { code, said };
  }

  it("1: a chain", () => stays(chain, /JSON-RPC server at http:\/\/\S+:8545/));

  it("2: the contracts", async () => {
    const { code, said } = await ends(deploy);
    expect(code, said).to.equal(0);
  });

  it("3: models and nodes", () => stays(nodes, /ready/));

  it("4: a digit and a flower end in settled jobs", async () => {
    const { code, said } = await ends(submit);
    expect(code, said).to.equal(0);
    verify = [...said.matchAll(/^npx opg job verify .*$/gm)].map(([line]) => line);
    expect(verify, said).to.have.lengthOf(2);
    for (const line of verify) {
      const status = await ends(line.replace("verify", "status").replace(/ --input .*/, ""));
      expect(status.said).to.match(/^status +settled$/m);
    }
  });

  it("verifies each of them, and says why not with one byte of the input changed", async () => {
    for (const line of verify) {
      const { code, said } = await ends(line);
      expect({ code, verdict: said.match(/^(true|false)$/m)?.[0] }, said).to.deep.equal({ code: 0, verdict: "true" });
    }
    const row = verify.find((line) => line.endsWith(".bin"));
    const file = row?.split(" ").at(-1) as string;
    const bytes = readFileSync(`${ROOT}/${file}`);
    writeFileSync(`${ROOT}/${file}`, bytes.with(0, (bytes[0] as number) ^ 1));
    const { code, said } = await ends(row as string);
    expect({ code, verdict: said.match(/^(true|false)$/m)?.[0] }, said).to.deep.equal({ code: 1, verdict: "false" });
    expect(said).to.contain("the job was about another input: the input hashes to");
  });
});
