import type { ChatRequest } from "../requests/chat.ts";
import type { JsonObject } from "./languageProvider.ts";

type Declaration = { name: string; description: string };

/**
 * The schemas as they were asked for. The library turns them into OpenAPI's, which drops what that form lacks; the API takes
 * JSON schema too (`responseJsonSchema`, `parametersJsonSchema`).
 */
export function withJsonSchemas(body: JsonObject, { response_format, tools }: ChatRequest): JsonObject {
  const schemas = new Map((tools ?? []).map((tool) => [tool.function.name, tool.function.parameters]));
  const { responseSchema: _converted, ...config } = (body.generationConfig ?? {}) as JsonObject;
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
