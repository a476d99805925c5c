import { applyLayer, applyRelu, type Layer, type Network } from "./network.ts";

/** Weights of −63 … 63, `[inputs, outputs]`; bias in the units of the products' sums. */
export type IntegerLayer = { inputs: number; outputs: number; weights: Int8Array; bias: Int32Array };

/**
 * A network whose every step is exact in integers:
 * hidden = clip(input · weights + bias, 0, 256 · divisor − 1) / divisor, whole numbers of 0 … 255;
 * logits = hidden · weights + bias.
 * What is divided is never negative, so every way to round towards zero or down gives the same.
 */
export type IntegerNetwork = { hidden: IntegerLayer; divisor: number; output: IntegerLayer };

export const WEIGHT_LIMIT = 63;
export const ACTIVATION_LIMIT = 255;

/**
 * Quantises a trained network whose inputs are bytes times `inputUnit` (one unit of the byte is worth that much).
 * The hidden layer's range is taken from `calibration`, which must be training inputs.
 */
export function quantise(network: Network, inputUnit: number, calibration: Float64Array[]): IntegerNetwork {
  const hidden = quantiseLayer(network.hidden, inputUnit);
  const highest = highestActivation(network.hidden, calibration);
  const divisor = Math.max(1, Math.ceil(highest / (hidden.unit * ACTIVATION_LIMIT)));
  const output = quantiseLayer(network.output, hidden.unit * divisor);
  const half = Math.floor(divisor / 2); // the division truncates: adding half a divisor first makes it round
  return { hidden: { ...hidden.layer, bias: hidden.layer.bias.map((b) => b + half) }, divisor, output: output.layer };
}

/** `unit` is what one unit of the layer's integer sums is worth. */
function quantiseLayer(layer: Layer, inputUnit: number): { layer: IntegerLayer; unit: number } {
  const largest = layer.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const weightUnit = largest / WEIGHT_LIMIT;
  const unit = inputUnit * weightUnit;
  return {
    layer: {
      inputs: layer.inputs,
      outputs: layer.outputs,
      weights: Int8Array.from(layer.weights, (weight) => Math.round(weight / weightUnit)),
      bias: Int32Array.from(layer.bias, (bias) => Math.round(bias / unit)),
    },
    unit,
  };
}

function highestActivation(layer: Layer, inputs: Float64Array[]): number {
  const result = new Float64Array(layer.outputs);
  let highest = 0;
  for (const input of inputs) {
    applyLayer(layer, input, result);
    applyRelu(result);
    for (const value of result) highest = Math.max(highest, value);
  }
  return highest;
}
