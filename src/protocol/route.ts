/** The routes that run a model. */
export const ROUTES = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/images/generations",
  "/v1/inference",
] as const;
export type Route = (typeof ROUTES)[number];
