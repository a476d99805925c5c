const OUTSIDE_THE_ALPHABET = /[^A-Za-z0-9+/]/;

/** Whether a text is base64 of at least one byte, padded. One pass without backtracking: it may be many megabytes. */
export function isBase64(text: string): boolean {
  if (text.length === 0 || text.length % 4 !== 0) return false;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return !OUTSIDE_THE_ALPHABET.test(text.slice(0, text.length - padding));
}
