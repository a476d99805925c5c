import { type Hex, hashStruct } from "viem";
import { extendRunningHash, type Part, RECEIPT_TYPES, type Receipt } from "./receipt.ts";

/** One step of the running hash: what it was before a part, and the part's own hash. */
export type Link = { previousHash: Hex; partHash: Hex };

/** What an operator has signed about one sequence. */
export type Statement = { receipt: Receipt } | { part: Part };

/** Whether two statements contradict each other, and if so, which function of `ReceiptLog` shows it. */
export type Contradiction =
  | { found: true; show: "showReceipts"; statements: readonly [{ receipt: Receipt }, { receipt: Receipt }] }
  | { found: true; show: "showReceiptAndPart"; statements: readonly [{ receipt: Receipt }, { part: Part }] }
  /** The later one first, as the contract takes them. */
  | { found: true; show: "showParts"; statements: readonly [{ part: Part }, { part: Part }] }
  | { found: false; why: NoContradiction; detail: string };

/** The contract's `OtherSequence`, `NoContradiction`, `WrongLinkCount`, `BrokenLink`. */
export type NoContradiction = "other-sequence" | "no-contradiction" | "wrong-link-count" | "broken-link";

/**
 * Whether two statements contradict each other, by the rules of `ReceiptLog`, in either order. Signatures, times and domains
 * are the caller's to check: both must be the operator's, under the same log.
 *
 * @param links From the later statement's running hash back to the one after the earlier one's index, see
 * {@link linksBack}; none for two receipts, or a part after the receipt's last
 */
export function contradiction(a: Statement, b: Statement, links: readonly Link[]): Contradiction {
  const [one, two] = [fieldsOf(a), fieldsOf(b)];
  if (one.operatorId !== two.operatorId || one.channelId !== two.channelId || one.sequence !== two.sequence) {
    return none("other-sequence", "they are of different operators, channels or sequences: give two of one sequence");
  }
  if ("receipt" in a) return "receipt" in b ? betweenReceipts(a, b) : betweenReceiptAndPart(a, b, links);
  if ("receipt" in b) return betweenReceiptAndPart(b, a, links);
  return betweenParts(a, b, links);
}

/**
 * The links from the running hash after part `lastIndex` back to the one after part `index`, newest first.
 *
 * @param partHashes Of all parts up to `lastIndex`.
 */
export function linksBack(requestHash: Hex, partHashes: readonly Hex[], lastIndex: number, index: number): Link[] {
  const links: Link[] = [];
  partHashes.slice(0, lastIndex + 1).reduce((previousHash, partHash, at) => {
    if (at > index) links.unshift({ previousHash, partHash });
    return extendRunningHash(previousHash, partHash);
  }, requestHash);
  return links;
}

function fieldsOf(statement: Statement): Receipt | Part {
  return "receipt" in statement ? statement.receipt : statement.part;
}

function betweenReceipts(a: { receipt: Receipt }, b: { receipt: Receipt }): Contradiction {
  const hash = ({ receipt }: { receipt: Receipt }) =>
    hashStruct({ data: receipt, primaryType: "Receipt", types: RECEIPT_TYPES });
  if (hash(a) === hash(b)) return none("no-contradiction", "both are the same receipt: one is no evidence");
  return { found: true, show: "showReceipts", statements: [a, b] };
}

function betweenReceiptAndPart(a: { receipt: Receipt }, b: { part: Part }, links: readonly Link[]): Contradiction {
  const { partCount, responseRoot } = a.receipt;
  // A part after the last one contradicts the receipt by itself.
  const refused = b.part.index < partCount ? follow(responseRoot, partCount - 1, b.part, links) : undefined;
  return refused ?? { found: true, show: "showReceiptAndPart", statements: [a, b] };
}

function betweenParts(a: { part: Part }, b: { part: Part }, links: readonly Link[]): Contradiction {
  const [later, earlier] = a.part.index >= b.part.index ? [a, b] : [b, a];
  const refused = follow(later.part.runningHash, later.part.index, earlier.part, links);
  return refused ?? { found: true, show: "showParts", statements: [later, earlier] };
}

/** Nothing if what came to `runningHash` after part `lastIndex` had another one after this part than it says. */
function follow(runningHash: Hex, lastIndex: number, part: Part, links: readonly Link[]): Contradiction | undefined {
  const wanted = lastIndex - part.index;
  if (links.length !== wanted) {
    return none("wrong-link-count", `got ${links.length} links: give ${wanted}, one for each part in between`);
  }
  let hash = runningHash;
  for (const [index, link] of links.entries()) {
    if (extendRunningHash(link.previousHash, link.partHash) !== hash) {
      return none("broken-link", `link ${index} doesn't lead to ${hash}: give the links from the later statement back`);
    }
    hash = link.previousHash;
  }
  if (hash !== part.runningHash) return undefined;
  return none("no-contradiction", "the later statement goes on where the part ended: a prefix is no evidence");
}

function none(why: NoContradiction, detail: string): Contradiction {
  return { found: false, why, detail };
}
