import { type Address, type Hex, keccak256, maxUint256, numberToHex, toFunctionSelector, zeroAddress } from "viem";
import { ADMIN_ROLE, GOVERNOR_ROLE, PAUSER_ROLE } from "../../../deploy/modules/Access.ts";
import type { Member } from "../../../src/chain/verifier.ts";
import { parseOpg } from "../../../src/protocol/units.ts";
import { type ContractName, Refused } from "./deployed.ts";
import { changingFunctions } from "./privileges.ts";
import {
  BROUGHT,
  DEPOSITED,
  earnedBy,
  FEE,
  HOLDERS,
  JOB_NAMES,
  LEFT,
  PEOPLE,
  SPLIT,
  STAKED,
  STRANGER_STAKE,
  type Stage,
  UNBONDED,
} from "./stage.ts";
import {
  CHALLENGE_BOND,
  CHANNEL_NAMES,
  EQUIVOCATION_SLASH,
  FUNDED,
  LIFE,
  OMISSION_SLASH,
  PROMISED,
  STANDING_LEFT,
} from "./stageCalls.ts";
import { changesOf, MANAGED, termsOf } from "./terms.ts";

/** Who was the governor; it gives itself every role. */
const ATTACKER = PEOPLE.governor;
const OWN_ROLE = 77n;
const DAY = 86_400;
const MAX_UNBONDING_SECONDS = 60 * DAY;
const NEVER = 100 * 365 * DAY;
const MAX_UINT32 = 2 ** 32 - 1;
const MAX_UINT96 = 2n ** 96n - 1n;
const MAX_CHALLENGE_BOND = parseOpg("1000");

/** All that may change while governance does its worst: its own settings, and the protocol's fees, which are its own. */
const GOVERNED = ["network.", "role.", "accrued.1", "ledger.governor"];

type Attack = (stage: Stage) => Promise<void>;

/** The worst that can be done with each privileged function, in an order in which none gets into another's way. */
export const ATTACKS: Record<string, Attack> = {
  "AccessManager.grantRole": async (stage) => {
    await act(stage, "AccessManager", "grantRole", PAUSER_ROLE, ATTACKER, 0);
    await act(stage, "AccessManager", "grantRole", OWN_ROLE, ATTACKER, 0);
  },
  "AccessManager.revokeRole": (stage) => act(stage, "AccessManager", "revokeRole", PAUSER_ROLE, PEOPLE.guardian),
  "AccessManager.labelRole": (stage) => act(stage, "AccessManager", "labelRole", GOVERNOR_ROLE, "NOBODY"),
  "AccessManager.setRoleAdmin": async (stage) => {
    for (const role of [GOVERNOR_ROLE, PAUSER_ROLE]) await act(stage, "AccessManager", "setRoleAdmin", role, OWN_ROLE);
  },
  "AccessManager.setRoleGuardian": (stage) => act(stage, "AccessManager", "setRoleGuardian", GOVERNOR_ROLE, OWN_ROLE),
  "AccessManager.schedule": (stage) => announceUnpermit(stage),
  "AccessManager.cancel": async (stage) => {
    const unpermit = stage.encode("OperatorStaking", "permitVerifier", [stage.addresses.verifier, false]);
    const args = [ATTACKER, stage.addresses.staking, unpermit];
    await stage.send(ATTACKER, "AccessManager", "cancel", ...args);
  },
  "JobEscrow.setProtocolFee": async (stage) => {
    await worst(stage, "JobEscrow", "setProtocolFee", [ATTACKER, 1_000_000], [ATTACKER, 50_000]);
    await stage.send(ATTACKER, "JobEscrow", "claimProtocolFee", stage.modelId);
  },
  "OperatorStaking.setUnbondingSeconds": (stage) => lengthenUnbonding(stage),
  "CommitRevealVerifier.setParams": (stage) => tightenParams(stage),
  "ReceiptLog.setChallengeBond": (stage) => raiseChallengeBond(stage),
  "OperatorStaking.permitVerifier": async (stage) => {
    for (const name of ["verifier", "receipts"] as const) {
      await act(stage, "OperatorStaking", "permitVerifier", stage.addresses[name], false);
    }
    await permitHostileVerifier(stage);
  },
  "AccessManager.execute": async (stage) => {
    for (const [name, call, ...args] of takingCalls(stage)) {
      const data = [stage.at(name), stage.encode(name, call, args)];
      await attempt(() => act(stage, "AccessManager", "execute", ...data));
    }
  },
  "JobEscrow.setJobsPaused": (stage) => act(stage, "JobEscrow", "setJobsPaused", true),
  "JobEscrow.setModelsPaused": (stage) => act(stage, "JobEscrow", "setModelsPaused", true),
  "OperatorStaking.setPaused": (stage) => act(stage, "OperatorStaking", "setPaused", true),
  "VoucherEscrow.setChannelsPaused": (stage) => act(stage, "VoucherEscrow", "setChannelsPaused", true),
  "AccessManager.setTargetFunctionRole": async (stage) => {
    for (const name of MANAGED) {
      const selectors = changingFunctions(stage)
        .filter((found) => found.name === name && found.fn.name !== "setAuthority") // which the manager refuses to map
        .map(({ fn }) => toFunctionSelector(fn));
      await act(stage, "AccessManager", "setTargetFunctionRole", stage.at(name), selectors, OWN_ROLE);
    }
  },
  "AccessManager.setTargetClosed": async (stage) => {
    for (const name of MANAGED) await act(stage, "AccessManager", "setTargetClosed", stage.at(name), true);
  },
  "AccessManager.setGrantDelay": async (stage) => {
    for (const role of [ADMIN_ROLE, GOVERNOR_ROLE, PAUSER_ROLE, OWN_ROLE]) {
      await act(stage, "AccessManager", "setGrantDelay", role, MAX_UINT32);
    }
  },
  "AccessManager.setTargetAdminDelay": async (stage) => {
    for (const name of MANAGED) await act(stage, "AccessManager", "setTargetAdminDelay", stage.at(name), MAX_UINT32);
  },
  "AccessManager.updateAuthority": async (stage) => {
    for (const name of MANAGED) {
      const yesMan = await stage.deployAnswering(numberToHex(1, { size: 32 })); // lets everybody call everything at once
      await act(stage, "AccessManager", "updateAuthority", stage.at(name), yesMan);
    }
    await lengthenUnbonding(stage);
    await tightenParams(stage);
    await raiseChallengeBond(stage);
    await permitHostileVerifier(stage);
  },
  "JobEscrow.setAuthority": (stage) => replaceAuthority(stage, "JobEscrow"),
  "OperatorStaking.setAuthority": (stage) => replaceAuthority(stage, "OperatorStaking"),
  "CommitRevealVerifier.setAuthority": (stage) => replaceAuthority(stage, "CommitRevealVerifier"),
  "VoucherEscrow.setAuthority": (stage) => replaceAuthority(stage, "VoucherEscrow"),
  "ReceiptLog.setAuthority": (stage) => replaceAuthority(stage, "ReceiptLog"),
};

