import { AsyncLocalStorage } from "node:async_hooks";
import type { Fetch } from "./languageProvider.ts";

const current = new AsyncLocalStorage<Fetch>();

/**
 * The fetch of the call under way: a library's model takes its fetch when it is made, which costs more than asking it, and is
 * asked by many calls, each over a wire of its own.
 */
export const callFetch: Fetch = (input, init) => {
  const fetch = current.getStore();
  if (fetch === undefined) throw new Error("a model was asked outside of a call");
  return fetch(input, init);
};

/** Asks a model that was made with {@link callFetch} over this one. */
export function askOver<T>(fetch: Fetch, ask: () => T): T {
  return current.run(fetch, ask);
}
