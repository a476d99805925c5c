import type { Server } from "node:http";

/** Until the last bytes of an answer that is made must have left. */
const GRACE_MS = 2_000;
const LOOK_MS = 20;

/** Takes no more requests, lets what is being answered leave for a while, then ends all connections. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const ending = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearInterval(looking);
  clearTimeout(ending);
}