/** Does everything, one after the other; tells what changed that isn't governance's, and what was no attack at all. */
async function strike(stage: Stage): Promise<string[]> {
  const before = await termsOf(stage);
  for (const attack of Object.values(ATTACKS)) await attack(stage);
  const after = await termsOf(stage);
  const harm = Object.entries(changesOf(before, after))
    .filter(([path]) => !GOVERNED.some((prefix) => path.startsWith(prefix)))
    .map(([path, change]) => `governance changed ${path} by ${change}`);
  const untouched = Object.keys(before)
    .filter((path) => path.startsWith("network.") && before[path] === after[path])
    .map((path) => `governance left ${path} as it was`);
  return [...harm, ...untouched];
}

/** What a governance that does its worst takes from users or keeps them from; none is how it must be. */
export async function hostileGovernanceProblems(stage: Stage): Promise<string[]> {
  const problems = await strike(stage);
  try {
    return [...problems, ...(await goHome(stage))];
  } catch (error) {
    if (error instanceof Refused) return [...problems, error.message];
    throw error;
  }
}

/**
 * Everybody goes home with everything: jobs, challenges and channels end, balances, royalties, earnings and stakes are taken
 * out, each by its owner. Who has signed lies or left a receipt out pays for it, and nobody else. Protocol fees that nobody had claimed are governance's to take.
 * @returns whoever got something else than what is theirs
 * @throws Refused when somebody is stopped
 */
