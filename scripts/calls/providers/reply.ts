/** What a fake model says to a conversation: always the same to the same one. */
export type Reply = {
  /** In the pieces a stream has it in. */
  pieces: string[];
  toolCall: { id: string; name: string; arguments: string } | undefined;
  inputTokens: number;
  outputTokens: number;
};

/** What a fake must know of a request, whatever the provider's form. */
export type Asked = {
  /** The last thing the user said. */
  text: string;
  pictures: number;
  /** The first tool's name. */
  tool: string | undefined;
  /** What the tool said, when it was called already. */
  toolResult: string | undefined;
  wantsJson: boolean;
};

export const TOOL_ARGUMENTS = '{"city":"Bern"}';
export const INPUT_TOKENS = 11;
export const OUTPUT_TOKENS = 5;

export function replyTo({ text, pictures, tool, toolResult, wantsJson }: Asked): Reply {
  const counts = { inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS };
  if (tool !== undefined && toolResult === undefined) {
    return { pieces: [], toolCall: { id: "call_1", name: tool, arguments: TOOL_ARGUMENTS }, ...counts };
  }
  return { pieces: inPieces(wordsFor({ text, pictures, toolResult, wantsJson })), toolCall: undefined, ...counts };
}

function wordsFor({ text, pictures, toolResult, wantsJson }: Omit<Asked, "tool">): string {
  if (wantsJson) return '{"answer":42}';
  if (toolResult !== undefined) return `The tool says: ${toolResult}`;
  return pictures > 0 ? `I see ${pictures} picture(s).` : `You said: ${text}`;
}

export function inPieces(text: string): string[] {
  return text.match(/[\s\S]{1,6}/gu) ?? [];
}

/** One white pixel. */
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

/** The same numbers for the same text; each is a 32-bit float. */
export function embeddingOf(text: string, dimensions = 3): number[] {
  return Array.from({ length: dimensions }, (_, i) => (text.length + i) / 8);
}
