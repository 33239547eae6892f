/** What zod found, in words that name the member, with what was probably meant. */
import type { z } from "zod";
import { type JsonValue, isJsonObject } from "../base/json-value.ts";
import type { Report } from "./problem-list.ts";

type Issue = z.core.$ZodIssue;

/** `membersAt` gives the members that may stand at a path, for suggestions. */
export function reportIssues(
  issues: readonly Issue[],
  value: JsonValue,
  membersAt: (path: readonly PropertyKey[]) => readonly string[] | null,
  report: Report,
): void {
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") {
      const known = membersAt(issue.path) ?? [];
      for (const key of issue.keys) report([...issue.path, key], `unknown member ${JSON.stringify(key.slice(0, 80))}`, { wanted: key, known });
    } else if (issue.code === "invalid_key") {
      const [inner] = issue.issues;
      report(issue.path, `the name ${JSON.stringify(String(issue.path.at(-1)).slice(0, 80))} ${inner?.message ?? "is not allowed"}`);
    } else {
      const seen = valueAt(value, issue.path);
      report(issue.path, issueText(issue, seen), suggestionFor(issue, seen));
    }
  }
}

function issueText(issue: Issue, seen: JsonValue | undefined): string {
  switch (issue.code) {
    case "invalid_type":
      return seen === undefined ? "is missing" : `must be ${kindText(issue.expected)}, not ${shown(seen)}`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}, not ${shown(seen)}${issue.message.startsWith("Invalid") ? "" : ` (${issue.message})`}`;
    case "invalid_format":
      return `${shown(seen)} ${issue.message}`;
    case "too_small":
      return `${shown(seen)} is too small or short: at least ${issue.minimum}`;
    case "too_big":
      return `${shown(seen)} is too large or long: at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function suggestionFor(issue: Issue, seen: JsonValue | undefined): { readonly wanted?: string; readonly known?: readonly string[] } {
  if (issue.code !== "invalid_value" || typeof seen !== "string") return {};
  return { wanted: seen, known: issue.values.map(String) };
}

function kindText(expected: string): string {
  switch (expected) {
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a map";
    case "int":
      return "an integer";
    case "boolean":
      return "true or false";
    case "string":
      return "a text (quote it)";
    default:
      return `a ${expected}`;
  }
}

function shown(value: JsonValue | undefined): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The part of a value at a path. */
export function valueAt(value: JsonValue, path: readonly PropertyKey[]): JsonValue | undefined {
  let part: JsonValue | undefined = value;
  for (const key of path) {
    if (Array.isArray(part)) part = part[Number(key)];
    else if (isJsonObject(part) && Object.hasOwn(part, key)) part = part[String(key)];
    else return undefined;
  }
  return part;
}
