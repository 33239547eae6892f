/**
 * Turns a checked workflow into its plan and the digest of it. Every default is written out, durations become milliseconds, needs
 * that references imply become explicit, and code is bound by digest. References stay in argv, `env` and `with` as they were written;
 * the values of parameters stand once, under `params`. No clock, no machine path and no secret value enters. Format: docs/formats/plan.md.
 */
import { type Digest, documentDigest } from "../base/digest.ts";
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import type { PlanDocument, PlanGate, PlanInput, PlanModule, PlanPolicy, PlanRoute, PlanRouteAction, PlanStep } from "../contracts/plan-document.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { bindCode, bindModule, codeOfStep } from "./bind-code.ts";
import { refuseUnboundPaths } from "./unbound-paths.ts";
import { composePolicy, type PolicyLayer } from "./compose-policy.ts";
import { compileGate, compileStep, referencedOutputs } from "./compile-step.ts";
import { resolveParams } from "./param-schema.ts";
import { referencesIn, resolveArgv, resolveText } from "./resolve-template.ts";
import type { Reference } from "./template.ts";
import type { WorkflowDocument, WorkflowRoute } from "./workflow-document.ts";

export interface CompilePlanOptions {
  /** A document without problems; what the check would refuse is refused here only where the plan could not be built. */
  readonly document: WorkflowDocument;
  /** Texts from the command line, or values. */
  readonly params?: Readonly<Record<string, JsonValue>>;
  /** Policies of packs, in order, then of the workspace; the document's own is joined to them last. */
  readonly policyLayers?: readonly PolicyLayer[];
  /** The workflow's folder. */
  readonly tree: FileTree;
  /** Registered modules: name to path, relative to `moduleTree`. */
  readonly modules?: Readonly<Record<string, string>>;
  /** The folder of lily.yaml, when it is another than the workflow's. */
  readonly moduleTree?: FileTree;
  /** Packs of the workspace, in the order of lily.yaml. */
  readonly packs?: readonly PlannedPack[];
  /** Registered schemas, built-in ones included: id to digest. */
  readonly schemas?: Readonly<Record<string, Digest>>;
}

/** A pack as a plan binds it. */
export interface PlannedPack {
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly tree: FileTree;
  /** Module name to path, relative to `tree`. */
  readonly modules: Readonly<Record<string, string>>;
}

export interface CompiledPlan {
  readonly plan: PlanDocument;
  readonly planHash: Digest;
}

/** Throws PARAM_INVALID, SCHEMA_UNKNOWN, MODULE_NOT_FOUND, EXECUTOR_UNAVAILABLE, WORKFLOW_INVALID, DURATION_INVALID and the errors of the tree. */
export async function compilePlan(options: CompilePlanOptions): Promise<CompiledPlan> {
  const { document, tree } = options;
  const moduleTree = options.moduleTree ?? tree;
  const params = await resolveParams(paramSchemas(document), options.params ?? {});
  const packs = options.packs ?? [];
  const packModules = new Set(packs.flatMap((pack) => Object.keys(pack.modules)));
  const policy = composePolicy([...(options.policyLayers ?? []), { origin: "the workflow", policy: document.policy ?? {} }]);
  const steps = compileSteps(document, policy, packModules);
  const inputs = compileInputs(document);
  const gates = (document.gates ?? []).map((gate) => compileGate(gate, document, policy, packModules));
  refuseOptionParams(steps, gates, params);
  const uses = [...new Set(Object.values(document.steps).flatMap((step) => step.uses ?? []))].sort();
  const modules = await bindModules(steps, gates, options.modules ?? {}, moduleTree, packs);
  const modulePaths = moduleTree === tree ? modules.filter((module) => module.pack === undefined).map((module) => module.path) : [];
  const code = await bindCode({ steps, gates, inputs, uses, modulePaths, itemText: (item) => itemText(item, params) }, tree);
  const plan: PlanDocument = {
    v: 1,
    workflow: document.workflow,
    title: document.title ?? null,
    params,
    inputs,
    policy,
    policy_digest: documentDigest("policy", jsonOf(policy)),
    steps: await withCode(steps, document, modules, modulePaths, code, params, tree),
    gates,
    routes: (document.routes ?? []).map(compileRoute),
    code,
    uses,
    modules,
    ...(packs.length === 0 ? {} : { packs: packs.map(({ name, version, digest }) => ({ name, version, digest })) }),
    schemas: bindSchemas(document, steps, gates, options.schemas ?? {}),
  };
  return { plan, planHash: planHashOf(plan) };
}

