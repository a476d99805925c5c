import type { Patch } from "../authority/mutate.ts";

/** A check taken out of a source: the patch that does it, and where the check stood. */
export type RemovedCheck = { line: number; check: string; patch: Patch };

/**
 * Every check of a Solidity source, each with the patch that takes it out: `require`s (of several conditions joined by
 * `&&`, each by itself), `if (…) revert`, `if (…) return _skip`, and the modifiers `nonReentrant` and `restricted`.
 */
export function removableChecks(file: string, source: string): RemovedCheck[] {
  // Brackets and commas of comments are nobody's: blanked, so that places stay.
  const text = source.replace(/\/\/[^\n]*/g, (comment) => " ".repeat(comment.length));
  const found: RemovedCheck[] = [];
  const add = (at: number, length: number, to: string, check: string) => {
    // The whole text as it was and as it will be, so that a check that stands twice is still taken out where it stands.
    const patch = { file, from: source, to: source.slice(0, at) + to + source.slice(at + length) };
    found.push({ line: text.slice(0, at).split("\n").length, check: check.replace(/\s+/g, " "), patch });
  };
  for (const { index } of text.matchAll(/^ +require\(/gm)) addRequire(text, index, add);
  for (const { index } of text.matchAll(/^ +if \(/gm)) addIf(text, index, add);
  for (const { index, 0: word } of text.matchAll(/ (nonReentrant|restricted)\b(?=[^;{]*\{)/g)) {
    const name = /function (\w+)[\s\S]*$/.exec(text.slice(text.lastIndexOf("function ", index), index))?.[1];
    add(index, word.length, "", `${word.trim()} of ${name}`);
  }
  return found.sort((a, b) => a.line - b.line);
}

type Add = (at: number, length: number, to: string, check: string) => void;

function addRequire(text: string, at: number, add: Add): void {
  const open = text.indexOf("(", at);
  const end = closing(text, open);
  const condition = text.slice(open + 1, topLevel(text, open + 1, ",")[0]);
  const parts = conjuncts(condition);
  if (parts.length === 1) {
    add(at, end + 2 - at, "", `require(${condition.trim()})`);
    return;
  }
  for (const { from, length } of parts) {
    const part = condition.slice(from, from + length);
    add(open + 1 + from, length, "true", `require(… ${part.trim()} …)`);
  }
}

function addIf(text: string, at: number, add: Add): void {
  const open = text.indexOf("(", at);
  const end = closing(text, open);
  const body = /^\s*(\{\s*)?(revert \w+|return _skip)\(/.exec(text.slice(end + 1));
  if (body === null) return;
  const call = end + body[0].length;
  const after = text.indexOf(";", closing(text, call)) + 1;
  const last = body[1] === undefined ? after : text.indexOf("}", after) + 1;
  add(at, last - at, "", `if ${text.slice(open, end + 1)} ${body[2]}`);
}

/** Where the bracket that opens at `open` is closed. */
function closing(text: string, open: number): number {
  for (let at = open, depth = 0; at < text.length; at++) {
    if ("([{".includes(text[at] as string)) depth += 1;
    else if (")]}".includes(text[at] as string)) depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`a bracket isn't closed: ${text.slice(open, open + 80)}`);
}

/** Where a mark stands outside of all brackets, until the bracket around is closed. */
function topLevel(text: string, from: number, mark: string): number[] {
  const places: number[] = [];
  for (let at = from, depth = 0; at < text.length && depth >= 0; at++) {
    if (depth === 0 && text.startsWith(mark, at)) places.push(at);
    if ("([{".includes(text[at] as string)) depth += 1;
    else if (")]}".includes(text[at] as string)) depth -= 1;
  }
  return places;
}

function conjuncts(condition: string): { from: number; length: number }[] {
  const ends = topLevel(condition, 0, "&&");
  return [...ends, condition.length].map((end, index) => {
    const from = index === 0 ? 0 : (ends[index - 1] as number) + 2;
    return { from, length: end - from };
  });
}
