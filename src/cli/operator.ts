import type { Command } from "commander";
import { type Address, type Hex, isAddressEqual } from "viem";
import type { SigningChain } from "../chain/clients.ts";
import { sendCall } from "../chain/sendCall.ts";
import { encodeAllowVerifier } from "../chain/staking.ts";
import { STAKE_UNIT } from "../protocol/commitRevealTerms.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { type OperatorStatus, operatorStatus, ownOperator } from "../sdk/operatorStatus.ts";
import { registerOperator } from "../sdk/registerOperator.ts";
import { type RotateOptions, rotateSigner } from "../sdk/rotateSigner.ts";
import { signConsent } from "../sdk/signConsent.ts";
import { answering } from "./answering.ts";
import { SIGNER_KEY } from "./keys.ts";
import { address, largeNumber, operatorOrOwner, opgAmount, signature } from "./options.ts";
import { type Answer, hashesOf, lines, opg, time } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type SignerOptions = { signer?: Address; consent?: Hex; deadline?: bigint };
type RegisterCommandOptions = SignerOptions & { stake: bigint; allocate?: bigint };

/** `opg operator …` */
export function addOperatorCommands(program: Command, terminal: Terminal): void {
  const operator = program.command("operator").description("an operator: its registration, its signer, what it has");
  addSignerOptions(operator.command("register"))
    .description("register, stake, and join the verifier; again to finish or to raise an amount")
    .requiredOption("--stake <opg>", "own stake to reach", opgAmount)
    .option("--allocate <opg>", "of it, what backs the verifier; all unless told", opgAmount)
    .action(answering(terminal, register));
  operator
    .command("status")
    .description("stake, allocation, locked bonds, earnings, signer, what is leaving")
    .argument("[operator]", "an operator's id or its owner's address; your own unless told", operatorOrOwner)
    .action(answering(terminal, status));
  addSignerOptions(operator.command("rotate-signer"))
    .description("give the node another key to sign with")
    .action(answering(terminal, rotate));
  operator
    .command("consent")
    .description(`sign, with ${SIGNER_KEY}, what an owner elsewhere needs to register this key`)
    .argument("<owner>", "the account that owns the operator", address)
    .action(answering(terminal, consent));
  operator
    .command("allow")
    .description("let a verifier use stake, up to an amount in all; 0 to let it take no more")
    .argument("<verifier>", "the verifier's address", address)
    .argument("<max>", "OPG", opgAmount)
    .action(answering(terminal, allow));
}

function addSignerOptions(command: Command): Command {
  return command
    .option(
      "--signer <address>",
      `the node's key; that of ${SIGNER_KEY}, or else the owner's own, unless told`,
      address,
    )
    .option("--consent <signature>", "the signer's agreement, from opg operator consent", signature)
    .option("--deadline <time>", "until when it holds, unix seconds", largeNumber);
}

async function register(session: Session, options: RegisterCommandOptions): Promise<Answer> {
  const chain = await session.signingChain();
  const { stake, allocate = stake - (stake % STAKE_UNIT) } = options;
  const { operatorId, txReceipts } = await registerOperator(chain, {
    ...(await chooseSigner(session, chain, options)),
    stake,
    allocate,
    onProgress: ({ call }) => session.progress.say(`sending ${call}`),
  });
  const answer = describe(await operatorStatus(chain, operatorId));
  return { ...answer, json: { ...answer.json, transactions: hashesOf(txReceipts) } };
}

async function status(session: Session, wanted: number | Address | undefined): Promise<Answer> {
  const chain = await session.chain();
  if (typeof wanted === "number") return describe(await operatorStatus(chain, wanted));
  const owner = wanted ?? (await session.signingChain()).account.address;
  return describe(await operatorStatus(chain, await ownOperator(chain, owner)));
}

async function rotate(session: Session, options: SignerOptions): Promise<Answer> {
  const chain = await session.signingChain();
  const chosen = await chooseSigner(session, chain, options);
  const txReceipts = await rotateSigner(chain, chosen);
  return {
    json: { signer: chosen.signer, transactions: hashesOf(txReceipts) },
    text: `${txReceipts.length === 0 ? "nothing to do: " : ""}the node signs with ${chosen.signer}`,
  };
}

async function consent(session: Session, owner: Address): Promise<Answer> {
  const signer = session.requireSigner();
  const { deadline, signature: signed } = await signConsent(signer, await session.chain(), owner);
  return {
    json: { owner, signer: signer.address, consent: signed, deadline },
    text: `--signer ${signer.address} --consent ${signed} --deadline ${deadline}`,
  };
}

async function allow(session: Session, verifier: Address, max: bigint): Promise<Answer> {
  const chain = await session.signingChain();
  const { transactionHash } = await sendCall(chain, encodeAllowVerifier(chain.addresses, verifier, max));
  return { json: { verifier, max, transactionHash }, text: `${verifier} may use up to ${opg(max)}` };
}

/** A key of the node's own with its consent, or the owner's, which needs none. */
async function chooseSigner(
  session: Session,
  chain: SigningChain,
  { signer, consent: signed, deadline }: SignerOptions,
): Promise<RotateOptions> {
  const owner = chain.account.address;
  const own = session.nodeSigner();
  if (own !== undefined && (signer === undefined || isAddressEqual(signer, own.address))) {
    return { signer: own.address, consent: await signConsent(own, chain, owner) };
  }
  if (signer === undefined) {
    session.progress.say("the node will sign with the owner's own key; opg operator rotate-signer gives it another");
    return { signer: owner };
  }
  if (isAddressEqual(signer, owner)) return { signer };
  if (signed === undefined || deadline === undefined) {
    throw new ProtocolError(
      "usage/no-consent",
      `got --signer ${signer} without its consent: set ${SIGNER_KEY}, or add --consent and --deadline from opg operator consent`,
    );
  }
  return { signer, consent: { signature: signed, deadline } };
}

function describe(status: OperatorStatus): Answer {
  const { operatorId, signer, isSignerSynced, stake, allocation, unbonding, member, verifierAllowance } = status;
  const locked = member.locked * STAKE_UNIT;
  return {
    json: {
      operatorId,
      signer,
      isSignerSynced,
      stake,
      allocation,
      unbonding,
      locked,
      earnings: member.earnings,
      verifierAllowance,
    },
    text: lines([
      ["operator", String(operatorId)],
      ["owner", stake.owner],
      ["signer", isSignerSynced ? signer : `${signer}, not known to the verifier: opg operator rotate-signer`],
      ["stake", `${opg(stake.active)}, ${opg(stake.unallocated)} of it backs nothing yet`],
      ["at the verifier", `${opg(allocation.active)}, at most ${opg(verifierAllowance)}`],
      ["locked in jobs", opg(locked)],
      ["earnings", opg(member.earnings)],
      ["claimable", opg(stake.claimable)],
      ["leaving", describeLeaving(allocation)],
      ["unbonding", describeLeaving(unbonding)],
    ]),
  };
}

function describeLeaving({ leaving, releasesAt }: OperatorStatus["allocation"]): string | undefined {
  return leaving === 0n ? undefined : `${opg(leaving)}, released at ${time(releasesAt)}`;
}