async function goHome(stage: Stage): Promise<string[]> {
  const wrong: string[] = [];
  const expectAmount = (what: string, got: unknown, wanted: bigint) => {
    if (got !== wanted) wrong.push(`${what}: ${got}, not ${wanted}`);
  };
  const opgOf = (account: Address) => stage.read("OPG", "balanceOf", account);
  const { payer, royaltyRecipient, stranger } = PEOPLE;
  const owners = stage.operators.map(({ owner }) => owner);
  const { jobs, modelId } = stage;
  const inChannels = BigInt(CHANNEL_NAMES.length) * FUNDED;
  const unopened = BROUGHT - DEPOSITED - inChannels;
  const inJobs = BigInt(JOB_NAMES.length) * FEE;
  const settled = BigInt(JOB_NAMES.length - 1);

  await useCalls(stage);
  await withdraw(stage, payer);
  expectAmount("the payer's balance", await opgOf(payer), unopened + DEPOSITED - inJobs);

  await endJobs(stage);
  for (const name of JOB_NAMES) {
    const wanted = name === "bare" ? 4 : 2;
    const status = await stage.read("JobEscrow", "statusOf", jobs[name].job);
    if (status !== wanted) wrong.push(`the ${name} job ended with status ${status}, not ${wanted}`);
  }
  await withdraw(stage, payer);
  expectAmount("the payer", await opgOf(payer), BROUGHT - inChannels - settled * FEE);

  await endCalls(stage);
  const spent = CHANNEL_NAMES.reduce((sum, name) => sum + PROMISED[name], 0n);
  expectAmount("the payer of channels", await opgOf(payer), BROUGHT - spent - settled * FEE);
  await withdraw(stage, PEOPLE.challenger);
  // The challenge that was answered has cost its bond.
  expectAmount("the challenger", await opgOf(PEOPLE.challenger), BROUGHT - CHALLENGE_BOND);

  await stage.send(stranger, "JobEscrow", "claimRoyalty", modelId);
  await withdraw(stage, royaltyRecipient);
  expectAmount("the publisher's royalties", await opgOf(royaltyRecipient), settled * SPLIT.royalty);
  await stage.send(ATTACKER, "JobEscrow", "claimProtocolFee", modelId);
  await withdraw(stage, ATTACKER);
  expectAmount("governance", await opgOf(ATTACKER), settled * SPLIT.protocolFee);

  await takeStakesOut(stage, async () => {
    const [first = zeroAddress] = owners;
    // What had begun to leave keeps the time it was told.
    expectAmount(
      "the leaving operator",
      await opgOf(first),
      BROUGHT - STAKED + LEFT + STANDING_LEFT + UNBONDED + settled * earnedBy(0) + PROMISED.open + CHALLENGE_BOND,
    );
  });
  const byCalls = [
    PROMISED.open + CHALLENGE_BOND - OMISSION_SLASH,
    PROMISED.paid - EQUIVOCATION_SLASH,
    PROMISED.exiting,
  ];
  for (const [seat, owner] of owners.entries()) {
    expectAmount(`operator ${seat}`, await opgOf(owner), BROUGHT + settled * earnedBy(seat) + (byCalls[seat] ?? 0n));
  }
  await withdraw(stage, stranger);
  expectAmount("another operator", await opgOf(stranger), 3n * STRANGER_STAKE);

  for (const name of MANAGED) expectAmount(`what ${name} keeps`, await opgOf(stage.at(name)), 0n);
  expectAmount("earnings kept", await stage.read("JobEscrow", "balanceOf", stage.addresses.verifier), 0n);
  expectAmount("awaiting burn", await stage.read("OperatorStaking", "awaitingBurn"), 0n);
  return wrong;
}

async function endJobs(stage: Stage): Promise<void> {
  const { undelivered, revealed, committed, waiting, bare } = stage.jobs;
  await stage.setConsumerRefuses(false);
  await stage.send(PEOPLE.payer, "JobEscrow", "deliver", undelivered.job, undelivered.result);
  await stage.settle(revealed);
  await stage.commit(waiting);
  for (const staged of [committed, waiting]) {
    await stage.closeCommits(staged);
    await stage.settle(staged);
  }
  await stage.elapse(bare.job.expiresAt - (await stage.now()));
  await stage.send(PEOPLE.payer, "JobEscrow", "refund", bare.job);
}

/** The signer goes on anchoring and claiming, the operator answers a challenge, somebody shows what another one has signed. */
async function useCalls(stage: Stage): Promise<void> {
  const { calls, operators, send } = stage;
  const [first] = operators;
  if (first === undefined) throw new Error("no operators");
  await send(first.signer, "ReceiptLog", "startIncarnation", first.id, 2, LIFE);
  const root = keccak256("0x");
  await send(first.signer, "ReceiptLog", "anchor", "", first.id, 1, root, calls.channels.open.voucher, root);
  // Whoever brings the answer, the operator gets the bond.
  await send(PEOPLE.newcomer, "ReceiptLog", "answerOmission", calls.receipts.anchored.receipt, calls.inclusion);
  await withdraw(stage, first.owner);
  await send(PEOPLE.newcomer, "ReceiptLog", "showReceipts", ...calls.contradictions.showReceipts.evidence, 0);
  for (const name of ["open", "paid"] as const) {
    const { payer, operatorId, voucherKey } = calls.channels[name].channel;
    const leaver = name === "open" ? payer : voucherKey; // either may
    await send(leaver, "VoucherEscrow", "startExit", payer, operatorId, voucherKey);
  }
}

