export type ProtocolErrorOptions = {
  /** True when the same call may succeed later with nothing changed by the caller. */
  isRetryable?: boolean;
  cause?: unknown;
};

/**
 * The one error class of the project's own making: one line that says what was got, what is allowed and what to
 * do, under a stable `code` in the form `model/hash-mismatch` (tests and programs read the code, people the line).
 */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  readonly code: string;
  readonly isRetryable: boolean;

  constructor(code: string, message: string, options: ProtocolErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isRetryable = options.isRetryable ?? false;
  }
}
