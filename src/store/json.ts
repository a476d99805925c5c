/** JSON for the database; bigints, which JSON lacks, are written as `{"$bigint": "123"}`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? { $bigint: item.toString() } : item));
}

/** The inverse of {@link toJson}, from what the database has parsed. */
export function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== "object" || value === null) return value;
  const { $bigint } = value as { $bigint?: unknown };
  if (typeof $bigint === "string") return BigInt($bigint);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item)]));
}
