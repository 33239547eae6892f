/**
 * What a pure step depends on, as it is now: one name and one digest for each thing (docs/formats/reuse.md).
 *
 * Owns: what of it cannot change while the run is led: the parts that the plan says, and the payload digests of artifacts.
 * Invariants:
 *   S4 values come out as digests only, and those that are kept nowhere as keyed digests.
 *   Nothing that differs from run to run is part of it: no time, no id, no attempt, no kernel release, no path of this machine.
 * Not responsible for: comparing, and whether what is named here is all that the step can see (its folder and sandbox say that).
 */
import { openEnvelope } from "../artifacts/envelope-seal.ts";
import { assert } from "../base/assert.ts";
import { type Digest, documentDigest, taggedDigest } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { Material } from "../contracts/materials.ts";
import { isSchemaId } from "../contracts/ids.ts";
import type { PlanGate, PlanStep } from "../contracts/plan-document.ts";
import { digestFile, withoutDot } from "../graph/bind-code.ts";
import { resolveText } from "../graph/resolve-template.ts";
import type { StepState, StoredArtifact } from "../graph/run-state.ts";
import { type Reference, referenceText } from "../graph/template.ts";
import { reuseKey, sortedMaterials } from "../judge/why.ts";
import type { MachineFacts } from "../ports/environment-probe.ts";
import type { RunContext } from "./run-context.ts";
import { gateReferences, storedArtifacts, stepReferences } from "./step-references.ts";

/** `unknown` says why it cannot be told; such a step runs, and nothing of it is reused. */
export type MaterialsReading =
  | { readonly kind: "known"; readonly key: Digest; readonly materials: readonly Material[] }
  | { readonly kind: "unknown"; readonly reason: string };

/** A command that the step or one of its gates starts, with the PATH it is looked up in when that is not the caller's. */
interface NamedTool {
  readonly command: string;
  readonly path: string | null;
}

export class MaterialReader {
  readonly #run: RunContext;
  readonly #planned = new WeakMap<PlanStep, readonly Material[]>();
  readonly #contents = new Map<string, Promise<Digest>>();
  #machine: Promise<MachineFacts> | null = null;

  constructor(run: RunContext) {
    this.#run = run;
  }

