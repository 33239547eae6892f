import type { StandardSchema } from "../contracts/standard-schema.ts";
import type { SchemaProblem } from "./schema-problem.ts";

export type StandardVerdict<Output> =
  | { readonly outcome: "valid"; readonly value: Output }
  | { readonly outcome: "invalid"; readonly problems: readonly SchemaProblem[] };

export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("~standard" in value)) return false;
  const standard = value["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    "version" in standard &&
    standard.version === 1 &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

/** Validates with any Standard Schema. Paths of problems are JSON pointers. What the validator throws passes through. */
export async function validateStandard<Output>(schema: StandardSchema<Output>, value: unknown): Promise<StandardVerdict<Output>> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { outcome: "valid", value: result.value };
  return { outcome: "invalid", problems: result.issues.map((issue) => ({ path: (issue.path ?? []).map(segment).join(""), message: issue.message })) };
}

function segment(part: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof part === "object" ? part.key : part;
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
