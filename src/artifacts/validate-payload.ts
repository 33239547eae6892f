import type { JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import type { SchemaProblem } from "./schema-problem.ts";
import type { SchemaRegistry } from "./schema-registry.ts";

const shownMax = 5;

/** Problems as one line for people: `/rows/3/temp_max: must be number; ...`. */
export function problemText(problems: readonly SchemaProblem[]): string {
  const shown = problems.slice(0, shownMax).map(({ path, message }) => `${path === "" ? "the value" : path}: ${message}`);
  const rest = problems.length - shown.length;
  return `${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

/** A2: throws SCHEMA_MISMATCH naming `what` and the paths when the payload does not fit; SCHEMA_UNKNOWN, SCHEMA_INVALID. */
export async function requireValidPayload(registry: SchemaRegistry, schemaId: string, payload: JsonValue, what: string): Promise<void> {
  const problems = await registry.validate(schemaId, payload);
  if (problems.length === 0) return;
  throw new LilyError("SCHEMA_MISMATCH", `${what} does not fit ${schemaId}: ${problemText(problems)}`, {
    details: { schema_id: schemaId, paths: problems.slice(0, shownMax).map((problem) => problem.path) },
  });
}
