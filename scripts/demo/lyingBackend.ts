import type { InferenceBackend } from "../../src/inference/backend.ts";

/** A backend that answers rightly except in every n-th run, where it turns the first bit of the result over. */
export function createLyingBackend(honest: InferenceBackend, every: number): InferenceBackend {
  let runs = 0;
  return {
    ...honest,
    name: `${honest.name}, lying every ${every} runs`,
    async load(artefact, manifest) {
      const model = await honest.load(artefact, manifest);
      return {
        close: () => model.close(),
        async run(input) {
          const result = await model.run(input);
          runs += 1;
          if (runs % every === 0) result[0] = (result[0] ?? 0) ^ 1;
          return result;
        },
      };
    },
  };
}
