/**
 * The workflow document as a person writes it: one strict schema, the source of the TypeScript types, of the JSON Schema for editors
 * and of the structural half of the check. Nothing is filled in here; defaults belong to the compiler. Format: docs/formats/workflow.md.
 */
import { z } from "zod";
import { byteSizeMax, byteSizePattern } from "../base/byte-size.ts";

/** The identifier grammar of base/identifier.ts as one expression, so that editors know it too. */
const idPattern = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const idText = z.string().regex(idPattern, { error: "is not an identifier: letters, digits, '.', '_' and '-', at most 128, no '..'" });
const durationPattern = /^\d{1,12}(\.\d{1,3})?(ms|s|m|h)$/;
const durationText = z.string().regex(durationPattern, { error: "is not a duration: a number with ms, s, m or h, for example 30s" });
const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const envName = z.string().regex(envNamePattern, { error: "is not the name of an environment variable" });
const envPattern = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}\*?$/, { error: "is not the name of an environment variable, nor a name that ends in '*'" });
const schemaIdText = z
  .string()
  .max(128)
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[1-9]\d{0,5}$/, { error: "is not a schema id of the form name.vN" });
const sizeText = z.string().regex(byteSizePattern, { error: "is not a size: a number of bytes, or one with B, KB, MB, GB, KiB, MiB or GiB, for example 10MB" });
const principalText = z
  .string()
  .max(256)
  .regex(/^[a-z][a-z0-9_-]*:[^\s:][^\s]*$/, { error: "is not a principal of the form user:NAME" });
const text = z.string().max(4096);
const pathText = z.string().min(1).max(1024);
const mediaType = z
  .string()
  .max(128)
  .regex(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/, { error: "is not a media type of the form type/subtype" });
const argv = z.array(z.string().max(131_072)).min(1).max(4_096);

export const bodyKinds = ["run", "shell", "module", "engine", "llm", "template"] as const;
export const gateKinds = ["run", "schema", "hash", "approval", "module", "template"] as const;
export const actionKinds = ["retry", "goto", "escalate", "abort", "continue"] as const;
export const stepsMax = 100_000;

const environmentShape = {
  env: z.record(envName, z.string().max(131_072)).optional(),
  env_from: z.array(envPattern).max(1_000).optional(),
  secrets: z.array(envName).max(1_000).optional(),
};

const retrySchema = z.strictObject({
  max: z.int().min(0).max(100).optional(),
  backoff: durationText.optional(),
  factor: z.number().min(1).max(10).optional(),
  max_backoff: durationText.optional(),
});

const outputSchema = z.strictObject({
  path: pathText.optional(),
  glob: pathText.optional(),
  schema: schemaIdText.optional(),
  optional: z.boolean().optional(),
  media_type: mediaType.optional(),
});

const effectSchema = z.strictObject({
  category: z.enum(["file_system", "network", "data_mutation", "configuration", "system", "other"]),
  description: text.min(1),
  reversible: z.boolean().nullable().optional(),
  hint: text.nullable().optional(),
});

const hashSchema = z.strictObject({
  law: z.enum(["sha256_bundle_digest", "sha256_member_digest_concat", "sha256_index_json_ascii_lex_raw_bytes", "json_verdict"]),
  root: pathText,
  flag: pathText.optional(),
  index: pathText.optional(),
  ordering: z.enum(["ascii_lex", "index_order"]).optional(),
  path_base: z.enum(["bundle_root", "run_root"]).optional(),
  exclude_filenames: z.array(pathText).max(1_000).optional(),
  digest_field: text.min(1).optional(),
  pointer: text.optional(),
  equals: z.json().optional(),
});

const approvalSchema = z.strictObject({
  count: z.int().min(1).max(100).optional(),
  from: z.array(idText).max(100).optional(),
  expires: durationText.optional(),
  show: z.array(text).max(100).optional(),
});