  /** `fresh`: the machine is looked at again; otherwise as it was when it was asked first. Rejects on what is no LilyError only. */
  async read(step: StepState, options: { readonly fresh: boolean }): Promise<MaterialsReading> {
    try {
      if (options.fresh) this.#machine = null;
      const changing = [await this.#inputs(step), await this.#environment(step.plan), await this.#tools(step.plan), await this.#platform(step.plan)];
      const materials = sortedMaterials([...this.#planParts(step.plan), ...changing.flat()]);
      return { kind: "known", key: reuseKey(materials), materials };
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      return { kind: "unknown", reason: thrown.message };
    }
  }

  #planParts(step: PlanStep): readonly Material[] {
    const known = this.#planned.get(step);
    if (known !== undefined) return known;
    const found = plannedMaterials(this.#run, step);
    this.#planned.set(step, found);
    return found;
  }

  async #inputs({ plan }: StepState): Promise<readonly Material[]> {
    const found = new Map<string, Material>();
    for (const reference of givenReferences(plan)) {
      const name = referenceText(reference).slice(2, -1);
      if ((reference.kind !== "input" && reference.kind !== "output") || found.has(name)) continue;
      const stored = storedOrNone(this.#run, reference);
      const contents: Digest[] = [];
      for (const one of stored) contents.push(await this.#contentOf(one), ...(await this.#bytesInPlace(plan, reference, one)));
      const [first, second] = contents;
      const digest = first !== undefined && second === undefined ? first : documentDigest("reuse", contents);
      found.set(name, { kind: "input", name, digest });
      // How it is called and where it is put is visible to the step too.
      const place = reference.kind === "input" ? (this.#run.plan.inputs[reference.name]?.file ?? null) : null;
      const names = stored.map(({ ref }) => [ref.artifact_name ?? null, ref.media_type, ref.storage_kind]);
      found.set(`${name} (name)`, { kind: "input", name: `${name} (name)`, digest: documentDigest("reuse", [place, ...names]) });
    }
    return [...found.values()];
  }

  /** What the step is given: the payload of an envelope, the bytes of anything else. */
  #contentOf(stored: StoredArtifact): Promise<Digest> {
    const { ref } = stored;
    if (!isSchemaId(ref.artifact_type)) return Promise.resolve(ref.digest);
    const known = this.#contents.get(ref.artifact_id);
    if (known !== undefined) return known;
    const found = this.#run.deps.artifacts
      .readArtifact(ref, stored.inline ?? undefined)
      .then((bytes) => `sha256:${openEnvelope(bytes).meta.payload_sha256}` as Digest);
    this.#contents.set(ref.artifact_id, found);
    found.catch(() => this.#contents.delete(ref.artifact_id));
    return found;
  }

  /** JSON is stored in another form than the file has; a step that reads it where it lies sees that file, spaces and all. */
  async #bytesInPlace(step: PlanStep, reference: Reference, { ref }: StoredArtifact): Promise<readonly Digest[]> {
    const isRead = reference.kind === "input" && step.reads?.includes(reference.name) === true;
    if (!isRead || ref.storage_kind !== "json" || !worksInPlace(step)) return [];
    const file = this.#run.plan.inputs[reference.name]?.file ?? null;
    return file === null ? [] : [await digestFile(this.#run.tree, parseRelativePath(file))];
  }

  async #environment(step: PlanStep): Promise<readonly Material[]> {
    const { probe, keyed } = this.#run.deps;
    const found: Material[] = [];
    const own = new Set(Object.keys(step.env));
    for (const [name, value] of Object.entries(probe.base())) if (!own.has(name)) found.push({ kind: "environment", name, digest: textDigest(value) });
    // As it is written: parameters and inputs that it names are materials of their own.
    for (const [name, template] of Object.entries(step.env)) found.push({ kind: "environment", name, digest: textDigest(template) });
    if (step.env_affects_output !== true) return found;
    for (const [name, value] of Object.entries(probe.select(takenPatterns(step)))) {
      if (!own.has(name)) found.push({ kind: "environment", name, digest: await keyed(`environment\n${name}\n${value}`) });
    }
    return [...new Map(found.map((one) => [one.name, one])).values()];
  }

  async #tools(step: PlanStep): Promise<readonly Material[]> {
    const { processes, probe } = this.#run.deps;
    const code = new Set(step.code ?? []);
    const found = new Map<string, Material>();
    for (const { command, path } of this.#toolsOf(step)) {
      // A file of the plan's code is there by its digest already.
      if (found.has(command) || code.has(withoutDot(command))) continue;
      const tool = await processes.resolveTool(command, path ?? probe.base().PATH, this.#run.sourceDir);
      if (tool === null) throw new LilyError("INPUT_NOT_FOUND", `the tool ${command} was not found`);
      found.set(command, { kind: "tool", name: command, digest: await processes.digestTool(tool.path) });
    }
    return [...found.values()];
  }

  #toolsOf(step: PlanStep): readonly NamedTool[] {
    const { executor } = step;
    const tools: NamedTool[] = [];
    if (executor.kind === "process") tools.push(this.#toolOf(executor.argv[0] ?? "", step.env));
    if (executor.kind === "shell") tools.push(this.#toolOf("/bin/sh", step.env));
    for (const { check } of step.gates) if (check.kind === "command") tools.push(this.#toolOf(check.argv[0] ?? "", check.env));
    return tools;
  }

  /** Throws when what is started is known only while the run goes on. */
  #toolOf(command: string, env: Readonly<Record<string, string>>): NamedTool {
    const path = env["PATH"];
    return { command: this.#textNow(command), path: path === undefined ? null : this.#textNow(path) };
  }

  #textNow(text: string): string {
    return resolveText(text, (reference) => {
      const value = reference.kind === "param" ? this.#run.plan.params[reference.name] : undefined;
      if (value === undefined) throw new LilyError("WORKFLOW_INVALID", `${text} names ${referenceText(reference)}, so what is started is not known beforehand`);
      return value;
    });
  }

  async #platform(step: PlanStep): Promise<readonly Material[]> {
    this.#machine ??= this.#run.deps.probe.machine(this.#run.sourceDir);
    const { os, arch, runtime, lockfiles } = await this.#machine;
    const platform = (name: string, value: string): Material => ({ kind: "platform", name, digest: textDigest(value) });
    const hasModule = step.executor.kind === "module" || step.gates.some(({ check }) => check.kind === "module");
    return [
      platform("os", os),
      platform("arch", arch),
      ...(hasModule ? [platform("runtime", runtime)] : []),
      ...lockfiles.map(({ path, sha256 }): Material => ({ kind: "lockfile", name: path, digest: `sha256:${sha256}` as Digest })),
    ];
  }
}

/** What the plan alone says: code, parameters, modules, schemas, policy, and the definitions of the step and its gates. */
function plannedMaterials({ plan }: RunContext, step: PlanStep): readonly Material[] {
  const found: Material[] = [
    { kind: "policy", name: "policy", digest: plan.policy_digest },
    { kind: "step", name: step.id, digest: documentDigest("fragment", stepFragment(step)) },
  ];
  const modules = modulesOf(step).map((name) => {
    const bound = plan.modules.find((one) => one.name === name);
    assert(bound !== undefined, `R4: the plan binds the module ${name} that it names`);
    return bound;
  });
  const moduleFiles = new Set(modules.flatMap((one) => (one.pack === undefined ? [one.path] : [])));
  const code = new Map(plan.code.map((file) => [file.path, file.digest]));
  for (const path of step.code ?? []) {
    const digest = code.get(path);
    assert(digest !== undefined, `R4: the plan binds the file ${path} of step ${step.id}`);
    if (!moduleFiles.has(path)) found.push({ kind: "code", name: path, digest });
  }
  for (const { name, digest, pack } of modules) {
    const bound = plan.packs?.find((one) => one.name === pack);
    found.push(bound === undefined ? { kind: "module", name, digest } : { kind: "pack", name: bound.name, digest: bound.digest });
  }
  for (const reference of givenReferences(step)) {
    if (reference.kind === "param") found.push({ kind: "param", name: reference.name, digest: documentDigest("reuse", plan.params[reference.name] ?? null) });
  }
  for (const gate of step.gates) found.push({ kind: "gate", name: gate.id, digest: documentDigest("fragment", gateFragment(gate, step)) });
  for (const id of schemasOf(step)) {
    const bound = plan.schemas.find((one) => one.schema_id === id);
    if (bound !== undefined) found.push({ kind: "schema", name: id, digest: bound.digest });
  }
  return [...new Map(found.map((one) => [`${one.kind}:${one.name}`, one])).values()];
}

/** What makes the step this step. Not its title, time limit, retries, effects and log limit: they do not change what it makes. */
function stepFragment(step: PlanStep): JsonValue {
  const { id, executor, reads, outputs, workdir } = step;
  return { id, executor: { ...executor }, with: step.with, reads: reads ?? [], outputs: outputsFragment(outputs), workdir };
}

function outputsFragment(outputs: PlanStep["outputs"]): JsonValue {
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, { ...output }]));
}

function gateFragment({ id, required, check }: PlanGate, step: PlanStep): JsonValue {
  if (check.kind === "hash") return { id, required, check: { kind: "hash", hash: { ...check.hash } } };
  if (check.kind !== "command" || step.env_affects_output !== false) return { id, required, check: { ...check } };
  const { kind, argv, env } = check;
  return { id, required, check: { kind, argv, env } };
}

function modulesOf(step: PlanStep): readonly string[] {
  const own = step.executor.kind === "module" ? [step.executor.module] : [];
  return [...new Set([...own, ...step.gates.flatMap(({ check }) => (check.kind === "module" ? [check.module] : []))])];
}

function schemasOf(step: PlanStep): readonly string[] {
  const outputs = Object.values(step.outputs).flatMap(({ schema }) => (schema === null ? [] : [schema]));
  return [...new Set([...outputs, ...step.gates.flatMap(({ check }) => (check.kind === "schema" ? [check.schema] : []))])];
}

/** What the step and its gates are given by others; its own outputs are what it makes. */
function givenReferences(step: PlanStep): readonly Reference[] {
  return [...stepReferences(step), ...step.gates.flatMap(gateReferences)].filter((one) => one.kind !== "output" || one.step !== step.id);
}

/** Whether what the step `reads` lies in the project's folder and not in one of its own. */
export function worksInPlace({ workdir, executor }: PlanStep): boolean {
  return workdir !== "isolated" || executor.kind === "module";
}

/** Names and patterns of the caller's environment, of the step and of the commands of its gates. */
function takenPatterns(step: PlanStep): readonly string[] {
  const gates = step.gates.flatMap(({ check }) => (check.kind === "command" ? [...check.env_from, ...check.secrets] : []));
  return [...new Set([...step.env_from, ...step.secrets, ...gates])];
}

/** An optional output may not be there; the step is told nothing of it. */
function storedOrNone(run: RunContext, reference: Reference): readonly StoredArtifact[] {
  try {
    return storedArtifacts(run.state, reference);
  } catch (thrown) {
    if (isLilyError(thrown, "STEP_OUTPUT_MISSING")) return [];
    throw thrown;
  }
}

function textDigest(text: string): Digest {
  return taggedDigest("reuse", text);
}

const readers = new WeakMap<RunContext, MaterialReader>();

/** One reader for as long as the run is led. */
export function materialReaderOf(run: RunContext): MaterialReader {
  const reader = readers.get(run) ?? new MaterialReader(run);
  readers.set(run, reader);
  return reader;
}
