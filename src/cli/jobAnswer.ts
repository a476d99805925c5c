import type { CommitteeEvent } from "../chain/committeeEvents.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { decodeTensors } from "../protocol/tensor.ts";

/** What a model's result means. */
export type Meaning = {
  /** The class with the highest score; absent when the result isn't one score for each label. */
  label?: string;
  scores?: { label: string; score: number }[];
  /** All result tensors, flat. */
  tensors: { name: string; values: number[] }[];
};

/** @throws ProtocolError `tensor/wrong-shape` or `tensor/too-large` when the bytes aren't the model's result */
export function meaningOf({ outputs, labels }: Manifest, result: Uint8Array): Meaning {
  const tensors = decodeTensors(outputs, result).map((values, i) => ({
    name: outputs[i]?.name ?? "",
    values: Array.from(values),
  }));
  const [logits, ...others] = tensors;
  if (logits === undefined || others.length > 0 || labels.length !== logits.values.length) return { tensors };
  const scores = labels.map((label, i) => ({ label, score: logits.values[i] as number }));
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
  return { label: best.label, scores, tensors };
}

/** For people: the label, and all scores from the highest on. */
export function describeMeaning({ label, scores, tensors }: Meaning): [string, string][] {
  if (label === undefined || scores === undefined) {
    return tensors.map(({ name, values }) => [name, values.join(" ")]);
  }
  const ranked = [...scores].sort((a, b) => b.score - a.score).map((item) => `${item.label} ${item.score}`);
  return [
    ["answer", label],
    ["scores", ranked.join(" · ")],
  ];
}

/** One event for people. */
export function describeEvent(event: CommitteeEvent): string {
  switch (event.kind) {
    case "seedPinned":
      return "seed pinned";
    case "committed":
      return `operator ${event.operatorId} committed`;
    case "evicted":
      return `operator ${event.operatorId} lost seat ${event.seat} to a lower draw`;
    case "revealed":
      return `operator ${event.operatorId} revealed ${event.resultHash.slice(0, 10)}…`;
    case "slashed":
      return `operator ${event.operatorId} lost its bond: ${event.fault}`;
  }
}
