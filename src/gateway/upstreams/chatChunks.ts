import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { garbage } from "./upstreamErrors.ts";

export type Delta = Readonly<Record<string, unknown>>;

/** Makes deltas of OpenAI's chunks out of a library's stream. */
export type DeltaWriter = {
  /** @throws ApiError `upstream_garbage` for what a chunk can't say */
  write(part: LanguageModelV3StreamPart): Delta[];
  /** UTF-8 bytes of what came: text, reasoning, names and arguments of tools. */
  bytes(): number;
};

type ToolCall = { index: number; arguments: string };

export function createDeltaWriter(): DeltaWriter {
  const calls = new Map<string, ToolCall>();
  let bytes = 0;

  function startCall(id: string, name: string): Delta {
    const index = calls.size;
    calls.set(id, { index, arguments: "" });
    bytes += Buffer.byteLength(name);
    return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
  }

  function continueCall(id: string, delta: string): Delta {
    const call = calls.get(id);
    if (call === undefined) throw garbage();
    call.arguments += delta;
    bytes += Buffer.byteLength(delta);
    return { tool_calls: [{ index: call.index, function: { arguments: delta } }] };
  }

  /** The whole call comes after its pieces; some come without pieces. */
  function endCall(id: string, name: string, input: string): Delta[] {
    const start = calls.has(id) ? [] : [startCall(id, name)];
    return calls.get(id)?.arguments === "" && input !== "" ? [...start, continueCall(id, input)] : start;
  }

  function text(field: "content" | "reasoning_content", delta: string): Delta[] {
    bytes += Buffer.byteLength(delta);
    return delta === "" ? [] : [{ [field]: delta }];
  }

  return {
    write(part) {
      switch (part.type) {
        case "text-delta":
          return text("content", part.delta);
        case "reasoning-delta":
          return text("reasoning_content", part.delta);
        case "tool-input-start":
          return [startCall(part.id, part.toolName)];
        case "tool-input-delta":
          return part.delta === "" ? [] : [continueCall(part.id, part.delta)];
        case "tool-call":
          return endCall(part.toolCallId, part.toolName, part.input);
        case "file":
        case "tool-approval-request":
          throw garbage();
        default:
          return [];
      }
    },
    bytes: () => bytes,
  };
}
