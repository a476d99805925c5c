import type { Address, Hex } from "viem";
import type { ChannelParties, ChannelStatus, VouchersAddress } from "../chain/channels.ts";
import { ApiError, badRequest } from "../protocol/apiError.ts";
import { type CallHeaders, readCallHeaders } from "../protocol/callWire.ts";
import { channelId as idOfChannel } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { maxOutputUnits } from "../protocol/quote.ts";
import { requestHash } from "../protocol/requestHash.ts";
import type { Route } from "../protocol/route.ts";
import { type SignedVoucher, voucherSigner } from "../protocol/voucher.ts";
import { channelTooSmall, voucherTooLow } from "../store/calls.ts";
import type { CallTerms } from "./issuer.ts";
import { modelOf, type ServedModel, type ServedModels } from "./models.ts";
import { REQUEST_FORMS } from "./requests/forms.ts";
import type { RequestForm } from "./requests/requestForm.ts";

/** A request that may cost something: its form, its price and its voucher are as they should be. */
export type AdmittedCall = {
  route: Route;
  model: ServedModel;
  body: Record<string, unknown>;
  isStream: boolean;
  /** The cap, and the model's own limit, leave room for so many units of output. */
  maxOutputUnits: number;
  /** Upper bound of the input, units. */
  inputUnitsAtMost: bigint;
  terms: CallTerms & { voucher: SignedVoucher };
};

export type AdmissionOptions = {
  operatorId: number;
  chainId: number;
  addresses: VouchersAddress;
  models: ServedModels;
  channels: { statusOf(parties: ChannelParties): Promise<ChannelStatus> };
};

export type RawCall = {
  route: Route;
  header: (name: string) => string | undefined;
  /** Reads the body, as parsed from JSON: only for those who can pay. @throws ApiError */
  body: (channelId: Hex) => Promise<unknown>;
};

/**
 * Looks at a request before anything is spent on it: who pays, before its body is read; then the body, and the channel again,
 * since a body may be long under way.
 * @throws ApiError 400 what is wrong in itself, 402 what isn't paid for, 404 unknown models, 413
 */
export async function admit(options: AdmissionOptions, raw: RawCall): Promise<AdmittedCall> {
  const headers = asRequest(() => readCallHeaders(raw.header, options.operatorId));
  const channel = await channelOfVoucher(options, headers.voucher);
  checkCovered(headers, channel);
  const body = await raw.body(channel.channelId);
  const status = await openStatus(options, headers.voucher, channel.voucherKey);
  return admitBody(options.models, raw.route, body, { ...headers, ...channel, ...status });
}

/** Nobody's body is read whom the reservation, which knows what is owed, would refuse anyhow. @throws ApiError 402 */
function checkCovered({ maxPrice: cap, voucher: { voucher } }: CallHeaders, channel: PaidChannel): void {
  const wanted = channel.claimed + cap;
  if (wanted > channel.deposited) throw toApiError(channelTooSmall(wanted, channel.deposited));
  if (voucher.cumulativeAmount < wanted) throw toApiError(voucherTooLow(voucher.cumulativeAmount, wanted));
}

type Payment = CallHeaders & PaidChannel;

function admitBody(models: ServedModels, route: Route, body: unknown, payment: Payment): AdmittedCall {
  if (!isObject(body)) throw badRequest("the body isn't a JSON object: send one", "invalid_body");
  const model = modelOf(models, body.model, route);
  const form = REQUEST_FORMS[route] as RequestForm<unknown>;
  const request = form.parse(body);
  const isStream = form.asksForStream(request);
  if (isStream && model.upstream.stream[route] === undefined) {
    throw badRequest(`the model ${model.name} doesn't stream: leave stream out`, "unsupported_parameter", "stream");
  }
  const { maxPrice: cap, ...paid } = payment;
  const inputUnitsAtMost = form.inputUnitsAtMost(request);
  const room = asRequest(() => maxOutputUnits(model.quote, inputUnitsAtMost, cap));
  // After the cap: hashing is what takes longest here.
  const hash = asRequest(() => requestHash(paid.salt, route, body));
  return {
    ...{ route, model, body, isStream, inputUnitsAtMost },
    maxOutputUnits: room === undefined || room > BigInt(model.maxOutput) ? model.maxOutput : Number(room),
    terms: { ...paid, cap, requestHash: hash, model: model.name },
  };
}

type PaidChannel = Pick<CallTerms, "channelId" | "payer" | "voucherKey" | "deposited" | "claimed">;

/** The open channel whose key has signed the voucher. @throws ApiError 402 */
export async function channelOfVoucher(
  options: Omit<AdmissionOptions, "models">,
  signed: SignedVoucher,
): Promise<PaidChannel> {
  const { operatorId, chainId, addresses } = options;
  const domain = { chainId, vouchers: addresses.vouchers };
  const { payer, opening } = signed.voucher;
  const voucherKey = await voucherSigner(signed, domain).catch((error: unknown) => {
    throw error instanceof ProtocolError ? notPaid(error.message, "invalid_voucher") : error;
  });
  const status = await openStatus(options, signed, voucherKey);
  return { channelId: idOfChannel({ payer, operatorId, voucherKey, opening }, domain), payer, voucherKey, ...status };
}

/** What the voucher's channel holds, as long as it is open and its payer stays. @throws ApiError 402 */
export async function openStatus(
  { operatorId, chainId, channels }: Omit<AdmissionOptions, "models">,
  { voucher: { payer, opening } }: SignedVoucher,
  voucherKey: Address,
): Promise<Pick<ChannelStatus, "deposited" | "claimed">> {
  const { deposited, claimed, exitsAt, opening: current } = await channels.statusOf({ payer, operatorId, voucherKey });
  if (deposited === 0n || opening !== current) {
    throw notPaid(
      `payer ${payer} and voucher key ${voucherKey} have no open channel number ${opening} toward operator ${operatorId}` +
        ` on chain ${chainId}: open one, and sign vouchers for exactly that`,
      "no_channel",
    );
  }
  if (exitsAt !== 0) throw notPaid("the channel is on its way out: open another", "channel_exiting");
  return { deposited, claimed };
}

/** What isn't paid for: OpenAI's shape of a quota that is used up. */
function notPaid(message: string, code: string): ApiError {
  return new ApiError(message, { status: 402, type: "insufficient_quota", code });
}

/** Errors of the protocol in what a client sent, as answers to it. */
export function asRequest<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toApiError(error);
  }
}

const PAID_CODES = [
  "call/missing-header",
  "call/cap-too-low",
  "call/voucher-too-low",
  "call/channel-too-small",
  "voucher/signature",
];

/** An error as the client gets it; what isn't its business stays inside. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof ProtocolError)) return internal(error);
  const code = error.code.replaceAll(/[/-]/g, "_");
  if (PAID_CODES.includes(error.code)) return notPaid(error.message, code);
  if (error.code === "call/replayed") return badRequest(error.message, code, undefined, 409);
  if (error.code === "call/malformed-header" || error.code.startsWith("request/"))
    return badRequest(error.message, code);
  if (error.isRetryable || error.code.startsWith("chain/")) {
    return new ApiError("the gateway can't reach its chain or its store just now: try again", {
      ...{ status: 503, type: "server_error", code: "unavailable", retryAfterSeconds: 1, cause: error },
    });
  }
  return internal(error);
}

function internal(cause: unknown): ApiError {
  return new ApiError("something went wrong here, and nothing was charged: try again", {
    ...{ status: 500, type: "server_error", code: "internal_error", cause },
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
