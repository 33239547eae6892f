/** Checks what goes into a module and what comes out of it. */
import { canonicalJson } from "../../base/canonical-json.ts";
import { isJsonObject, type JsonObject } from "../../base/json-value.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { StandardSchema } from "../../contracts/standard-schema.ts";
import type { ModuleDefinition } from "../../ports/module-definition.ts";

/** What `run` gets: the input as the module's schema gives it. Throws SCHEMA_MISMATCH. */
export async function checkInput(definition: ModuleDefinition, input: unknown): Promise<unknown> {
  if (definition.input === null) return input;
  const checked = await validate(definition.input, input);
  if ("value" in checked) return checked.value;
  throw new LilyError("SCHEMA_MISMATCH", `the input of module ${definition.name} does not fit: ${checked.problem}`);
}

/** The outputs by name: plain JSON that fits the module's own schemas. Throws MODULE_FAILED. */
export async function checkOutput(definition: ModuleDefinition, result: unknown): Promise<JsonObject> {
  const outputs = result ?? {};
  if (!isJsonObject(outputs)) throw refuse(definition, "it returned something that is not an object of outputs by name");
  const { output } = definition;
  const checked =
    output === null
      ? outputs
      : isStandardSchema(output)
        ? await checkedBy(definition, output, outputs, "outputs")
        : await checkNamed(definition, output, outputs);
  if (!isJsonObject(checked)) throw refuse(definition, "its output schema did not give an object of outputs by name");
  try {
    canonicalJson(checked, { fractions: true });
  } catch (cause) {
    throw refuse(definition, `an output is not JSON: ${messageOf(cause)}`, cause);
  }
  return checked;
}

async function checkNamed(definition: ModuleDefinition, schemas: Readonly<Record<string, StandardSchema>>, outputs: JsonObject): Promise<unknown> {
  const extra = Object.keys(outputs).find((name) => !Object.hasOwn(schemas, name));
  if (extra !== undefined) throw refuse(definition, `it returned ${extra}, which it does not declare`);
  const checked: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const value = await checkedBy(definition, schema, outputs[name], name);
    if (value !== undefined) checked[name] = value;
  }
  return checked;
}

async function checkedBy(definition: ModuleDefinition, schema: StandardSchema, value: unknown, what: string): Promise<unknown> {
  const checked = await validate(schema, value);
  if ("value" in checked) return checked.value;
  throw refuse(definition, `${what} does not fit its schema: ${checked.problem}`);
}

function isStandardSchema(value: StandardSchema | Readonly<Record<string, StandardSchema>>): value is StandardSchema {
  const standard: unknown = value["~standard"];
  return typeof standard === "object" && standard !== null && "validate" in standard;
}

async function validate(schema: StandardSchema, value: unknown): Promise<{ readonly value: unknown } | { readonly problem: string }> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { value: result.value };
  const problems = result.issues.slice(0, 5).map((issue) => {
    const path = (issue.path ?? []).map((part) => `/${String(typeof part === "object" ? part.key : part)}`).join("");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  return { problem: problems.join("; ") };
}

function refuse(definition: ModuleDefinition, why: string, cause?: unknown): LilyError {
  return new LilyError("MODULE_FAILED", `module ${definition.name}: ${why}`, cause === undefined ? {} : { cause });
}
