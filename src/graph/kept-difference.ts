import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { assert } from "../base/assert.ts";
import type { PlanDocument, PlanGate, PlanStep } from "../contracts/plan-document.ts";
import { usesInput } from "./input-users.ts";
import { referencesIn } from "./resolve-template.ts";

/**
 * What keeps a result of one plan from standing in under another: the first thing that the step was made from and that is not the same, in
 * words; null when all is. Compared are the step's own part of the plan, its gates, the parameters and inputs that it names, the code, modules,
 * schemas and packs bound for it, and the policy. Code that no command names (`uses` of a step that is not pure) counts for every step.
 */
export function keptDifference(stepId: string, before: PlanDocument, after: PlanDocument): string | null {
  const [one, other] = [before, after].map((plan) => plan.steps.find((step) => step.id === stepId));
  if (one === undefined || other === undefined) return "it is not in the new workflow";
  const member = differentMember(one, other);
  if (member !== null) return `its ${member} changed`;
  if (before.policy_digest !== after.policy_digest) return "the policy differs";
  for (const name of paramsOf(one)) if (!isSame(before.params[name], after.params[name])) return `parameter ${name} differs`;
  for (const name of new Set([...Object.keys(before.inputs), ...Object.keys(after.inputs)]))
    if (usesInput(one, name) && !isSame(before.inputs[name], after.inputs[name])) return `input ${name} differs`;
  return differentBinding(one, before, after);
}

function differentMember(one: PlanStep, other: PlanStep): string | null {
  const [left, right] = [plain(one), plain(other)];
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) if (!isSame(left[name], right[name])) return name;
  return null;
}

function differentBinding(step: PlanStep, before: PlanDocument, after: PlanDocument): string | null {
  for (const path of new Set([...codeOf(step, before), ...codeOf(step, after)]))
    if (codeDigest(before, path) !== codeDigest(after, path)) return `code ${path} differs`;
  const modules = (plan: PlanDocument, name: string) => plan.modules.find((module) => module.name === name);
  for (const name of modulesOf(step)) if (!isSame(modules(before, name), modules(after, name))) return `module ${name} differs`;
  const schemas = (plan: PlanDocument, id: string) => plan.schemas.find((schema) => schema.schema_id === id)?.digest;
  for (const id of schemasOf(step)) if (schemas(before, id) !== schemas(after, id)) return `schema ${id} differs`;
  return isSame(before.packs, after.packs) ? null : "the packs differ";
}

function paramsOf(step: PlanStep): readonly string[] {
  return textsOf(step).flatMap((text) => referencesIn(text).flatMap((reference) => (reference.kind === "param" ? [reference.name] : [])));
}

function textsOf({ executor, env, with: given, gates }: PlanStep): readonly JsonValue[] {
  const own: readonly JsonValue[] = [executor.kind === "process" ? [...executor.argv] : [], { ...env }, { ...given }];
  return [...own, ...gates.flatMap(gateTexts)];
}

function gateTexts({ check }: PlanGate): readonly JsonValue[] {
  if (check.kind === "command") return [[...check.argv], { ...check.env }];
  return check.kind === "module" ? [{ ...check.with }] : [];
}

/** Paths of bound code: what commands name, and what nobody's command names, which may be anybody's. */
function codeOf(step: PlanStep, plan: PlanDocument): readonly string[] {
  if (step.code !== undefined) return step.code;
  const own = new Set(argvOf(step));
  const named = new Set([...plan.steps.flatMap(argvOf), ...plan.gates.flatMap(gateArgv), ...plan.modules.map((module) => module.path)]);
  return plan.code.map(({ path }) => path).filter((path) => own.has(path) || !named.has(path));
}

function argvOf({ executor, gates }: PlanStep): readonly string[] {
  return [...(executor.kind === "process" ? executor.argv : []), ...gates.flatMap(gateArgv)].map(withoutDot);
}

function gateArgv({ check }: PlanGate): readonly string[] {
  return check.kind === "command" ? check.argv.map(withoutDot) : [];
}

function withoutDot(item: string): string {
  return item.startsWith("./") ? item.slice(2) : item;
}

function codeDigest(plan: PlanDocument, path: string): string | undefined {
  return plan.code.find((code) => code.path === path)?.digest;
}

function modulesOf({ executor, gates }: PlanStep): readonly string[] {
  return [...(executor.kind === "module" ? [executor.module] : []), ...gates.flatMap(({ check }) => (check.kind === "module" ? [check.module] : []))];
}

function schemasOf({ outputs, gates }: PlanStep): readonly string[] {
  const own = Object.values(outputs).flatMap(({ schema }) => (schema === null ? [] : [schema]));
  return [...own, ...gates.flatMap(({ check }) => (check.kind === "schema" ? [check.schema] : []))];
}

function isSame(one: unknown, other: unknown): boolean {
  return textOf(one) === textOf(other);
}

function textOf(value: unknown): string {
  return value === undefined ? "" : canonicalJson(plain({ value }), { fractions: true });
}

function plain(value: object): Readonly<Record<string, JsonValue>> {
  assert(isJsonObject(value), "R4: a plan is plain JSON");
  return value;
}
