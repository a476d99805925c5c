/** What to do about the reverts of `VoucherEscrow` and `ReceiptLog` that users can meet, by the error's name. */
export const CALL_ADVICE: Readonly<Record<string, string>> = {
  // VoucherEscrow
  ChannelsPaused: "new channels and top-ups are stopped; claims and exits go on: try again later",
  NotPayer: "send it from the payer, or bring the payer's signature",
  FundingExpired: "sign a funding with a later deadline",
  WrongOpening: "read the channel and sign for the opening that is expected",
  AlreadyFunded: "the channel has as much already; for a top-up sign a higher total",
  ChannelNotOpen: "the three have no open channel: check them, or fund one",
  ChannelAlreadyExiting: "the channel can only be closed now: wait for that, then open the next",
  ChannelNotExiting: "start the exit first, then wait for its end",
  StillExiting: "close it once the exit's time has passed",
  ChannelFieldOverflow:
    "the amount or the number of openings is beyond what a channel holds: use another voucher key, or less",
  BatchMalformed: "give whole vouchers of 99 bytes each",
  // Both, and other contracts
  UnknownOperator: "no operator has this number: check it",
  InvalidSignature: "the payer has signed something else, or with another key: sign exactly this",
  NotSigner: "send it from the operator's signer; after a change of signers, sync it first",
  NotRegistered: "the sender owns no operator: register one first, or send from its owner",
  // ReceiptLog
  EmptyBatch: "anchor a receipt at least",
  AnchoredTooSoon: "anchor fewer, larger batches, and this one from the second told on",
  WrongIncarnation: "read the log's incarnation and start the one after it",
  StatementFromFuture: "wait until the chain's time has reached the statement's",
  OutsideChallengeWindow: "an omission can be challenged only between the two times told",
  EvidenceExpired: "too late: an equivocation can be shown only until the time told",
  ChallengeNotOpen: "the receipt was not challenged, or its challenge is over",
  AlreadyChallenged: "the receipt was challenged once, which is all there is: follow that challenge",
  NotIncluded: "give the batch as it was anchored, still in the ring, and the receipt's own proof",
  AnchoredTooLate: "only a batch that was anchored by the time told answers the challenge",
  AnswerTooLate: "the time to answer is over",
  StillAnswerable: "uphold the challenge once the time to answer is over",
  OtherSequence: "give two statements of one operator, channel and sequence, the later part first",
  WrongLinkCount: "give one link for each part in between",
  BrokenLink: "give the links from the later statement's running hash back, newest first",
  NoContradiction: "the two statements agree: there is nothing to show",
  AlreadyShown: "showing this sequence has cost the operator all it can",
  InvalidStatement: "the statement isn't signed by the signer its operator had at its time",
};

/** Of them, what time alone can cure. */
export const RETRYABLE_CALLS = [
  "AnchoredTooSoon",
  "ChannelsPaused",
  "StatementFromFuture",
  "StillAnswerable",
  "StillExiting",
];
