/** An error as OpenAI's API has it: what a client of the gateway or of the local end gets for a body. */
export type ApiErrorBody = {
  error: { message: string; type: string; param: string | null; code: string | null };
};

/** Who is to blame, in OpenAI's words. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "insufficient_quota"
  | "not_found_error"
  | "rate_limit_error"
  | "server_error"
  | "upstream_error";

export type ApiErrorOptions = {
  /** HTTP status. */
  status: number;
  type: ApiErrorType;
  /** For programs: lower case, words joined by underscores. */
  code: string;
  /** The field of the request that is wrong. */
  param?: string;
  /** When to try again, seconds. */
  retryAfterSeconds?: number;
  cause?: unknown;
};

/** A request that gets an error for an answer. Its message is one for strangers: no secrets, no paths. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: ApiErrorType;
  readonly code: string;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, { status, type, code, param, retryAfterSeconds, cause }: ApiErrorOptions) {
    super(message, { cause });
    this.name = "ApiError";
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  toBody(): ApiErrorBody {
    return { error: { message: this.message, type: this.type, param: this.param ?? null, code: this.code } };
  }

  toResponse(): Response {
    const { status, retryAfterSeconds: retry } = this;
    const headers: Record<string, string> = retry === undefined ? {} : { "retry-after": String(Math.ceil(retry)) };
    return Response.json(this.toBody(), { status, headers });
  }
}

/** A request that is wrong in itself: 400 unless told. */
export function badRequest(message: string, code: string, param?: string, status = 400): ApiError {
  return new ApiError(message, { status, type: "invalid_request_error", code, ...(param !== undefined && { param }) });
}
