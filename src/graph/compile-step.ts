/** One step, and one gate, of a plan: every default written out, every reference kept. */
import { parseDuration } from "../base/duration.ts";
import { LilyError } from "../base/lily-error.ts";
import type {
  PlanEnvironment,
  PlanExecutor,
  PlanGate,
  PlanGateCheck,
  PlanHashGate,
  PlanOutput,
  PlanPolicy,
  PlanRetry,
  PlanStep,
} from "../contracts/plan-document.ts";
import { referencesIn } from "./resolve-template.ts";
import type { Reference } from "./template.ts";
import type { WorkflowDocument, WorkflowGate, WorkflowHashGate, WorkflowOutput, WorkflowRetry, WorkflowStep } from "./workflow-document.ts";

export const retryDefaults: PlanRetry = { max: 0, backoff_ms: 1_000, factor: 2, max_backoff_ms: 30_000 };
/** Gates always end: one that is never judged would hold the run for ever. */
export const gateTimeoutMsDefault = 300_000;
export const logBytesMaxDefault = 64 * 1024 * 1024;

/** What a step's plan takes from the rest of the document. */
export interface StepSurroundings {
  readonly document: WorkflowDocument;
  /** Its ceilings hold whatever step or defaults say. */
  readonly policy: PlanPolicy;
  /** The document position of every step id, so that needs come in document order. */
  readonly position: ReadonlyMap<string, number>;
  /** Outputs that references name, by step. */
  readonly referenced: ReadonlyMap<string, ReadonlySet<string>>;
  /** Modules that packs bring: they run in a process of their own. */
  readonly packModules?: ReadonlySet<string>;
}

export function compileStep(id: string, step: WorkflowStep, { document, policy, position, referenced, packModules = new Set() }: StepSurroundings): PlanStep {
  const timeout = step.timeout ?? document.defaults?.timeout;
  return {
    id,
    title: step.title ?? null,
    needs: needsOf(id, step).sort((left, right) => (position.get(left) ?? 0) - (position.get(right) ?? 0)),
    executor: compileExecutor(id, step, packModules),
    with: step.with ?? {},
    ...(step.reads === undefined || step.reads.length === 0 ? {} : { reads: step.reads }),
    outputs: compileOutputs(step, referenced.get(id) ?? new Set()),
    ...compileEnvironment(step),
    workdir: step.workdir ?? document.workdir ?? "source",
    timeout_ms: clampTimeout(timeout === undefined ? null : parseDuration(timeout), policy),
    retry: clampRetry(compileRetry(step.retry ?? {}, document.defaults?.retry ?? {}), policy),
    pure: step.pure ?? false,
    ...(step.pure === true && step.env_affects_output !== undefined ? { env_affects_output: step.env_affects_output } : {}),
    effects: (step.effects ?? []).map(({ category, description, reversible, hint }) => ({
      category,
      description,
      reversible: reversible ?? null,
      hint: hint ?? null,
    })),
    gates: (step.gates ?? []).map((gate) => compileGate(gate, document, policy, packModules)),
    log_bytes_max: step.log_limit ?? logBytesMaxDefault,
  };
}

/** Explicit needs, and the steps whose outputs this step or one of its gates names; each once, never the step itself. */
export function needsOf(id: string, step: WorkflowStep): string[] {
  const needs = new Set(step.needs ?? []);
  for (const reference of referencesOf(step)) if (reference.kind === "output") needs.add(reference.step);
  needs.delete(id);
  return [...needs];
}

function referencesOf(step: WorkflowStep): readonly Reference[] {
  const own = [step.run ?? [], step.env ?? {}, step.with ?? {}].flatMap(referencesIn);
  return step.gates === undefined ? own : [...own, ...step.gates.flatMap(gateReferences)];
}

function gateReferences(gate: WorkflowGate): readonly Reference[] {
  return [gate.run ?? [], gate.env ?? {}, gate.of ?? "", gate.with ?? {}].flatMap(referencesIn);
}

/** Every output that a reference of the document names, by step. */
export function referencedOutputs(document: WorkflowDocument): ReadonlyMap<string, ReadonlySet<string>> {
  const named = new Map<string, Set<string>>();
  const note = (reference: Reference) => {
    if (reference.kind !== "output") return;
    const known = named.get(reference.step);
    if (known === undefined) named.set(reference.step, new Set([reference.output]));
    else known.add(reference.output);
  };
  for (const step of Object.values(document.steps)) referencesOf(step).forEach(note);
  (document.gates ?? []).flatMap(gateReferences).forEach(note);
  return named;
}

