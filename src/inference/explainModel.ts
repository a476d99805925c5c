import { type Step, walkModel } from "./integerOnly.ts";
import { type Finding, isRefusal, isTensor } from "./integerRules.ts";

export type ModelExplanation = {
  /** Whether the model is integer-only by `checkIntegerOnly`. */
  ok: boolean;
  /** What is wrong with the file, its inputs, constants or outputs, one line each. */
  reasons: string[];
  /** In the order of the file; none when it can't be read or is over a limit. */
  nodes: NodeExplanation[];
};

export type NodeExplanation = {
  op: string;
  /** Its first output. */
  name: string;
  ok: boolean;
  /** What comes out (`int32 [1,64], -1032 … 9941`: no element is ever outside), or why it is refused or not checked. */
  detail: string;
};

/**
 * Whether and why an ONNX file gives the same bytes on every processor, node by node. A node that depends on something
 * refused isn't checked, and says so. Never throws for what the file holds.
 */
export function explainModel(artefact: Uint8Array): ModelExplanation {
  const { ok, reasons, steps } = walkModel(artefact);
  return { ok, reasons, nodes: steps.map(explainStep) };
}

function explainStep({ node, finding }: Step): NodeExplanation {
  return { op: node.op, name: node.outputs[0] ?? "", ok: isTensor(finding), detail: describe(finding) };
}

function describe(finding: Finding): string {
  if (isTensor(finding)) return `${finding.dtype} [${finding.shape}], ${finding.low} … ${finding.high}`;
  return isRefusal(finding) ? finding.reason : `not checked: depends on ${finding.dependsOn.join(", ")}`;
}
