import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import {
  type Address,
  type Hex,
  keccak256,
  maxUint256,
  numberToHex,
  type TransactionReceipt,
  toHex,
  zeroHash,
} from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { type Batch, type BatchContent, batchOf, inclusionOf } from "../../src/protocol/batch.ts";
import { type Channel, channelId, type Funding, fundingTypedData } from "../../src/protocol/channel.ts";
import {
  onChainReceipt,
  type Receipt,
  receiptId,
  receiptTypedData,
  type SignedReceipt,
  sequenceOf,
} from "../../src/protocol/receipt.ts";
import { packVouchers, type SignedVoucher, voucherTypedData } from "../../src/protocol/voucher.ts";
import { startChain } from "./chain.ts";
import type { GasCases } from "./scenario.ts";
import { type GasItems, itemise, traceOf } from "./trace.ts";

const OPG = 10n ** 18n;
const START = 1_900_000_000;
const PAYERS = 100;
/** Of the ring: once round it, an anchoring uses no fresh slot. */
const RING_SIZE = 256;
const TERMS = {
  anchorSeconds: 21_600,
  challengeSeconds: 86_400,
  answerSeconds: 86_400,
  evidenceSeconds: 5 * 86_400,
  omissionSlash: 100n * OPG,
  equivocationSlash: 1_000n * OPG,
};
/** Of one call, base units: what an answer of some hundred tokens costs. */
const PRICE = 1_234_567_890_123_456n;
const CHALLENGE_BOND = OPG;

type Anchored = { gas: number; hash: Hex; batch: Batch };
type Payer = { key: PrivateKeyAccount; channel: Channel; owed: bigint };

/** Anchors, claims and disputes on a fresh in-process chain, and reads each transaction's `gasUsed`. */
export async function measureCalls(
  hre: HardhatRuntimeEnvironment,
): Promise<{ cases: GasCases; items: Record<string, GasItems> }> {
  const stage = await setCallsStage(hre);
  await stage.goRoundTheRing();
  const firstVouchers = await stage.anchor(PAYERS, PAYERS);
  await stage.anchor(PAYERS, PAYERS);
  const plain = await stage.anchor(1, 0);
  const plainMany = await stage.anchor(1_000, 0);
  const hundred = await stage.anchor(PAYERS, PAYERS);
  const [ten, tenTens, thousand] = [
    await stage.anchor(10, 10),
    await stage.anchor(100, 10),
    await stage.anchor(1_000, 10),
  ];
  if (plain.gas !== plainMany.gas && Math.abs(plain.gas - plainMany.gas) > 100) {
    throw new Error(
      `anchoring 1 receipt took ${plain.gas}, 1,000 took ${plainMany.gas}: the batch's size must not matter`,
    );
  }
  const omission = await stage.playOmission();
  const cases = {
    "anchor, no voucher": Math.max(plain.gas, plainMany.gas),
    "anchor, no voucher (first time round the ring)": stage.firstAnchor(),
    "anchor, 100 vouchers": hundred.gas,
    "voucher, in a batch of 100": Math.ceil((hundred.gas - plain.gas) / PAYERS),
    "voucher, in a batch of 100 (first of its channel)": Math.ceil((firstVouchers.gas - plain.gas) / PAYERS),
    "voucher alone, of 1": await stage.claim(1),
    "voucher alone, of 10": Math.ceil((await stage.claim(10)) / 10),
    "voucher alone, of 100": Math.ceil((await stage.claim(100)) / 100),
    "receipt, 10 from 10 payers": Math.ceil(ten.gas / 10),
    "receipt, 100 from 10 payers": Math.ceil(tenTens.gas / 100),
    "receipt, 1,000 from 10 payers": Math.ceil(thousand.gas / 1_000),
    "fund channel (first)": stage.fundedFirst(),
    "fund channel (top-up)": await stage.topUp(),
    "start exit": await stage.startExit(),
    "close channel": await stage.close(),
    "omission challenge": omission.challenge,
    "omission answer": omission.answer,
    "omission upheld": await stage.playUpheld(),
    equivocation: await stage.playEquivocation(),
  };
  const items = { anchor: await stage.itemsOf(plain.hash), "anchor, 100 vouchers": await stage.itemsOf(hundred.hash) };
  for (const [name, { freshSlots }] of Object.entries(items)) {
    if (freshSlots > 0) throw new Error(`${name} took ${freshSlots} fresh slots: a steady one takes none`);
  }
  return { cases, items };
}