/** A pure step says which of the bound files are its own; the others are kept out of its folder and its key. */
async function withCode(
  steps: readonly PlanStep[],
  document: WorkflowDocument,
  modules: readonly PlanModule[],
  modulePaths: readonly string[],
  code: PlanDocument["code"],
  params: Readonly<Record<string, JsonValue>>,
  tree: FileTree,
): Promise<readonly PlanStep[]> {
  const placed: PlanStep[] = [];
  const known = new Map<string, readonly string[]>();
  for (const step of steps) {
    if (!step.pure) {
      placed.push(step);
      continue;
    }
    const { executor } = step;
    const named = new Set(step.gates.flatMap(({ check }) => (check.kind === "module" ? [check.module] : [])));
    if (executor.kind === "module") named.add(executor.module);
    const own = modules.filter((one) => named.has(one.name) && one.pack === undefined).map((one) => one.path);
    const ownModules = own.filter((path) => modulePaths.includes(path));
    const uses = document.steps[step.id]?.uses ?? [];
    // A plan may have ten thousand steps that differ in their inputs alone.
    const same = JSON.stringify([uses, ownModules, executor.kind === "process" ? executor.argv : null, step.gates.map(({ check }) => check)]);
    if (!known.has(same)) await refuseUnboundPaths(step, (item) => itemText(item, params), tree);
    const files = known.get(same) ?? (await codeOfStep(step, uses, ownModules, code, (item) => itemText(item, params), tree));
    known.set(same, files);
    placed.push({ ...step, code: files });
  }
  return placed;
}

/** The digest of a plan: what is approved, and what a resumed run must still have. */
export function planHashOf(plan: PlanDocument): Digest {
  return documentDigest("plan", jsonOf(plan));
}

/** Plans are data; this says so to the types without a copy. */
function jsonOf(value: object): JsonObject {
  if (isJsonObject(value)) return value;
  throw new LilyError("INTERNAL_INVARIANT", "a plan is a plain object");
}

function paramSchemas(document: WorkflowDocument): Readonly<Record<string, JsonObject>> {
  return document.params ?? {};
}

function compileSteps(document: WorkflowDocument, policy: PlanPolicy, packModules: ReadonlySet<string>): readonly PlanStep[] {
  const position = new Map(Object.keys(document.steps).map((id, index) => [id, index]));
  const surroundings = { document, policy, position, referenced: referencedOutputs(document), packModules };
  return Object.entries(document.steps).map(([id, step]) => compileStep(id, step, surroundings));
}

function compileInputs(document: WorkflowDocument): Readonly<Record<string, PlanInput>> {
  const entries = Object.entries(document.inputs ?? {});
  return Object.fromEntries(
    entries.map(([name, input]) => [name, { file: input.file ?? null, schema: input.schema ?? null, media_type: input.media_type ?? null }]),
  );
}

function compileRoute(route: WorkflowRoute): PlanRoute {
  const { step, gate, status, violation, exhausted } = route.when;
  const when = {
    step: step ?? null,
    gate: gate ?? null,
    status: status ?? null,
    violation: violation ?? null,
    ...(exhausted === undefined ? {} : { exhausted }),
  };
  return { id: route.id, when, do: compileAction(route) };
}

