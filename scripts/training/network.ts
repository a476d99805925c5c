import type { Random } from "./random.ts";

/** Fully connected: `weights[i * outputs + o]` joins input i to output o. */
export type Layer = { inputs: number; outputs: number; weights: Float64Array; bias: Float64Array };

/** One hidden layer with ReLU between the two; the output is the logits. */
export type Network = { hidden: Layer; output: Layer };

export function createNetwork(inputs: number, width: number, classes: number, random: Random): Network {
  return { hidden: createLayer(inputs, width, random), output: createLayer(width, classes, random) };
}

function createLayer(inputs: number, outputs: number, random: Random): Layer {
  const limit = Math.sqrt(6 / inputs); // keeps the variance through a ReLU (He et al., 2015), uniform
  const weights = Float64Array.from({ length: inputs * outputs }, () => (2 * random.next() - 1) * limit);
  return { inputs, outputs, weights, bias: new Float64Array(outputs) };
}

/** Writes `input · weights + bias` to `result`; zeros in the input cost nothing. */
export function applyLayer(layer: Layer, input: Float64Array, result: Float64Array): void {
  const { inputs, outputs, weights } = layer;
  result.set(layer.bias);
  for (let i = 0; i < inputs; i++) {
    const value = input[i] as number;
    if (value === 0) continue;
    const row = i * outputs;
    for (let o = 0; o < outputs; o++) result[o] = (result[o] as number) + value * (weights[row + o] as number);
  }
}

export function applyRelu(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) if ((values[i] as number) < 0) values[i] = 0;
}

/** Turns logits into probabilities, in place. */
export function applySoftmax(values: Float64Array): void {
  const highest = values.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const share = exponential((values[i] as number) - highest);
    values[i] = share;
    sum += share;
  }
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / sum;
}

/**
 * e to the power of `x` for x ≤ 0, by additions and multiplications alone: `Math.exp` may differ in its last bit between
 * engines, and then training would not repeat. e^x = (e^(x/1024))^1024, with six terms of the series for the small power.
 */
function exponential(x: number): number {
  if (x < -700) return 0;
  const small = x / 1024;
  let power = 1 + small * (1 + (small / 2) * (1 + (small / 3) * (1 + (small / 4) * (1 + small / 5))));
  for (let i = 0; i < 10; i++) power *= power;
  return power;
}
