import { digitsHeldOut, irisHeldOut, type Sample, spread } from "../training/datasets.ts";

export type ModelName = "digits" | "iris";

/** One thing the demo asks for. */
export type DemoRequest = {
  model: ModelName;
  sample: Sample;
  /** How it is asked: by a client; by a consumer contract; or by a client whose input nobody serves. */
  via: "client" | "consumer" | "unreachable";
};

const DIGITS = 20;
const IRISES = 10;

/** Pictures and rows none of which the models have seen; what expires comes first, as it takes longest. */
export function demoRequests(): DemoRequest[] {
  const [lost, read, ...pictures] = spread(digitsHeldOut(), DIGITS + 2);
  const rows = spread(irisHeldOut(), IRISES);
  if (!lost || !read) throw new Error("the held-out digits are missing");
  return [
    { model: "digits", sample: lost, via: "unreachable" },
    { model: "digits", sample: read, via: "consumer" },
    ...pictures.map((sample) => ({ model: "digits", sample, via: "client" }) as const),
    ...rows.map((sample) => ({ model: "iris", sample, via: "client" }) as const),
  ];
}
