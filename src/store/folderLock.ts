import { rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join, relative } from "node:path";
import { ProtocolError } from "../protocol/errors.ts";

/** Longest path of a Unix socket that every system takes. */
const MAX_SOCKET_PATH = 103;

/**
 * Keeps a folder for this process until it is unlocked. The lock is a socket that somebody listens on: however its
 * owner ends, nobody listens any more, so there are no stale locks, and no process id to mistake for another's.
 * @returns unlocks
 * @throws ProtocolError `store/in-use`, `store/path-too-long`
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = shorter(join(folder, "lock"));
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new ProtocolError(
      "store/path-too-long",
      `got the folder ${folder}, at most ${MAX_SOCKET_PATH - 5} bytes of path are allowed: use a shorter one`,
    );
  }
  const server = (await listen(path)) ?? (await takeOver(path));
  if (server === undefined) {
    throw new ProtocolError(
      "store/in-use",
      `${folder} is open in another process, one at a time is allowed: stop that one or use another folder`,
    );
  }
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function shorter(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}

/** What a killed process left behind answers nobody and is removed. */
async function takeOver(path: string): Promise<Server | undefined> {
  if (await isAnswered(path)) return undefined;
  await rm(path, { force: true });
  return listen(path);
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
