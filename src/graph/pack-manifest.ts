/**
 * `lily-pack.yaml`, the manifest of a pack: what it brings, each under a name that begins with the pack's own. Strict like lily.yaml:
 * every problem has its line, unknown members have a suggestion. Format: docs/formats/pack.md.
 */
import { z } from "zod";
import { caseTwins } from "../base/identifier.ts";
import { relativePathProblem } from "../base/relative-path.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import { checkPolicyTexts } from "./check-policy.ts";
import { checkTemplates } from "./check-pack-templates.ts";
import { isLeftOut } from "./pack-files.ts";
import type { PackTemplate } from "./pack-template.ts";
import { parseLocated } from "./parse-located.ts";
import { ProblemList, type Report } from "./problem-list.ts";
import { reportIssues } from "./structure-problems.ts";
import { type WorkflowPolicy, type WorkflowRoute, workflowPolicySchema } from "./workflow-document.ts";

export const packManifestNames = ["lily-pack.yaml", "lily-pack.json"] as const;
export const packManifestBytesMax = 1024 * 1024;

/** A route that follows what came from a template of the same pack, wherever it was used. */
export interface PackRoute {
  readonly id: string;
  readonly template: string;
  readonly status: WorkflowRoute["when"]["status"];
  readonly violation: boolean | null;
  readonly do: WorkflowRoute["do"];
}

export interface PackManifest {
  readonly pack: string;
  readonly version: string;
  /** The versions of Lily that it works with, as a semver range. */
  readonly kernel: string;
  readonly title: string | null;
  /** Schema id to path in the pack's folder. */
  readonly schemas: Readonly<Record<string, string>>;
  /** Module name to path in the pack's folder. */
  readonly modules: Readonly<Record<string, string>>;
  /** Name to the beginning of an argv. */
  readonly executors: Readonly<Record<string, readonly string[]>>;
  readonly stepTemplates: Readonly<Record<string, PackTemplate>>;
  readonly gateTemplates: Readonly<Record<string, PackTemplate>>;
  readonly routes: readonly PackRoute[];
  readonly policy: WorkflowPolicy | null;
}

const reserved = ["lily", "kernel", "builtin", "workspace"];
const namePattern = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;
const packName = z.string().max(64).regex(namePattern, { error: "is not a pack name: lowercase letters, digits and '_', in parts divided by '.'" });
const idText = z.string().regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: "is not an identifier" });
const schemaName = z
  .string()
  .max(128)
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9]\d{0,5}$/, { error: "is not a schema id of the form name.vN" });
const pathText = z.string().min(1).max(1024);
const text = z.string().max(4096);
const entriesMax = 1_000;

const paramsSchema = z.record(idText, z.record(z.string(), z.json())).nullable().optional();
const bodySchema = z.record(z.string(), z.json());
const stepTemplateSchema = z.strictObject({ title: text.optional(), params: paramsSchema, step: bodySchema });
const gateTemplateSchema = z.strictObject({ title: text.optional(), params: paramsSchema, gate: bodySchema });
const executorSchema = z.strictObject({ run: z.array(z.string().max(4096)).min(1).max(100) });
const whenSchema = z.strictObject({
  template: idText,
  status: z.enum(["failed", "timeout", "interrupted", "error"]).optional(),
  violation: z.boolean().optional(),
});
const doShape = {
  retry: z.literal(true).optional(),
  escalate: text.min(1).optional(),
  abort: text.min(1).optional(),
  continue: z.literal(true).optional(),
  max: z.int().min(1).max(100).optional(),
};
const routeSchema = z.strictObject({ id: idText, when: whenSchema, do: z.strictObject(doShape) });

const manifestSchema = z.strictObject({
  pack: packName,
  version: z.string().max(128),
  kernel: z.string().max(256),
  title: text.optional(),
  schemas: z.record(schemaName, pathText).nullable().optional(),
  modules: z.record(idText, pathText).nullable().optional(),
  executors: z.record(idText, executorSchema).nullable().optional(),
  step_templates: z.record(idText, stepTemplateSchema).nullable().optional(),
  gate_templates: z.record(idText, gateTemplateSchema).nullable().optional(),
  routes: z.array(routeSchema).max(entriesMax).nullable().optional(),
  policy: workflowPolicySchema.nullable().optional(),
});

