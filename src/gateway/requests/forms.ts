import type { Route } from "../../protocol/route.ts";
import { type ChatRequest, chatForm } from "./chat.ts";
import { type CompletionRequest, completionForm } from "./completions.ts";
import { type EmbeddingRequest, embeddingForm } from "./embeddings.ts";
import { type ImageRequest, imageForm } from "./images.ts";
import { type InferenceRequest, inferenceForm } from "./inference.ts";
import type { RequestForm } from "./requestForm.ts";

/** What each route takes. */
export type RequestOf = {
  "/v1/chat/completions": ChatRequest;
  "/v1/completions": CompletionRequest;
  "/v1/embeddings": EmbeddingRequest;
  "/v1/images/generations": ImageRequest;
  "/v1/inference": InferenceRequest;
};

export const REQUEST_FORMS: { [Name in Route]: RequestForm<RequestOf[Name]> } = {
  "/v1/chat/completions": chatForm,
  "/v1/completions": completionForm,
  "/v1/embeddings": embeddingForm,
  "/v1/images/generations": imageForm,
  "/v1/inference": inferenceForm,
};