/** How many of `members` an object has; null for what is no object, which the shape itself refuses. */
function countOf(value: unknown, members: readonly string[]): number | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return members.filter((member) => Object.hasOwn(value, member)).length;
}

/** Also runs when other members are wrong, so that one check names every problem. */
function exactlyOne(members: readonly string[], what: string) {
  return {
    error: (issue: { readonly input?: unknown }) => {
      const many = (countOf(issue.input, members) ?? 0) > 1;
      return `${what} needs exactly one of ${members.join(", ")}${many ? "; it has more than one" : ""}`;
    },
    when: () => true,
  };
}

const gateShape = {
  id: idText,
  required: z.boolean().optional(),
  timeout: durationText.optional(),
  run: argv.optional(),
  ...environmentShape,
  schema: schemaIdText.optional(),
  of: text.optional(),
  hash: hashSchema.optional(),
  approval: approvalSchema.optional(),
  module: idText.optional(),
  isolation: z.enum(["none", "process"]).optional(),
  template: idText.optional(),
  with: z.record(idText, z.json()).optional(),
};
const gateSchema = z.strictObject(gateShape).refine((gate) => (countOf(gate, gateKinds) ?? 1) === 1, exactlyOne(gateKinds, "a gate"));

const stepShape = {
  title: text.optional(),
  template: idText.optional(),
  executor: idText.optional(),
  run: argv.optional(),
  shell: z.string().min(1).max(131_072).optional(),
  module: idText.optional(),
  engine: z.json().optional(),
  llm: z.json().optional(),
  isolation: z.enum(["none", "process"]).optional(),
  with: z.record(idText, z.json()).optional(),
  needs: z.array(idText).max(stepsMax).optional(),
  uses: z.array(pathText).max(1_000).optional(),
  reads: z.array(idText).max(10_000).optional(),
  outputs: z.record(idText, outputSchema).optional(),
  pure: z.boolean().optional(),
  ...environmentShape,
  env_affects_output: z.boolean().optional(),
  workdir: z.enum(["source", "isolated"]).optional(),
  timeout: durationText.optional(),
  retry: retrySchema.optional(),
  effects: z.array(effectSchema).max(1_000).optional(),
  gates: z.array(gateSchema).max(10_000).optional(),
  log_limit: z.int().min(1_024).max(1_073_741_824).optional(),
};
const stepSchema = z.strictObject(stepShape).refine((step) => (countOf(step, bodyKinds) ?? 1) === 1, exactlyOne(bodyKinds, "a step"));

const whenSchema = z.strictObject({
  step: idText.optional(),
  gate: idText.optional(),
  status: z.enum(["failed", "timeout", "interrupted", "error"]).optional(),
  violation: z.boolean().optional(),
  exhausted: z.boolean().optional(),
});

const actionShape = {
  retry: z.literal(true).optional(),
  goto: idText.optional(),
  escalate: text.min(1).optional(),
  abort: text.min(1).optional(),
  continue: z.literal(true).optional(),
  max: z.int().min(1).max(100).optional(),
};
const actionSchema = z.strictObject(actionShape).refine((action) => (countOf(action, actionKinds) ?? 1) === 1, exactlyOne(actionKinds, "a route's do"));

const routeSchema = z.strictObject({ id: idText, when: whenSchema, do: actionSchema });

const inputSchema = z.strictObject({ file: pathText.optional(), schema: schemaIdText.optional(), media_type: mediaType.optional() });

const policySchema = z.strictObject({
  tools: z.array(pathText).max(10_000).optional(),
  write: z.strictObject({ allow: z.array(pathText).max(10_000).optional(), deny: z.array(pathText).max(10_000).optional() }).optional(),
  network: z.enum(["allow", "deny"]).optional(),
  sandbox: z.enum(["off", "prefer", "require"]).optional(),
  attempts_max: z.int().min(1).max(1_000).optional(),
  diff_max: z.union([z.int().min(0).max(byteSizeMax), sizeText]).optional(),
  env_allow: z.array(envPattern).max(1_000).optional(),
  timeout_max: durationText.optional(),
  retry_max: z.int().min(0).max(100).optional(),
  unblock_by: z.array(principalText).max(1_000).optional(),
  security: z.enum(["any", "operational"]).optional(),
});
export { policySchema as workflowPolicySchema, stepSchema as workflowStepSchema, gateSchema as workflowGateSchema };