/** What nobody answered is upheld, and every channel gives the rest back. */
async function endCalls({ calls, elapse, send }: Stage): Promise<void> {
  await elapse(2 * DAY);
  const { receipt, receiptId } = calls.receipts.omitted;
  await send(PEOPLE.newcomer, "ReceiptLog", "upholdOmission", receipt.operatorId, receiptId);
  for (const name of CHANNEL_NAMES) {
    const { payer, operatorId, voucherKey } = calls.channels[name].channel;
    await send(PEOPLE.newcomer, "VoucherEscrow", "close", payer, operatorId, voucherKey);
  }
}

async function takeStakesOut(stage: Stage, checkEarlyLeaver: () => Promise<void>): Promise<void> {
  const { operators, addresses, send, read, elapse } = stage;
  const everyone = [
    ...operators.map(({ id, owner }) => ({ id, owner })),
    { id: stage.strangerOperator, owner: PEOPLE.stranger },
  ];
  const release = async (id: number, verifier: Address) =>
    send(PEOPLE.newcomer, "OperatorStaking", "release", id, verifier);

  const { verifier, vouchers, receipts } = addresses;
  for (const { id } of operators) {
    for (const source of [verifier, vouchers]) await send(PEOPLE.newcomer, "OperatorStaking", "harvest", id, source);
  }
  await elapse(7 * DAY);
  const [first] = operators;
  if (first === undefined) throw new Error("no operators");
  for (const backed of [verifier, receipts, zeroAddress]) await release(first.id, backed);
  await send(first.owner, "OperatorStaking", "withdraw", first.owner);
  await checkEarlyLeaver();

  for (const { id, owner } of everyone) {
    const { share } = (await read("CommitRevealVerifier", "memberOf", id)) as Member;
    if (share > 0n) await send(owner, "CommitRevealVerifier", "leave", share * 10n ** 12n);
    const { active } = (await read("OperatorStaking", "allocationOf", id, receipts)) as { active: bigint };
    if (active > 0n) await send(owner, "ReceiptLog", "leave", active);
    const { unallocated } = (await read("OperatorStaking", "stakeOf", id)) as { unallocated: bigint };
    await send(owner, "OperatorStaking", "unbond", unallocated);
  }
  await elapse(MAX_UNBONDING_SECONDS);
  for (const { id, owner } of everyone) {
    for (const backed of [verifier, receipts, zeroAddress]) await release(id, backed);
    await send(owner, "OperatorStaking", "withdraw", owner);
  }
  await send(PEOPLE.newcomer, "OperatorStaking", "burn");
}

/** Takes out all that an account has in the escrow's ledger. */
async function withdraw(stage: Stage, account: Address): Promise<void> {
  const balance = await stage.read("JobEscrow", "balanceOf", account);
  await stage.send(account, "JobEscrow", "withdraw", account, balance);
}

/** Calls as the attacker; where that must be announced, announces it and waits. */
async function act(stage: Stage, name: ContractName, call: string, ...args: unknown[]): Promise<void> {
  const data = stage.encode(name, call, args);
  const refusal = await stage.refusal(ATTACKER, stage.at(name), data);
  if (refusal?.name === "AccessManagerNotScheduled") {
    // `execute` waits for the delay of the call it makes, and that call is what is announced.
    const [target, announced] = call === "execute" ? args : [stage.at(name), data];
    await stage.send(ATTACKER, "AccessManager", "schedule", target, announced, 0n);
    await stage.elapse(stage.governanceDelaySeconds);
  }
  await stage.send(ATTACKER, name, call, ...args);
}

/** The first of these that isn't refused. */
async function worst(stage: Stage, name: ContractName, call: string, ...candidates: unknown[][]): Promise<void> {
  for (const args of candidates) if (await attempt(() => act(stage, name, call, ...args))) return;
  throw new Error(`every ${name}.${call} was refused`);
}

async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