type ManifestText = z.output<typeof manifestSchema>;

export interface ParsedManifest {
  /** Null when there is any problem. */
  readonly manifest: PackManifest | null;
  readonly problems: readonly ProblemView[];
}

/** `reservedNames` are names that no pack may have besides the fixed ones: those of built-in schemas. Never throws for what the bytes say. */
export async function parsePackManifest(bytes: Uint8Array, fileName: string, reservedNames: Iterable<string> = []): Promise<ParsedManifest> {
  const { document, problems } = parseLocated(bytes, fileName);
  if (document === null) {
    const views = problems.map(({ code, message, place }) => ({
      code,
      message,
      file: fileName,
      line: place?.line ?? null,
      column: place?.column ?? null,
      path: null,
      suggestion: null,
    }));
    return { manifest: null, problems: views };
  }
  const list = new ProblemList(fileName, document.locate, "PACK_INVALID");
  const parsed = manifestSchema.safeParse(document.value);
  if (!parsed.success) {
    reportIssues(parsed.error.issues, document.value, manifestMembersAt, list.add);
    return { manifest: null, problems: list.sorted() };
  }
  const manifest = manifestOf(parsed.data);
  checkName(manifest.pack, [...reserved, ...reservedNames], list.add);
  await checkVersions(manifest, list.add);
  checkNames(manifest, list.add);
  checkPaths("schemas", manifest.schemas, list.add);
  checkPaths("modules", manifest.modules, list.add);
  checkExecutors(manifest, list.add);
  await checkTemplates("step", manifest.stepTemplates, list.add);
  await checkTemplates("gate", manifest.gateTemplates, list.add);
  checkRoutes(manifest, list.add);
  checkPolicyTexts({ report: list.add }, manifest.policy ?? {}, ["policy"]);
  const found = list.sorted();
  return { manifest: found.length === 0 ? manifest : null, problems: found };
}

function manifestOf(given: ManifestText): PackManifest {
  const routes = (given.routes ?? []).map(({ id, when, do: action }) => ({
    id,
    template: when.template,
    status: when.status,
    violation: when.violation ?? null,
    do: action,
  }));
  return {
    pack: given.pack,
    version: given.version,
    kernel: given.kernel,
    title: given.title ?? null,
    schemas: withoutDots(given.schemas ?? {}),
    modules: withoutDots(given.modules ?? {}),
    executors: Object.fromEntries(Object.entries(given.executors ?? {}).map(([name, { run }]) => [name, run])),
    stepTemplates: Object.fromEntries(
      Object.entries(given.step_templates ?? {}).map(([id, { title, params, step }]) => [id, { title: title ?? null, params: params ?? {}, body: step }]),
    ),
    gateTemplates: Object.fromEntries(
      Object.entries(given.gate_templates ?? {}).map(([id, { title, params, gate }]) => [id, { title: title ?? null, params: params ?? {}, body: gate }]),
    ),
    routes,
    policy: given.policy ?? null,
  };
}

function manifestMembersAt(path: readonly PropertyKey[]): readonly string[] | null {
  const [root, , below] = path;
  if (path.length === 0) return Object.keys(manifestSchema.shape);
  if (root === "policy") return path.length === 1 ? Object.keys(workflowPolicySchema.shape) : ["allow", "deny"];
  if (root === "executors") return Object.keys(executorSchema.shape);
  if (root === "step_templates") return Object.keys(stepTemplateSchema.shape);
  if (root === "gate_templates") return Object.keys(gateTemplateSchema.shape);
  if (root !== "routes") return null;
  if (below === undefined) return Object.keys(routeSchema.shape);
  return below === "when" ? Object.keys(whenSchema.shape) : Object.keys(doShape);
}

function checkName(pack: string, names: Iterable<string>, report: Report): void {
  const [first = ""] = pack.split(".");
  if (new Set(names).has(first)) report(["pack"], `${JSON.stringify(first)} is reserved for Lily itself; give the pack another name`);
}

async function checkVersions({ version, kernel }: PackManifest, report: Report): Promise<void> {
  const { default: semver } = await import("semver");
  if (semver.valid(version) !== version) report(["version"], `${JSON.stringify(version)} is not a version as semver writes it, for example 1.2.0`);
  if (kernel.trim() === "" || semver.validRange(kernel) === null)
    report(["kernel"], `${JSON.stringify(kernel)} is not a range of versions, for example ">=0.1.0 <1"`);
}