async function setCallsStage(hre: HardhatRuntimeEnvironment) {
  const chain = await startChain(hre, START);
  const { provider, client, deployer, deploy, send, read, mine, now } = chain;
  const [operator, protocol, relayer, challenger] = chain.accounts.slice(1, 5) as [Address, Address, Address, Address];
  const signerKey = privateKeyToAccount(keccak256(toHex("bench: the operator's signer")));
  const gas = ({ gasUsed }: TransactionReceipt) => Number(gasUsed);

  const opg = await deploy("OPG", [deployer]);
  const authority = await deploy("AccessManager", [deployer]);
  const escrow = await deploy("JobEscrow", [opg.address, authority.address, protocol, 10_000]);
  const staking = await deploy("OperatorStaking", [opg.address, escrow.address, authority.address, 14 * 86_400]);
  const vouchers = await deploy("VoucherEscrow", [escrow.address, staking.address, authority.address, 2 * 86_400]);
  const receipts = await deploy("ReceiptLog", [vouchers.address, authority.address, TERMS, CHALLENGE_BOND]);
  const chainId = await client.getChainId();
  const interval = Number(await read<bigint>(receipts, "ANCHOR_INTERVAL_SECONDS"));
  const voucherDomain = { chainId, vouchers: vouchers.address };
  const receiptDomain = { chainId, receipts: receipts.address };
  await send(deployer, staking, "permitVerifier", [receipts.address, true]);
  for (const account of [operator, relayer, challenger])
    await send(deployer, opg, "transfer", [account, 100_000n * OPG]);
  await send(operator, opg, "approve", [staking.address, maxUint256]);
  await send(challenger, opg, "approve", [receipts.address, maxUint256]);
  await impersonate(signerKey.address);
  const deadline = BigInt(START + 10_000_000);
  const consent = await signerKey.signTypedData({
    domain: {
      name: "OpenGradient OperatorStaking",
      version: "1",
      chainId,
      verifyingContract: staking.address,
    },
    types: {
      SignerConsent: [
        { name: "owner", type: "address" },
        { name: "signer", type: "address" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "SignerConsent",
    message: { owner: operator, signer: signerKey.address, deadline },
  });
  await send(operator, staking, "register", [signerKey.address, deadline, consent]);
  await send(operator, staking, "stake", [50_000n * OPG]);
  await send(operator, staking, "allowVerifier", [receipts.address, 50_000n * OPG]);
  await send(operator, receipts, "join", [20_000n * OPG]);
  await send(deployer, staking, "register", [deployer, 0n, "0x"]);
  const operatorId = await read<number>(staking, "operatorOf", [operator]);

  async function impersonate(account: Address): Promise<void> {
    await provider.request({ method: "hardhat_impersonateAccount", params: [account] });
    await provider.request({ method: "hardhat_setBalance", params: [account, toHex(1_000n * OPG)] });
  }

  let funded: number | undefined;
  const payers: Payer[] = [];
  for (let index = 0; index < PAYERS; index++) payers.push(await openChannel(index));

  /** A payer that holds OPG only: somebody else brings its signature and its permit. */
  async function openChannel(index: number): Promise<Payer> {
    const key = privateKeyToAccount(keccak256(toHex(`bench: payer ${index}`)));
    const voucherKey = privateKeyToAccount(keccak256(toHex(`bench: voucher key ${index}`)));
    await send(deployer, opg, "transfer", [key.address, 1_000n * OPG]);
    const channel = { payer: key.address, operatorId, voucherKey: voucherKey.address, opening: 1 };
    const txReceipt = await fund(key, { ...channel, totalDeposited: 100n * OPG, deadline }, 0n);
    funded ??= gas(txReceipt);
    return { key: voucherKey, channel, owed: 0n };
  }

  async function fund(key: PrivateKeyAccount, funding: Funding, nonce: bigint): Promise<TransactionReceipt> {
    const signature = await key.signTypedData(fundingTypedData(funding, voucherDomain));
    const permit = await permitOf(key, funding.totalDeposited, nonce);
    return await send(relayer, vouchers, "fundWithSignature", [funding, signature, permit]);
  }

  async function permitOf(key: PrivateKeyAccount, value: bigint, nonce: bigint) {
    const signature = await key.signTypedData({
      domain: { name: "OpenGradient", version: "1", chainId, verifyingContract: opg.address },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: { owner: key.address, spender: vouchers.address, value, nonce, deadline },
    });
    return {
      value,
      deadline,
      v: Number(`0x${signature.slice(130)}`),
      r: signature.slice(0, 66) as Hex,
      s: `0x${signature.slice(66, 130)}` as Hex,
    };
  }

  let batches = 0;
  let lastWord = 0n;
  let firstAnchor = 0;
  let counter = 0n;

  function receiptOf(payer: Payer): Receipt {
    counter += 1n;
    return {
      operatorId,
      payer: payer.channel.payer,
      channelId: channelId(payer.channel, voucherDomain),
      sequence: sequenceOf(1, counter),
      model: "onnx/digits",
      servedModel: "onnx/digits",
      requestHash: keccak256(numberToHex(counter)),
      responseRoot: keccak256(numberToHex(counter + 1n)),
      partCount: 1,
      inputUnits: 100n,
      outputUnits: 300n,
      price: PRICE,
      cumulativeOwed: payer.owed + PRICE,
      issuedAt: now(),
    };
  }

  /** Everyone's next voucher: `calls` more calls each. */
  async function nextVouchers(count: number, calls: bigint): Promise<SignedVoucher[]> {
    return await Promise.all(
      payers.slice(0, count).map(async (payer) => {
        payer.owed += PRICE * calls;
        const { payer: account, opening } = payer.channel;
        const voucher = { payer: account, operatorId, opening, cumulativeAmount: payer.owed };
        return { voucher, signature: await payer.key.signTypedData(voucherTypedData(voucher, voucherDomain)) };
      }),
    );
  }

  async function anchorBatch(content: BatchContent, signed: SignedVoucher[]): Promise<Anchored> {
    const { root, count, dataHash } = content;
    await mine(interval);
    const txReceipt = await send(signerKey.address, receipts, "anchor", [
      "",
      operatorId,
      count,
      root,
      packVouchers(signed),
      dataHash,
    ]);
    const batch = { number: batches, previousWord: lastWord, root, count, dataHash };
    lastWord = await read<bigint>(receipts, "batchWordAt", [operatorId, BigInt(batches)]);
    batches += 1;
    return { gas: gas(txReceipt), hash: txReceipt.transactionHash, batch };
  }

  /** Anchors so many receipts, and the vouchers of so many payers, all of which must be paid in full. */
  async function anchor(count: number, payerCount: number): Promise<Anchored> {
    const issuers = Math.max(payerCount, 1);
    const ids = Array.from({ length: count }, (_, index) =>
      receiptId(receiptOf(payers[index % issuers] as Payer), receiptDomain),
    );
    const before = await read<bigint>(vouchers, "earningsOf", [operatorId]);
    const calls = payerCount === 0 ? 0n : BigInt(count / payerCount);
    const anchored = await anchorBatch(batchOf(ids), await nextVouchers(payerCount, calls));
    const earned = (await read<bigint>(vouchers, "earningsOf", [operatorId])) - before;
    const due = payerCount === 0 ? 0n : PRICE * BigInt(count);
    if (earned !== due) throw new Error(`${earned} was claimed, ${due} was due`);
    return anchored;
  }

  async function claim(count: number): Promise<number> {
    return gas(await send(relayer, vouchers, "claim", [operatorId, packVouchers(await nextVouchers(count, 1n))]));
  }

  async function goRoundTheRing(): Promise<void> {
    for (let index = 0; index < RING_SIZE + 4; index++) {
      const anchored = await anchor(1, 0);
      if (index === 1) firstAnchor = anchored.gas;
    }
  }

  async function signed(receipt: Receipt): Promise<SignedReceipt> {
    return { receipt, signature: await signerKey.signTypedData(receiptTypedData(receipt, receiptDomain)) };
  }

  const onChain = ({ receipt, signature }: SignedReceipt) => ({ receipt: onChainReceipt(receipt), signature });

  /** A receipt that is the 500th of 1,000, challenged and answered. */
  async function playOmission(): Promise<{ challenge: number; answer: number }> {
    const issued = Array.from({ length: 1_000 }, () => receiptOf(payers[0] as Payer));
    const content = batchOf(issued.map((receipt) => receiptId(receipt, receiptDomain)));
    const { batch } = await anchorBatch(content, []);
    await mine(TERMS.anchorSeconds + 10);
    const receipt = issued[500] as Receipt;
    const challenge = await send(challenger, receipts, "challengeOmission", [onChain(await signed(receipt))]);
    const inclusion = inclusionOf(batch, content, 500);
    const answer = await send(signerKey.address, receipts, "answerOmission", [onChainReceipt(receipt), inclusion]);
    return { challenge: gas(challenge), answer: gas(answer) };
  }

  async function playUpheld(): Promise<number> {
    const receipt = receiptOf(payers[0] as Payer);
    await mine(TERMS.anchorSeconds + 10);
    await send(challenger, receipts, "challengeOmission", [onChain(await signed(receipt))]);
    await mine(TERMS.answerSeconds + 10);
    return gas(await send(challenger, receipts, "upholdOmission", [operatorId, receiptId(receipt, receiptDomain)]));
  }

  /** Two receipts of one sequence, no bounty. The second time, so that nothing but the sequence is new. */
  async function playEquivocation(): Promise<number> {
    let used = 0;
    for (let round = 0; round < 2; round++) {
      const receipt = receiptOf(payers[0] as Payer);
      await mine(10);
      const [a, b] = [await signed(receipt), await signed({ ...receipt, responseRoot: zeroHash })];
      used = gas(await send(challenger, receipts, "showReceipts", [onChain(a), onChain(b), 0]));
    }
    return used;
  }

  const leaver = payers.at(-1) as Payer;
  const leaving = [leaver.channel.payer, operatorId, leaver.channel.voucherKey] as const;

  async function topUp(): Promise<number> {
    const key = privateKeyToAccount(keccak256(toHex(`bench: payer ${PAYERS - 1}`)));
    return gas(await fund(key, { ...leaver.channel, totalDeposited: 150n * OPG, deadline }, 1n));
  }

  async function startExit(): Promise<number> {
    await impersonate(leaver.channel.payer);
    return gas(await send(leaver.channel.payer, vouchers, "startExit", [...leaving]));
  }

  async function close(): Promise<number> {
    await mine(3 * 86_400);
    return gas(await send(leaver.channel.payer, vouchers, "close", [...leaving]));
  }

  async function itemsOf(hash: Hex): Promise<GasItems> {
    const { input } = await client.getTransaction({ hash });
    return itemise(await traceOf(provider, hash), input, gas(await client.getTransactionReceipt({ hash })));
  }

  return {
    itemsOf,
    ...{ goRoundTheRing, anchor, claim, playOmission, playUpheld, playEquivocation, topUp, startExit, close },
    firstAnchor: () => firstAnchor,
    fundedFirst: () => funded ?? 0,
  };
}