/** A bound that is not written is one: a route that may repeat for ever must not be the default (E3). */
function compileAction({ id, do: action }: WorkflowRoute): PlanRouteAction {
  const max = action.max ?? 1;
  if (action.goto !== undefined) return { kind: "goto", target: action.goto, max };
  if (action.retry !== undefined) return { kind: "retry", max };
  if (action.escalate !== undefined) return { kind: "escalate", reason: action.escalate };
  if (action.abort !== undefined) return { kind: "abort", reason: action.abort };
  if (action.continue !== undefined) return { kind: "continue" };
  throw new LilyError("WORKFLOW_INVALID", `route ${id} does nothing`);
}

/** Every module that a step or a gate names, once, by name. */
async function bindModules(
  steps: readonly PlanStep[],
  runGates: readonly PlanGate[],
  registered: Readonly<Record<string, string>>,
  tree: FileTree,
  packs: readonly PlannedPack[],
): Promise<readonly PlanModule[]> {
  const names = new Set(steps.flatMap((step) => (step.executor.kind === "module" ? [step.executor.module] : [])));
  for (const { check } of [...steps.flatMap((step) => step.gates), ...runGates]) if (check.kind === "module") names.add(check.module);
  const modules: PlanModule[] = [];
  for (const name of [...names].sort()) {
    const pack = packs.find((one) => Object.hasOwn(one.modules, name));
    const packPath = pack?.modules[name];
    if (pack !== undefined && packPath !== undefined) {
      modules.push({ ...(await bindModule(name, packPath, pack.tree)), pack: pack.name });
      continue;
    }
    const path = Object.hasOwn(registered, name) ? registered[name] : undefined;
    if (path === undefined) throw new LilyError("MODULE_NOT_FOUND", `module ${name} is not registered in lily.yaml`, { details: { module: name } });
    modules.push(await bindModule(name, path, tree));
  }
  return modules;
}

function bindSchemas(
  document: WorkflowDocument,
  steps: readonly PlanStep[],
  gates: readonly PlanGate[],
  known: Readonly<Record<string, Digest>>,
): PlanDocument["schemas"] {
  const ids = new Set<string>();
  for (const input of Object.values(document.inputs ?? {})) if (input.schema !== undefined) ids.add(input.schema);
  for (const step of steps) for (const output of Object.values(step.outputs)) if (output.schema !== null) ids.add(output.schema);
  for (const gate of [...steps.flatMap((step) => step.gates), ...gates]) if (gate.check.kind === "schema") ids.add(gate.check.schema);
  return [...ids].sort().map((schema_id) => {
    const digest = Object.hasOwn(known, schema_id) ? known[schema_id] : undefined;
    if (digest === undefined) throw new LilyError("SCHEMA_UNKNOWN", `schema ${schema_id} is not registered in lily.yaml`, { details: { schema_id } });
    return { schema_id, digest };
  });
}

/** The text of an argv item when parameters alone decide it. */
function itemText(item: string, params: Readonly<Record<string, JsonValue>>): string | null {
  if (referencesIn(item).some((reference) => reference.kind !== "param")) return null;
  return resolveText(item, (reference) => paramOf(reference, params));
}

/** Finds parameters that would pass as options before anything runs; other values are known only then. */
function refuseOptionParams(steps: readonly PlanStep[], runGates: readonly PlanGate[], params: Readonly<Record<string, JsonValue>>): void {
  const lookup = (reference: Reference) => (reference.kind === "param" ? paramOf(reference, params) : "");
  for (const step of steps) if (step.executor.kind === "process") resolveArgv(step.executor.argv, lookup);
  for (const gate of [...steps.flatMap((step) => step.gates), ...runGates]) if (gate.check.kind === "command") resolveArgv(gate.check.argv, lookup);
}

function paramOf(reference: Reference, params: Readonly<Record<string, JsonValue>>): JsonValue {
  const value = reference.kind === "param" && Object.hasOwn(params, reference.name) ? params[reference.name] : undefined;
  if (value === undefined) throw new LilyError("WORKFLOW_INVALID", `reference to ${JSON.stringify(reference)} has no value`);
  return value;
}
