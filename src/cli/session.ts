import { homedir } from "node:os";
import { join } from "node:path";
import type { LocalAccount } from "viem";
import { loadAddresses } from "../chain/addressesFile.ts";
import { type Chain, connectChain, type SigningChain, signing } from "../chain/clients.ts";
import { createFetchUri, type FetchUri } from "../fetch/fetchUri.ts";
import { createModelFiles, type ModelFiles } from "../fetch/modelFiles.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { accountFromEnvironment, PAYER_KEY, payerAccount, SIGNER_KEY } from "./keys.ts";
import { type Network, type NetworkName, resolveNetwork } from "./networks.ts";
import { createProgress, type Progress } from "./progress.ts";
import type { Environment, Terminal } from "./terminal.ts";

/** What every command takes. */
export type CommonOptions = {
  network?: NetworkName;
  rpc?: string;
  addresses?: string;
  account?: number;
  cache?: string;
  allowPrivateUris?: boolean;
  json?: boolean;
};

/** What a command works with; nothing is connected or read before it is asked for. */
export type Session = {
  terminal: Terminal;
  progress: Progress;
  network(): Promise<Network>;
  /** Signs too, when there is a key. */
  chain(): Promise<Chain>;
  /** @throws ProtocolError `usage/no-key` */
  signingChain(): Promise<SigningChain>;
  /** A connection of another account than the session's own. */
  chainOf(account: LocalAccount): Promise<SigningChain>;
  /** The operator's signer, when its key is here. */
  nodeSigner(): LocalAccount | undefined;
  /** @throws ProtocolError `usage/no-key` */
  requireSigner(): LocalAccount;
  /** Whether what strangers name may lie in private networks or on this machine. */
  allowsPrivateUris(): Promise<boolean>;
  /** Fetches what the network's strangers name. */
  fetchUri(timeoutMs?: number): Promise<FetchUri>;
  /** @param timeoutMs for each file; five seconds unless told */
  models(timeoutMs?: number): Promise<ModelFiles>;
};

const AFTER_SENDING = "what was sent already is mined all the same: look at how things stand before repeating it";

/** The session of one command. */
export function createSession(terminal: Terminal, options: CommonOptions): Session {
  const { env } = terminal;
  const progress = createProgress(terminal.err);

  const network = once(async () => {
    progress.begin("asking the RPC for its chain");
    return resolveNetwork(options, env);
  });
  const connect = async (account: LocalAccount | undefined): Promise<Chain> => {
    const { rpcUrl, chainId, name } = await network();
    progress.begin(`connecting to ${name ?? `chain ${chainId}`}`);
    const addresses = await loadAddresses(chainId, options.addresses);
    const chain = await connectChain({ rpcUrl, addresses, ...(account && { account }) });
    progress.begin("reading the chain");
    return chain;
  };
  const chain = once(async () => {
    const { isLocal } = await network();
    return connect(payerAccount(env, { isLocal, index: options.account }));
  });
  const allowsPrivateUris = async () => options.allowPrivateUris ?? (await network()).isLocal;
  const fetchUri = async (timeoutMs?: number) =>
    createFetchUri({ allowPrivate: await allowsPrivateUris(), ...(timeoutMs && { timeoutMs }) });

  const nodeSigner = () => accountFromEnvironment(env, SIGNER_KEY);

  return {
    terminal,
    progress,
    network,
    chain,
    signingChain: async () => {
      const sender = requireKey(await chain());
      terminal.ifStopped = AFTER_SENDING;
      return sender;
    },
    chainOf: async (account) => signing(await connect(account)),
    nodeSigner,
    requireSigner: () => nodeSigner() ?? noSigner(),
    allowsPrivateUris,
    fetchUri,
    models: async (timeoutMs) =>
      createModelFiles({ cacheDir: options.cache ?? cacheFolder(env), fetchUri: await fetchUri(timeoutMs) }),
  };
}

/** Of the XDG base directory specification. */
function cacheFolder(env: Environment): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "opengradient");
}

function requireKey(chain: Chain): SigningChain {
  if (chain.account !== undefined) return signing(chain);
  throw new ProtocolError(
    "usage/no-key",
    `this needs a key on chain ${chain.chainId}: set ${PAYER_KEY} to 0x and 64 hex digits`,
  );
}

function noSigner(): never {
  throw new ProtocolError(
    "usage/no-key",
    `this needs the operator's signer: set ${SIGNER_KEY} to 0x and 64 hex digits`,
  );
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
