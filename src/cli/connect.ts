import { resolve } from "node:path";
import type { Command } from "commander";
import type { GatewayPlace } from "../connect/operators.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { dataFolderOn } from "./dataFolder.ts";
import { opgAmount, wholeNumber } from "./options.ts";
import { runConnect } from "./runConnect.ts";
import { type CommonOptions, createSession } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type ConnectOptions = CommonOptions & {
  data?: string;
  port: number;
  host: string;
  budget?: bigint;
  deposit?: bigint;
  maxPrice?: bigint;
  minBond?: bigint;
  gateway?: string[];
  challenge?: boolean;
  allowOtherServedModel?: boolean;
};

const PORT = 8401;
const BUDGET = "10";
/** Operators quote what they like. */
const MAX_PRICE = "0.1";

/** `opg connect` */
export function addConnectCommand(program: Command, terminal: Terminal): void {
  program
    .command("connect")
    .description(
      "an OpenAI-compatible server on this machine whose every answer is paid in OPG and checked before you see it",
    )
    .option("--data <folder>", "where it keeps its voucher key, receipts and state; the user's data folder unless told")
    .option("--port <n>", `${PORT} unless told`, wholeNumber, PORT)
    .option("--host <address>", "127.0.0.1 unless told: whoever reaches it spends your OPG", "127.0.0.1")
    .option("--budget <opg>", `the most it may have in channels; ${BUDGET} unless told`, opgAmount)
    .option("--deposit <opg>", "what it puts into a channel at a time; a tenth of the budget unless told", opgAmount)
    .option("--max-price <opg>", `the most one call may cost; ${MAX_PRICE} unless told`, opgAmount)
    .option(
      "--min-bond <opg>",
      "the least standing bond of an operator; an equivocation's slash unless told",
      opgAmount,
    )
    .option("--gateway <id=url...>", "a gateway known beforehand, by its operator's number; others are found on chain")
    .option("--challenge", "challenge on chain what isn't anchored in time")
    .option("--allow-other-served-model", "take answers of another model than the one asked for")
    .addHelpText(
      "after",
      "\nPoint an OpenAI client's base URL at http://127.0.0.1:8401/v1; its API key is not looked at. See docs/operations/connect.md.",
    )
    .action((_, command: Command) => run(terminal, command.optsWithGlobals<ConnectOptions>()));
}

async function run(terminal: Terminal, options: ConnectOptions): Promise<void> {
  const operators = (options.gateway ?? []).map(readPlace);
  const session = createSession(terminal, options);
  const chain = await session.signingChain();
  const dataDir = resolve(options.data ?? (await dataFolderOn(terminal.env, "connect", chain)));
  const allowPrivateGateways = await session.allowsPrivateUris();
  const stopping = new AbortController();
  terminal.ifStopped = () => stopping.abort();
  session.progress.end();
  const { deposit, minBond, challenge, allowOtherServedModel } = options;
  const budget = options.budget ?? opgAmount(BUDGET);
  const maxPrice = options.maxPrice ?? opgAmount(MAX_PRICE);
  await runConnect({
    ...{ chain, dataDir, operators, budget, maxPrice, allowPrivateGateways },
    ...(deposit !== undefined && { deposit }),
    ...(minBond !== undefined && { minBond }),
    ...(challenge !== undefined && { challenge }),
    ...(allowOtherServedModel !== undefined && { allowOtherServedModel }),
    listen: { port: options.port, host: options.host },
    isJson: options.json ?? false,
    signal: stopping.signal,
  });
}

/** `7=https://gateway.example` */
function readPlace(text: string): GatewayPlace {
  const [, id, url] = /^([1-9][0-9]{0,9})=(https?:\/\/\S+)$/.exec(text) ?? [];
  if (id !== undefined && url !== undefined) return { operatorId: Number(id), url };
  throw new ProtocolError(
    "usage/malformed-gateway",
    `got --gateway ${text.slice(0, 80)}, wanted is an operator's number and a URL, like 7=https://gateway.example`,
  );
}
