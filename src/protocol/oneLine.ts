const MAX_LENGTH = 500;

/**
 * Text from elsewhere, as it may stand in a log: one short line, with nothing that could move a terminal's cursor, turn
 * the reading direction or pass for a line of its own.
 */
export function oneLine(text: string): string {
  return text.slice(0, MAX_LENGTH).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ");
}