const lengthenUnbonding = (stage: Stage) =>
  worst(stage, "OperatorStaking", "setUnbondingSeconds", [NEVER], [MAX_UNBONDING_SECONDS]);

const raiseChallengeBond = (stage: Stage) =>
  worst(stage, "ReceiptLog", "setChallengeBond", [MAX_UINT96 - (MAX_UINT96 % 10n ** 12n)], [MAX_CHALLENGE_BOND]);

const tightenParams = (stage: Stage) =>
  worst(
    stage,
    "CommitRevealVerifier",
    "setParams",
    [paramsOf(MAX_UINT32, MAX_UINT32, 2n ** 56n - 1n)],
    [paramsOf(3_600, 10_000_000, 1_000_000_000n)],
  );

const paramsOf = (seconds: number, minBondPpm: number, minBondUnits: bigint) => ({
  minCommitWindowSeconds: seconds,
  minRevealWindowSeconds: seconds,
  minSettleWindowSeconds: seconds,
  minBondPpm,
  minBondUnits,
});

async function announceUnpermit(stage: Stage): Promise<void> {
  const data = stage.encode("OperatorStaking", "permitVerifier", [stage.addresses.verifier, false]);
  await stage.send(ATTACKER, "AccessManager", "schedule", stage.addresses.staking, data, 0n);
}

/** A verifier of the attacker's is permitted, and takes what it can from stake that nobody allowed it. */
async function permitHostileVerifier(stage: Stage): Promise<void> {
  await act(stage, "OperatorStaking", "permitVerifier", ATTACKER, true);
  for (const { id } of stage.operators) {
    await attempt(() => stage.send(ATTACKER, "OperatorStaking", "allocate", id, STAKED));
    await attempt(() => stage.send(ATTACKER, "OperatorStaking", "slash", id, STAKED, [stage.strangerOperator]));
    await attempt(() => stage.send(ATTACKER, "OperatorStaking", "deallocate", id, STAKED));
  }
}

type TakingCall = [ContractName, string, ...unknown[]];

/** What the manager could take if its name were worth anything to the others. */
function takingCalls(stage: Stage): TakingCall[] {
  const id = stage.operators[0]?.id;
  const { revealed, bare } = stage.jobs;
  const { spare, receipts, inclusion } = stage.calls;
  const { open, paid } = stage.calls.channels;
  const { payer, operatorId, voucherKey } = open.channel;
  const forged = `${open.voucher.slice(0, -2)}00`;
  return [
    ["OPG", "transferFrom", PEOPLE.payer, ATTACKER, 1n],
    ...HOLDERS.map((name): TakingCall => ["OPG", "transferFrom", stage.at(name), ATTACKER, 1n]),
    ["JobEscrow", "withdraw", ATTACKER, 1n],
    ["JobEscrow", "transfer", ATTACKER, 1n],
    ["JobEscrow", "refund", bare.job],
    ["JobEscrow", "settle", "0x", "0x", revealed.job],
    ["JobEscrow", "setRoyaltyRecipient", stage.modelId, ATTACKER],
    ["OperatorStaking", "slash", id, STAKED, [stage.strangerOperator]],
    ["OperatorStaking", "withdraw", ATTACKER],
    ["CommitRevealVerifier", "releaseEarnings", id],
    ["CommitRevealVerifier", "leave", LEFT],
    ["VoucherEscrow", "fund", { ...spare, totalDeposited: FUNDED, deadline: maxUint256 }],
    ["VoucherEscrow", "claim", id, forged],
    ["VoucherEscrow", "releaseEarnings", paid.channel.operatorId],
    ["VoucherEscrow", "startExit", payer, operatorId, voucherKey],
    ["VoucherEscrow", "close", payer, operatorId, voucherKey],
    ["ReceiptLog", "leave", STANDING_LEFT],
    ["ReceiptLog", "startIncarnation", id, 2, LIFE],
    ["ReceiptLog", "announceGateway", id, ""],
    ["ReceiptLog", "anchor", "", id, 1, keccak256("0x"), forged, keccak256("0x")],
    ["ReceiptLog", "answerOmission", receipts.omitted.receipt, inclusion],
    ["ReceiptLog", "upholdOmission", id, receipts.anchored.receiptId],
  ];
}

/** As the contract's authority, which by now is one of the attacker's. */
async function replaceAuthority(stage: Stage, name: ContractName): Promise<void> {
  const authority = (await stage.read(name, "authority")) as Address;
  const word: Hex = numberToHex(1, { size: 32 });
  await stage.send(authority, name, "setAuthority", await stage.deployAnswering(word));
}