/** Everything that a pack brings is named after it, so that two packs meet only when their names do. */
function checkNames(manifest: PackManifest, report: Report): void {
  const { pack, schemas, modules, executors, stepTemplates, gateTemplates, routes } = manifest;
  const groups = [
    ["schemas", schemas],
    ["modules", modules],
    ["executors", executors],
    ["step_templates", stepTemplates],
    ["gate_templates", gateTemplates],
  ] as const;
  const named = (path: readonly PropertyKey[], id: string): void => {
    if (id.startsWith(`${pack}.`) && id.length > pack.length + 1) return;
    const suggestion = `${pack}.${id}`;
    report(path, `the name ${JSON.stringify(id)} must begin with ${JSON.stringify(`${pack}.`)}`, suggestion.length <= 128 ? { suggestion } : {});
  };
  for (const [member, entries] of groups) {
    const ids = Object.keys(entries);
    if (ids.length > entriesMax) report([member], `has more than ${entriesMax} entries`);
    for (const id of ids) named([member, id], id);
    for (const [first, second] of caseTwins(ids)) report([member, second], `names ${first} and ${second} differ in case only`);
  }
  const stepNames = new Map(Object.keys(stepTemplates).map((id) => [id.toLowerCase(), id]));
  for (const id of Object.keys(gateTemplates))
    if (stepNames.has(id.toLowerCase())) report(["gate_templates", id], `${id} is the name of a step template already`);
  routes.forEach(({ id }, index) => named(["routes", index, "id"], id));
}

function checkPaths(member: string, paths: Readonly<Record<string, string>>, report: Report): void {
  for (const [name, path] of Object.entries(paths)) {
    const problem = relativePathProblem(path) ?? (isLeftOut(path) ? "lies in node_modules or begins with a dot, which the digest of a pack leaves out" : null);
    if (problem !== null)
      report([member, name], `path ${JSON.stringify(path.slice(0, 200))} ${problem}; paths are relative to the pack's folder and stay inside`);
  }
}

function checkExecutors({ executors }: PackManifest, report: Report): void {
  for (const [name, run] of Object.entries(executors)) {
    const at = ["executors", name, "run"];
    const [program = ""] = run;
    if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(program))
      report([...at, 0], `${JSON.stringify(program.slice(0, 80))} must be the name of a program that is found on PATH; a pack knows no paths of the machine`);
    run.forEach((item, index) => {
      if (item.includes("\0")) report([...at, index], "holds a NUL, which no program can receive");
      if (item.includes("${")) report([...at, index], "holds a reference; an executor is plain text, and a step's own argv follows it");
    });
  }
}

function checkRoutes({ routes, stepTemplates, gateTemplates }: PackManifest, report: Report): void {
  const seen = new Set<string>();
  const known = [...Object.keys(stepTemplates), ...Object.keys(gateTemplates)];
  routes.forEach((route, index) => {
    const path = ["routes", index];
    if (seen.has(route.id.toLowerCase())) report([...path, "id"], `route id ${route.id} is used twice, or twice but for case`);
    seen.add(route.id.toLowerCase());
    if (!known.includes(route.template))
      report([...path, "when", "template"], `names ${route.template}, which is no template of this pack`, { wanted: route.template, known });
    const kinds = (["retry", "escalate", "abort", "continue"] as const).filter((kind) => route.do[kind] !== undefined);
    if (kinds.length !== 1) report([...path, "do"], `a pack's route does exactly one of retry, escalate, abort, continue; it has ${kinds.length}`);
    if (route.do.max !== undefined && route.do.retry === undefined) report([...path, "do", "max"], "max bounds retry only");
    const isGate = Object.hasOwn(gateTemplates, route.template);
    const statuses = isGate ? ["failed", "error"] : ["failed", "timeout", "interrupted"];
    if (route.status !== undefined && !statuses.includes(route.status))
      report([...path, "when", "status"], `a ${isGate ? "gate" : "step"} is never ${route.status}; it is ${statuses.join(" or ")}`);
    if (route.violation === true && isGate) report([...path, "when", "violation"], "a gate has no violations");
  });
}

function withoutDots(paths: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, path.replace(/^\.\//, "")]));
}
