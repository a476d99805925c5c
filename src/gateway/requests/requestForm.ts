import type { z } from "zod";
import { ApiError } from "../../protocol/apiError.ts";
import { oneLine } from "../../protocol/oneLine.ts";
import { issueOf } from "./formIssue.ts";

/** What the gateway must know of a route's requests before it asks an upstream. */
export type RequestForm<Request> = {
  /**
   * The body itself, nothing changed or filled in.
   *
   * @throws ApiError 400 `unsupported_parameter` for a field that isn't known, `invalid_value` for one that is malformed;
   * `param` says which, as in `messages[0].content`
   */
  parse(body: unknown): Request;
  asksForStream(request: Request): boolean;
  /** An upper bound of what the upstream will count as input. */
  inputUnitsAtMost(request: Request): bigint;
  /** So many units of output are asked for at most; undefined: any number. */
  maxOutputOf(request: Request): number | undefined;
};

/** Deeper JSON breaks whoever walks it by recursion. */
const MAX_DEPTH = 64;

/** Checks a body against its form. What the form says about types is true of the body afterwards. @throws ApiError 400 */
export function checkForm<Form extends z.ZodType>(form: Form, body: unknown): z.output<Form> {
  if (isDeeperThan(MAX_DEPTH, body)) {
    throw refused(`the request is nested more than ${MAX_DEPTH} levels deep: flatten it`, "invalid_value");
  }
  const result = form.safeParse(body);
  if (result.success) return body as z.output<Form>;
  const { code, param, message } = issueOf(result.error.issues, body);
  throw refused(message, code, param);
}

/** @param message for people; what is quoted in it comes from strangers */
export function refused(message: string, code: "invalid_value" | "unsupported_parameter", param?: string): ApiError {
  const type = "invalid_request_error";
  return new ApiError(oneLine(message), { status: 400, type, code, ...(param !== undefined && { param }) });
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((item) => isDeeperThan(levels - 1, item));
}
