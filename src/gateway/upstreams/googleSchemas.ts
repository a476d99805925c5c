import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { ChatRequest } from "../requests/chat.ts";
import type { JsonObject } from "./languageProvider.ts";

type Declaration = { name: string; description: string };

/**
 * The library turns schemas into OpenAPI's, which drops what that form lacks, and writes out every reference, so that a
 * stranger's schema of three thousand bytes keeps it busy for seconds. It gets none.
 */
export function withoutSchemas(options: LanguageModelV3CallOptions): LanguageModelV3CallOptions {
  const { responseFormat, tools } = options;
  return {
    ...options,
    ...(responseFormat?.type === "json" && { responseFormat: { type: "json" } }),
    ...(tools && { tools: tools.map((tool) => (tool.type === "function" ? { ...tool, inputSchema: {} } : tool)) }),
  };
}

/** The schemas as they were asked for: the API takes JSON schema too (`responseJsonSchema`, `parametersJsonSchema`). */
export function withJsonSchemas(body: JsonObject, { response_format, tools }: ChatRequest): JsonObject {
  const schemas = new Map((tools ?? []).map((tool) => [tool.function.name, tool.function.parameters]));
  const config = (body.generationConfig ?? {}) as JsonObject;
  const isSchema = response_format?.type === "json_schema";
  return {
    ...body,
    generationConfig: isSchema ? { ...config, responseJsonSchema: response_format.json_schema.schema } : config,
    ...(Array.isArray(body.tools) && { tools: body.tools.map((group) => withParameters(group, schemas)) }),
  };
}

function withParameters(
  { functionDeclarations, ...rest }: { functionDeclarations?: Declaration[] },
  schemas: ReadonlyMap<string, JsonObject | null | undefined>,
): JsonObject {
  return {
    ...rest,
    functionDeclarations: functionDeclarations?.map(({ name, description }) => ({
      name,
      description,
      ...(schemas.get(name) && { parametersJsonSchema: schemas.get(name) }),
    })),
  };
}
