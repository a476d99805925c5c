import type { z } from "zod";

export type FormIssue = { code: "invalid_value" | "unsupported_parameter"; param?: string; message: string };

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const MAX_PARAM_LENGTH = 200;

/** What is wrong with a body, of several things the first. Of the forms a field may have, the one that came furthest counts. */
export function issueOf(issues: readonly Issue[], body: unknown): FormIssue {
  const [first] = issues.flatMap((issue) => unfold(issue));
  if (first === undefined)
    return { code: "invalid_value", message: "the request isn't one: send what OpenAI's API takes" };
  if (first.code === "unrecognized_keys") return unknownField(first);
  const param = paramOf(first.path);
  const isRefused = first.code === "custom" && first.params?.code === "unsupported_parameter";
  const named = param ?? "the request's body";
  return {
    code: isRefused ? "unsupported_parameter" : "invalid_value",
    ...(param !== undefined && { param }),
    message: `${named}: ${isMissing(first.path, body) ? "it is missing" : first.message}`,
  };
}

function unknownField({ path, keys }: Extract<Issue, { code: "unrecognized_keys" }>): FormIssue {
  const param = paramOf([...path, keys[0] ?? ""]) ?? "";
  return { code: "unsupported_parameter", param, message: `${param} is not supported here: leave it out` };
}

function unfold(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
  const branches = issue.errors.map((branch) =>
    branch.flatMap((inner) => unfold({ ...inner, path: [...issue.path, ...inner.path] })),
  );
  return branches.reduce((best, branch) => (depthOf(branch) > depthOf(best) ? branch : best));
}

function depthOf(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map(({ path }) => path.length));
}

function isMissing(path: Path, body: unknown): boolean {
  let value = body;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return path.length > 0 && value === undefined;
}

/** `messages[0].content`; undefined for the body itself. */
function paramOf(path: Path): string | undefined {
  if (path.length === 0) return undefined;
  const parts = path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`));
  return parts.join("").slice(0, MAX_PARAM_LENGTH);
}
