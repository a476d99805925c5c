import { spawn } from "node:child_process";
import { once } from "node:events";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { HARDHAT, ROOT } from "./chainProcess.ts";

/** Compiles the contracts in a process of its own, so that this one goes on; what the compiler says is shown when it fails. */
export async function compileContracts(): Promise<void> {
  const child = spawn(process.execPath, [HARDHAT, "build", "--no-tests"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      said += chunk;
    });
  }
  const [code] = await once(child, "exit");
  process.off("exit", kill);
  if (code !== 0) throw new ProtocolError("demo/not-compiled", `the contracts don't compile:\n${said.trim()}`);
}
