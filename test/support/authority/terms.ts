import { zeroAddress } from "viem";
import { keyOf } from "../../../src/protocol/job.ts";
import type { ContractName } from "./deployed.ts";
import { HOLDERS, JOB_NAMES, PEOPLE, SPARE_KEY, type Stage } from "./stage.ts";
import { CHANNEL_NAMES, RECEIPT_NAMES, SHOWN_BY } from "./stageCalls.ts";

export type Terms = Record<string, bigint | string>;

/** By path: how much a number changed, or `old → new` of anything else. */
export type Changes = Record<string, bigint | string>;

/** The contracts under the `AccessManager`. */
export const MANAGED = ["JobEscrow", "OperatorStaking", "CommitRevealVerifier", "VoucherEscrow", "ReceiptLog"] as const;
const USERS = [
  "payer",
  "publisher",
  "royaltyRecipient",
  "owner0",
  "owner1",
  "owner2",
  "challenger",
  "feeRecipient",
  "governor",
] as const satisfies (keyof typeof PEOPLE)[];

/** Everything that is somebody's, and every term somebody relies on. The stranger's own things are not in it. */
export async function termsOf(stage: Stage): Promise<Terms> {
  const terms: Terms = {};
  const put = (path: string, value: unknown) => flatten(terms, path, value);
  const read = async (path: string, name: ContractName, view: string, ...args: unknown[]) =>
    put(path, await stage.read(name, view, ...args));
  const { verifier, receipts } = stage.addresses;

  await read("model", "JobEscrow", "termsOf", stage.modelId);
  await read("model.royaltyRecipient", "JobEscrow", "royaltyRecipientOf", stage.modelId);
  await read("model.publisher", "JobEscrow", "publisherOf", stage.modelId);
  await read("accrued", "JobEscrow", "accrualsOf", stage.modelId);
  await read("network.protocolFee", "JobEscrow", "protocolFee");
  await read("network.modelsPaused", "JobEscrow", "modelsPaused");
  await read("network.params", "CommitRevealVerifier", "params");
  await read("network.unbondingSeconds", "OperatorStaking", "unbondingSeconds");
  await read("network.stakesPaused", "OperatorStaking", "paused");
  await read("network.isPermitted", "OperatorStaking", "isPermitted", verifier);
  await read("network.isLogPermitted", "OperatorStaking", "isPermitted", receipts);
  await read("network.channelsPaused", "VoucherEscrow", "channelsPaused");
  await read("network.challengeBond", "ReceiptLog", "challengeBond");
  await read("awaitingBurn", "OperatorStaking", "awaitingBurn");
  for (const name of MANAGED) await read(`network.authority.${name}`, name, "authority");
  for (const name of MANAGED) await read(`network.closed.${name}`, "AccessManager", "isTargetClosed", stage.at(name));

  for (const user of USERS) {
    await read(`ledger.${user}`, "JobEscrow", "balanceOf", PEOPLE[user]);
    await read(`opg.${user}`, "OPG", "balanceOf", PEOPLE[user]);
    for (const role of [0n, 1n, 2n]) await read(`role.${role}.${user}`, "AccessManager", "hasRole", role, PEOPLE[user]);
    for (const name of HOLDERS) {
      await read(`approval.${user}.${name}`, "OPG", "allowance", PEOPLE[user], stage.at(name));
    }
    await read(`approval.${user}.stranger`, "OPG", "allowance", PEOPLE[user], PEOPLE.stranger);
  }
  await read("ledger.verifier", "JobEscrow", "balanceOf", verifier);
  await read("ledger.staking", "JobEscrow", "balanceOf", stage.addresses.staking);

  for (const [n, { id, owner, signer }] of stage.operators.entries()) {
    const path = `operator${n}`;
    await read(path, "OperatorStaking", "stakeOf", id);
    await read(`${path}.id`, "OperatorStaking", "operatorOf", owner);
    await read(`${path}.signer`, "OperatorStaking", "signerOf", id);
    await read(`${path}.signerOperator`, "OperatorStaking", "operatorOfSigner", signer);
    await read(`${path}.syncedSigner`, "CommitRevealVerifier", "operatorOfSigner", signer);
    await read(`${path}.allowance`, "OperatorStaking", "allowanceOf", id, verifier);
    await read(`${path}.allocation`, "OperatorStaking", "allocationOf", id, verifier);
    await read(`${path}.unbonding`, "OperatorStaking", "allocationOf", id, zeroAddress);
    await read(`${path}.member`, "CommitRevealVerifier", "memberOf", id);
    await read(`${path}.standing`, "OperatorStaking", "allocationOf", id, receipts);
    await read(`${path}.standingAllowance`, "OperatorStaking", "allowanceOf", id, receipts);
    await read(`${path}.log`, "ReceiptLog", "logOf", id);
    await read(`${path}.batch`, "ReceiptLog", "batchWordAt", id, 0n);
    await read(`${path}.callEarnings`, "VoucherEscrow", "earningsOf", id);
  }
  for (const name of JOB_NAMES) {
    const { job } = stage.jobs[name];
    await read(`job.${name}`, "JobEscrow", "resultOf", job);
    await read(`job.${name}.schedule`, "CommitRevealVerifier", "scheduleOf", job);
    await read(`job.${name}.seats`, "CommitRevealVerifier", "committeeOf", job);
    await read(`job.${name}.key`, "JobEscrow", "nextSequence", job.payer, keyOf(job));
  }
  const { channels, spare, receipts: issued, contradictions } = stage.calls;
  const channelsByName = [
    ...CHANNEL_NAMES.map((name) => [name, channels[name].channel] as const),
    ["spare", spare] as const,
  ];
  for (const [name, { payer, operatorId, voucherKey }] of channelsByName) {
    await read(`channel.${name}`, "VoucherEscrow", "channelOf", payer, operatorId, voucherKey);
  }
  for (const name of RECEIPT_NAMES) {
    const { receipt, receiptId } = issued[name];
    await read(`challenge.${name}`, "ReceiptLog", "challengeOf", receipt.operatorId, receiptId);
  }
  for (const name of SHOWN_BY) {
    const { channelId, sequence } = contradictions[name];
    const { operatorId } = channels.paid.channel;
    await read(`shown.${name}`, "ReceiptLog", "isShown", operatorId, channelId, sequence);
    await read(`shown.${name}.slashed`, "ReceiptLog", "slashedFor", operatorId, channelId, sequence);
  }
  await read("spareKey", "JobEscrow", "nextSequence", PEOPLE.payer, SPARE_KEY);
  return terms;
}

export function changesOf(before: Terms, after: Terms): Changes {
  const changes: Changes = {};
  for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[path], after[path]];
    if (old === now) continue;
    changes[path] = typeof old === "bigint" && typeof now === "bigint" ? now - old : `${old} → ${now}`;
  }
  return changes;
}

function flatten(terms: Terms, path: string, value: unknown): void {
  if (typeof value === "bigint") terms[path] = value;
  else if (typeof value === "number") terms[path] = BigInt(value);
  else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) flatten(terms, `${path}.${key}`, inner);
  } else terms[path] = String(value);
}
