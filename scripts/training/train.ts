import { applyLayer, applyRelu, applySoftmax, createNetwork, type Layer, type Network } from "./network.ts";
import { createRandom, type Random } from "./random.ts";

export type Example = { input: Float64Array; label: number };

export type Recipe = {
  seed: number;
  /** Units of the hidden layer. */
  width: number;
  epochs: number;
  batchSize: number;
  /** Step at the start; it falls linearly to a hundredth of that. */
  learningRate: number;
  momentum: number;
  weightDecay: number;
};

/** What a training run does to an example before it learns from it (shifts a picture, say). */
export type Augment = (input: Float64Array, random: Random) => Float64Array;

/** Work space of one layer: the sum of a batch's gradients, and the running step. */
type Slope = { weights: Float64Array; bias: Float64Array; weightStep: Float64Array; biasStep: Float64Array };

/**
 * Stochastic gradient descent with momentum on the cross-entropy. The same examples, recipe and seed give the same
 * network, bit for bit: all arithmetic is that of IEEE doubles in a fixed order.
 */
export function train(examples: Example[], classes: number, recipe: Recipe, augment?: Augment): Network {
  const random = createRandom(recipe.seed);
  const network = createNetwork((examples[0] as Example).input.length, recipe.width, classes, random);
  const slopes = { hidden: createSlope(network.hidden), output: createSlope(network.output) };
  const order = Uint32Array.from(examples.keys());
  const batches = Math.ceil(examples.length / recipe.batchSize);

  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    random.shuffle(order);
    for (let batch = 0; batch < batches; batch++) {
      const chosen = order.subarray(batch * recipe.batchSize, (batch + 1) * recipe.batchSize);
      for (const at of chosen) {
        const { input, label } = examples[at] as Example;
        addGradient(network, slopes, augment ? augment(input, random) : input, label);
      }
      const done = (epoch * batches + batch) / (recipe.epochs * batches);
      const rate = recipe.learningRate * (1 - 0.99 * done);
      step(network.hidden, slopes.hidden, rate, chosen.length, recipe);
      step(network.output, slopes.output, rate, chosen.length, recipe);
    }
  }
  return network;
}

function createSlope(layer: Layer): Slope {
  const [weights, bias] = [layer.weights.length, layer.bias.length];
  return {
    weights: new Float64Array(weights),
    bias: new Float64Array(bias),
    weightStep: new Float64Array(weights),
    biasStep: new Float64Array(bias),
  };
}

function addGradient(
  network: Network,
  slopes: { hidden: Slope; output: Slope },
  input: Float64Array,
  label: number,
): void {
  const hidden = new Float64Array(network.hidden.outputs);
  applyLayer(network.hidden, input, hidden);
  applyRelu(hidden);
  const error = new Float64Array(network.output.outputs);
  applyLayer(network.output, hidden, error);
  applySoftmax(error);
  error[label] = (error[label] as number) - 1;

  addOuter(slopes.output, hidden, error);
  addOuter(slopes.hidden, input, backThrough(network.output, error, hidden));
}

/** The error at a layer's input; where ReLU let nothing through, there is none. */
function backThrough(layer: Layer, error: Float64Array, input: Float64Array): Float64Array {
  const { outputs, weights } = layer;
  return input.map((value, i) => {
    if (value === 0) return 0;
    let sum = 0;
    for (let o = 0; o < outputs; o++) sum += (error[o] as number) * (weights[i * outputs + o] as number);
    return sum;
  });
}

function addOuter(slope: Slope, input: Float64Array, error: Float64Array): void {
  const { weights, bias } = slope;
  const outputs = error.length;
  for (let o = 0; o < outputs; o++) bias[o] = (bias[o] as number) + (error[o] as number);
  for (let i = 0; i < input.length; i++) {
    const value = input[i] as number;
    if (value === 0) continue;
    const row = i * outputs;
    for (let o = 0; o < outputs; o++) {
      weights[row + o] = (weights[row + o] as number) + value * (error[o] as number);
    }
  }
}

/** Moves a layer down its slope and clears the slope; biases don't decay. */
function step(layer: Layer, slope: Slope, rate: number, batchSize: number, recipe: Recipe): void {
  const { momentum, weightDecay } = recipe;
  descend(layer.weights, slope.weights, slope.weightStep, rate, 1 / batchSize, momentum, weightDecay);
  descend(layer.bias, slope.bias, slope.biasStep, rate, 1 / batchSize, momentum, 0);
}

function descend(
  values: Float64Array,
  slopes: Float64Array,
  steps: Float64Array,
  rate: number,
  share: number,
  momentum: number,
  decay: number,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const next = momentum * (steps[i] as number) - rate * ((slopes[i] as number) * share + decay * value);
    steps[i] = next;
    values[i] = value + next;
    slopes[i] = 0;
  }
}
