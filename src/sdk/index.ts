export { type NetworkAddresses, parseAddresses } from "../chain/addresses.ts";
export {
  type Chain,
  type ConnectOptions,
  chainTime,
  connectChain,
  type Provider,
  type ViemClient,
} from "../chain/clients.ts";
export { type CommitRevealTerms, packTerms, STAKE_UNIT, unpackTerms } from "../protocol/commitRevealTerms.ts";
export { ProtocolError } from "../protocol/errors.ts";
export { type Job, jobIdOf } from "../protocol/job.ts";
export { type Manifest, manifestHash, parseManifest } from "../protocol/manifest.ts";
export { type PortableReceipt, parseReceipt, receiptToJson } from "../protocol/receiptJson.ts";
export { decodeTensors, encodeTensors, type TensorSpec } from "../protocol/tensor.ts";
export { formatOpg, parseOpg } from "../protocol/units.ts";
export {
  type ChannelExit,
  type ChannelState,
  type ChannelView,
  channelsOf,
  type FundChannelOptions,
  type FundedChannel,
  leaveChannel,
  openChannel,
  readChannel,
  topUpChannel,
} from "./channels.ts";
export { claimRoyalty, harvestEarnings, refundJob, withdrawBalance, withdrawEarnings } from "./claims.ts";
export { type EthersSigner, fromEthersSigner } from "./ethersSigner.ts";
export { depositBalance } from "./funds.ts";
export { findJob, type JobHistory, jobHistory } from "./jobHistory.ts";
export type { JobInput } from "./jobInput.ts";
export { type OperatorStatus, operatorStatus, ownOperator } from "./operatorStatus.ts";
export { type PublishedModel, type PublishOptions, publishModel } from "./publishModel.ts";
export { type Quote, type QuoteOptions, quoteJob } from "./quoteJob.ts";
export { type Consent, type RegisteredOperator, type RegisterOptions, registerOperator } from "./registerOperator.ts";
export { retryDelivery } from "./retryDelivery.ts";
export { type RotateOptions, rotateSigner } from "./rotateSigner.ts";
export { signConsent } from "./signConsent.ts";
export { type AddStakeOptions, addStake, unbondStake, type WithdrawnStake, withdrawStake } from "./stake.ts";
export { addStandingBond, leaveStandingBond, type StandingBond } from "./standingBond.ts";
export { type SubmitOptions, type SubmitProgress, type SubmittedJob, submitJob } from "./submitJob.ts";
export {
  type KnownCall,
  type ReceiptVerification,
  type VerifiedCheckName,
  verifyReceipt,
} from "./verifyReceipt.ts";
export { type Verification, type VerifyOptions, verifyResult } from "./verifyResult.ts";
export {
  type AwaitedJob,
  type JobResult,
  type WaitOptions,
  type WaitProgress,
  waitForResult,
} from "./waitForResult.ts";
