/** The workflow document as JSON Schema 2020-12, for editors and other languages. Generated from the schema that the check uses. */
import { z } from "zod";
import { assert } from "../base/assert.ts";
import { type JsonObject, isJsonObject } from "../base/json-value.ts";
import { actionKinds, bodyKinds, gateKinds, stepsMax, workflowDocumentSchema } from "./workflow-document.ts";

export const workflowSchemaId = "lily:workflow.v1";

/** Holds what a shape can say. Names, references, cycles and paths are for `lily workflow check`. */
export function workflowJsonSchema(): JsonObject {
  const schema: unknown = z.toJSONSchema(workflowDocumentSchema, {
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      addExactlyOne(jsonSchema);
    },
  });
  assert(typeof schema === "object" && schema !== null && isJsonObject(schema), "the exported schema is an object");
  const properties = schema["properties"];
  assert(properties !== undefined && isJsonObject(properties), "the exported schema has properties");
  const steps = properties["steps"];
  assert(steps !== undefined && isJsonObject(steps), "the exported schema has steps");
  return {
    ...schema,
    $id: workflowSchemaId,
    title: "Lily workflow",
    properties: { ...properties, steps: { ...steps, minProperties: 1, maxProperties: stepsMax } },
  };
}

/** "Exactly one of" is a refinement, which the export leaves out. */
function addExactlyOne(schema: z.core.JSONSchema.BaseSchema): void {
  const members = schema.properties;
  if (members === undefined) return;
  for (const kinds of [bodyKinds, gateKinds, actionKinds]) {
    if (kinds.every((kind) => Object.hasOwn(members, kind))) schema.oneOf = kinds.map((kind) => ({ properties: { [kind]: {} }, required: [kind] }));
  }
}