const defaultsSchema = z.strictObject({ timeout: durationText.optional(), retry: retrySchema.optional() });

const stepsSchema = z.record(idText, stepSchema).refine(
  (steps) => {
    const count = Object.keys(steps).length;
    return count >= 1 && count <= stepsMax;
  },
  { error: `a workflow has 1 to ${stepsMax} steps` },
);

const workflowShape = {
  workflow: idText,
  version: z.literal(1, { error: "the version of the document format is 1" }),
  title: text.optional(),
  params: z.record(idText, z.record(z.string(), z.json())).optional(),
  inputs: z.record(idText, inputSchema).optional(),
  policy: policySchema.optional(),
  defaults: defaultsSchema.optional(),
  workdir: z.enum(["source", "isolated"]).optional(),
  steps: stepsSchema,
  gates: z.array(gateSchema).max(10_000).optional(),
  routes: z.array(routeSchema).max(10_000).optional(),
};

export const workflowDocumentSchema = z.strictObject(workflowShape);

/** Exactly what `workflowDocumentSchema` accepts; see docs/formats/workflow.md for each member. */
export type WorkflowDocument = z.input<typeof workflowDocumentSchema>;
export type WorkflowStep = z.input<typeof stepSchema>;
export type WorkflowGate = z.input<typeof gateSchema>;
export type WorkflowRoute = z.input<typeof routeSchema>;
export type WorkflowOutput = z.input<typeof outputSchema>;
export type WorkflowPolicy = z.input<typeof policySchema>;
export type WorkflowRetry = z.input<typeof retrySchema>;
export type WorkflowHashGate = z.input<typeof hashSchema>;

/** Members that may stand in an object at this path of the document, for suggestions; null where any name may stand. */
export function membersAt(path: readonly PropertyKey[]): readonly string[] | null {
  const [root, , member, , below] = path;
  const depth = path.length;
  if (depth === 0) return Object.keys(workflowShape);
  if (root === "steps" && depth >= 2) return depth === 2 ? Object.keys(stepShape) : stepMembersAt(member, depth - 2, below);
  if (root === "gates") return gateMembersAt(path.slice(1));
  if (root === "routes") return routeMembersAt(path.slice(1));
  if (root === "inputs" && depth === 2) return Object.keys(inputSchema.shape);
  if (root === "policy") return depth === 1 ? Object.keys(policySchema.shape) : ["allow", "deny"];
  if (root === "defaults") return depth === 1 ? Object.keys(defaultsSchema.shape) : Object.keys(retrySchema.shape);
  return null;
}

function stepMembersAt(member: PropertyKey | undefined, depth: number, below: PropertyKey | undefined): readonly string[] | null {
  switch (member) {
    case "retry":
      return Object.keys(retrySchema.shape);
    case "outputs":
      return depth === 2 ? Object.keys(outputSchema.shape) : null;
    case "effects":
      return Object.keys(effectSchema.shape);
    case "gates":
      return gateMembersAt(depth === 2 ? [0] : [0, below ?? 0]);
    default:
      return null;
  }
}

function gateMembersAt([, member]: readonly PropertyKey[]): readonly string[] | null {
  if (member === undefined) return Object.keys(gateShape);
  if (member === "hash") return Object.keys(hashSchema.shape);
  return member === "approval" ? Object.keys(approvalSchema.shape) : null;
}

function routeMembersAt([, member]: readonly PropertyKey[]): readonly string[] | null {
  if (member === undefined) return Object.keys(routeSchema.shape);
  return Object.keys(member === "when" ? whenSchema.shape : actionShape);
}
