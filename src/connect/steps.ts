/** Where a call has come to; what the name says is done, and on the disk where it has to be. */
export type StepName =
  | "recorded"
  | "sent"
  | "partChecked"
  | "receiptChecked"
  | "receiptStored"
  | "refused"
  | "freed"
  | "resolved"
  | "answered"
  | "proven"
  | "challenged"
  | "settled";

/** Told of every step; what it waits for is waited for. */
export type Step = (step: StepName) => void | Promise<void>;
