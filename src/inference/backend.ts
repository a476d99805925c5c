import type { Manifest } from "../protocol/manifest.ts";

/** A way to run models. Every backend gives the same bytes for the same artefact, manifest and input. */
export type InferenceBackend = {
  readonly name: string;
  /**
   * Checks the artefact against its manifest, and that it is integer-only, before anything of it is run.
   * @throws ProtocolError `model/hash-mismatch`, `model/malformed`, `model/not-integer-only`, `model/tensor-mismatch`,
   * `model/backend-mismatch`
   */
  load(artefact: Uint8Array, manifest: Manifest): Promise<LoadedModel>;
  /** Ends what is under way at once and for good, where a backend can: it throws then. */
  stop?(): void;
};

export type LoadedModel = {
  /**
   * @param input the manifest's input tensors, C-contiguous, little-endian, no header
   * @returns its output tensors, laid out alike; the input is left as it is, and runs may overlap
   * @throws ProtocolError `tensor/wrong-shape`, `tensor/too-large`, `model/run-failed`, `model/closed`
   */
  run(input: Uint8Array): Promise<Uint8Array>;
  /** Frees the model once the runs under way have ended. Closing twice is harmless. */
  close(): Promise<void>;
};

export type BackendOptions = {
  /** Threads one run may use, 1 unless told. The bytes don't depend on it. */
  threads?: number;
};
