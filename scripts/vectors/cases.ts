import { domainSeparator, type Hex } from "viem";
import { commitmentHash, deriveSalt } from "../../src/protocol/commitment.ts";
import { type CommitRevealTerms, packTerms } from "../../src/protocol/commitRevealTerms.ts";
import { escrowDomain, hashJob, type Job, jobIdOf, splitFee } from "../../src/protocol/job.ts";
import { modelIdOf } from "../../src/protocol/model.ts";
import {
  hashSignerConsent,
  type SignerConsent,
  signerConsentDigest,
  stakingDomain,
} from "../../src/protocol/signerConsent.ts";
import { firstEligibleStep, isLower, mayCommit, seedOf, ticketOf } from "../../src/protocol/sortition.ts";
import { callVectors } from "./calls.ts";
import { type Draws, drawsFrom } from "./draws.ts";
import { CASES, columnsOf, type Vectors } from "./table.ts";

const CHAIN_ID = 31_337;
const ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

/** All vector files by name, the same ones every time. */
export async function vectorFiles(): Promise<Record<string, Vectors>> {
  return {
    job: jobVectors(drawsFrom("job")),
    feeSplit: feeSplitVectors(drawsFrom("feeSplit")),
    commitment: commitmentVectors(drawsFrom("commitment")),
    sortition: sortitionVectors(drawsFrom("sortition")),
    commitRevealTerms: termsVectors(drawsFrom("commitRevealTerms")),
    modelId: modelIdVectors(drawsFrom("modelId")),
    signerConsent: signerConsentVectors(drawsFrom("signerConsent")),
    ...(await callVectors()),
  };
}

function jobVectors(draws: Draws): Vectors {
  const domain = { chainId: CHAIN_ID, escrow: ADDRESS } as const;
  const cases = draws.cases(
    CASES,
    (draw): Job => ({
      payer: draw.address(),
      modelId: draw.bytes32(),
      inputHash: draw.bytes32(),
      inputUriHash: draw.bytes32(),
      verifier: draw.address(),
      verifierData: draw.bytes32(),
      consumer: draw.address(),
      consumerGasLimit: Number(draw.uint(32)),
      fee: draw.uint(128),
      royaltyPpm: Number(draw.uint(32)),
      protocolFeePpm: Number(draw.uint(32)),
      expiresAt: Number(draw.uint(40)),
      nonce: draw.uint(256),
    }),
  );
  return {
    chainId: String(CHAIN_ID),
    escrow: ADDRESS,
    domainSeparator: domainSeparator({ domain: escrowDomain(CHAIN_ID, ADDRESS) }),
    ...columnsOf(cases, (job) => ({ ...job, structHash: hashJob(job), jobId: jobIdOf(job, domain) })),
  };
}

function feeSplitVectors(draws: Draws): Vectors {
  const cases = draws.cases(CASES, (draw) => {
    const royaltyPpm = Number(draw.below(1_000_000n));
    return { fee: draw.uint(128), royaltyPpm, protocolFeePpm: Number(draw.below(1_000_000n - BigInt(royaltyPpm))) };
  });
  return columnsOf(cases, (terms) => ({ ...terms, ...splitFee(terms) }));
}

function commitmentVectors(draws: Draws): Vectors {
  const cases = draws.cases(CASES, (draw) => ({
    jobId: draw.bytes32(),
    operatorId: Number(draw.uint(32)),
    resultHash: draw.bytes32(),
    secret: draw.bytes32(),
  }));
  return columnsOf(cases, ({ secret, ...rest }) => {
    const salt = deriveSalt(secret, rest.jobId);
    return { secret, ...rest, salt, commitment: commitmentHash({ ...rest, salt }) };
  });
}

function sortitionVectors(draws: Draws): Vectors {
  const cases = draws.cases(CASES, (draw) => {
    const totalStake = draw.uint(56);
    return {
      blockHash: draw.bytes32(),
      jobId: draw.bytes32(),
      operatorId: Number(draw.uint(32)),
      drawnTicket: draw.uint(128),
      stake: draw.below(totalStake / (1n + draw.below(4_096n))),
      totalStake,
      committeeSize: Number(draw.uint(8)),
      wideningStep: Number(draw.below(8n)),
      otherTicket: draw.uint(128),
      otherStake: draw.below(totalStake / 1_024n),
    };
  });
  return columnsOf(cases, (given) => {
    const { blockHash, jobId, operatorId, drawnTicket, otherTicket, otherStake, ...rest } = given;
    const draw = { ...rest, ticket: drawnTicket };
    return {
      ...given,
      seed: seedOf(blockHash, jobId),
      ticket: ticketOf(seedOf(blockHash, jobId), operatorId),
      mayCommit: mayCommit(draw),
      // 255 where it is never: the text has to be a number for Solidity to read it.
      firstEligibleStep: firstEligibleStep({ ...draw, maxWidening: rest.wideningStep }) ?? 255,
      isLower: isLower(draw, { ticket: otherTicket, stake: otherStake }),
    };
  });
}

function termsVectors(draws: Draws): Vectors {
  const cases = draws.cases(CASES, (draw): CommitRevealTerms & { unused: bigint } => ({
    committeeSize: Number(draw.uint(8)),
    maxWidening: Number(draw.uint(8)),
    commitWindowSeconds: Number(draw.uint(32)),
    revealWindowSeconds: Number(draw.uint(32)),
    settleWindowSeconds: Number(draw.uint(32)),
    maxResultBytes: Number(draw.uint(24)),
    bondUnits: draw.uint(56),
    unused: draw.uint(64) || 1n,
  }));
  return columnsOf(cases, ({ unused, ...terms }) => {
    const packed = packTerms(terms);
    const notCanonical: Hex = `0x${(BigInt(packed) | unused).toString(16).padStart(64, "0")}`;
    return { ...terms, packed, notCanonical };
  });
}

function modelIdVectors(draws: Draws): Vectors {
  const cases = draws.cases(CASES, (draw) => ({
    publisher: draw.address(),
    manifestHash: draw.bytes32(),
    graphRoot: draw.bytes32(),
    weightRoot: draw.bytes32(),
    bitExact: draw.uint(1) === 1n,
    maxResultBytes: Number(draw.uint(32)),
  }));
  return columnsOf(cases, (identity) => ({ ...identity, modelId: modelIdOf(identity) }));
}

function signerConsentVectors(draws: Draws): Vectors {
  const domain = { chainId: CHAIN_ID, staking: ADDRESS } as const;
  const cases = draws.cases(
    CASES,
    (draw): SignerConsent => ({
      owner: draw.address(),
      signer: draw.address(),
      deadline: draw.uint(256),
    }),
  );
  return {
    chainId: String(CHAIN_ID),
    staking: ADDRESS,
    domainSeparator: domainSeparator({ domain: stakingDomain(CHAIN_ID, ADDRESS) }),
    ...columnsOf(cases, (consent) => ({
      ...consent,
      structHash: hashSignerConsent(consent),
      digest: signerConsentDigest(consent, domain),
    })),
  };
}