export function compileGate(gate: WorkflowGate, document: WorkflowDocument, policy: PlanPolicy, packModules: ReadonlySet<string> = new Set()): PlanGate {
  const timeout = gate.timeout ?? document.defaults?.timeout;
  return {
    id: gate.id,
    required: gate.required ?? true,
    timeout_ms: clampTimeout(timeout === undefined ? gateTimeoutMsDefault : parseDuration(timeout), policy) ?? gateTimeoutMsDefault,
    check: compileCheck(gate, packModules),
  };
}

function compileCheck(gate: WorkflowGate, packModules: ReadonlySet<string>): PlanGateCheck {
  if (gate.run !== undefined) return { kind: "command", argv: gate.run, ...compileEnvironment(gate) };
  if (gate.schema !== undefined && gate.of !== undefined) return { kind: "schema", schema: gate.schema, of: gate.of };
  if (gate.hash !== undefined) return { kind: "hash", hash: compileHash(gate.hash) };
  if (gate.module !== undefined) {
    const isolation = isolationOf(gate.module, gate.isolation, packModules);
    return { kind: "module", module: gate.module, isolation, with: gate.with ?? {} };
  }
  throw new LilyError("EXECUTOR_UNAVAILABLE", `gate ${gate.id}: this version judges gates with run, schema and of, hash, or module`, {
    details: { gate_id: gate.id },
  });
}

function compileHash(hash: WorkflowHashGate): PlanHashGate {
  return {
    law: hash.law,
    root: hash.root,
    flag: hash.flag ?? null,
    index: hash.index ?? null,
    ordering: hash.ordering ?? "ascii_lex",
    path_base: hash.path_base ?? "bundle_root",
    exclude_filenames: hash.exclude_filenames ?? [],
    digest_field: hash.digest_field ?? null,
    pointer: hash.pointer ?? null,
    equals: hash.equals ?? null,
  };
}

/** A module of a pack is never in-process, also where nobody checked the document. */
function isolationOf(module: string, given: "none" | "process" | undefined, packModules: ReadonlySet<string>): "none" | "process" {
  return packModules.has(module) ? "process" : (given ?? "none");
}

function compileExecutor(id: string, step: WorkflowStep, packModules: ReadonlySet<string>): PlanExecutor {
  if (step.run !== undefined) return { kind: "process", argv: step.run };
  if (step.shell !== undefined) return { kind: "shell", text: step.shell };
  if (step.module !== undefined) return { kind: "module", module: step.module, isolation: isolationOf(step.module, step.isolation, packModules) };
  throw new LilyError("EXECUTOR_UNAVAILABLE", `step ${id}: this version has the executors process (run), shell and module`, { details: { step_id: id } });
}

/** Names are a set: their order means nothing, so it does not reach the digest. */
function compileEnvironment(from: Pick<WorkflowStep, "env" | "env_from" | "secrets">): PlanEnvironment {
  return { env: from.env ?? {}, env_from: sorted(from.env_from ?? []), secrets: sorted(from.secrets ?? []) };
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

/** A module step may leave its outputs to the module; what others refer to is then what it must return. */
function compileOutputs(step: WorkflowStep, referenced: ReadonlySet<string>): Readonly<Record<string, PlanOutput>> {
  const declared = Object.entries(step.outputs ?? {});
  const implied = step.module !== undefined && step.outputs === undefined ? [...referenced].map((name) => [name, {}] as const) : [];
  return Object.fromEntries([...declared, ...implied].map(([name, output]) => [name, compileOutput(output)]));
}

function compileOutput(output: WorkflowOutput): PlanOutput {
  return {
    path: output.path ?? null,
    glob: output.glob ?? null,
    schema: output.schema ?? null,
    media_type: output.media_type ?? null,
    optional: output.optional ?? false,
  };
}

function compileRetry(own: WorkflowRetry, defaults: WorkflowRetry): PlanRetry {
  const backoff = own.backoff ?? defaults.backoff;
  const longest = own.max_backoff ?? defaults.max_backoff;
  return {
    max: own.max ?? defaults.max ?? retryDefaults.max,
    backoff_ms: backoff === undefined ? retryDefaults.backoff_ms : parseDuration(backoff),
    factor: own.factor ?? defaults.factor ?? retryDefaults.factor,
    max_backoff_ms: longest === undefined ? retryDefaults.max_backoff_ms : parseDuration(longest),
  };
}

/** A step without a timeout has the ceiling. */
function clampTimeout(timeoutMs: number | null, { timeout_max_ms: maxMs }: PlanPolicy): number | null {
  if (maxMs === undefined) return timeoutMs;
  return timeoutMs === null ? maxMs : Math.min(timeoutMs, maxMs);
}

function clampRetry(retry: PlanRetry, { retry_max: max }: PlanPolicy): PlanRetry {
  return max === undefined ? retry : { ...retry, max: Math.min(retry.max, max) };
}
