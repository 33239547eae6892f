/** What two runs were told to do, and on what, and where that differs: plan, inputs and environment, one row a difference. */
import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { clipText } from "../base/clip-text.ts";
import { environmentSnapshotSchema } from "../artifacts/builtin-schemas.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";

export const changeKinds = [
  "workflow",
  "param",
  "input",
  "policy",
  "step",
  "gate",
  "route",
  "code",
  "module",
  "pack",
  "schema",
  "platform",
  "runtime",
  "kernel",
  "tool",
  "lockfile",
  "source",
  "replacement",
] as const;

export interface Change {
  readonly kind: (typeof changeKinds)[number];
  /** What differs: a parameter, a path, `STEP.member`. */
  readonly name: string;
  /** Digest or canonical text of each side, cut at 200 characters; null where there is none. */
  readonly a: string | null;
  readonly b: string | null;
}

type Named = ReadonlyMap<string, string>;
const textMax = 200;

export function planChanges(a: PlanDocument, b: PlanDocument): readonly Change[] {
  return [
    ...differences("workflow", named([["id", a.workflow]]), named([["id", b.workflow]])),
    ...differences("param", members(a.params), members(b.params)),
    ...differences("policy", members(a.policy), members(b.policy)),
    ...stepChanges(a.steps, b.steps),
    ...differences("gate", byId(a.gates), byId(b.gates)),
    ...differences("route", byId(a.routes), byId(b.routes)),
    ...differences("code", named(a.code.map((one) => [one.path, one.digest])), named(b.code.map((one) => [one.path, one.digest]))),
    ...differences("module", named(a.modules.map((one) => [one.name, one.digest])), named(b.modules.map((one) => [one.name, one.digest]))),
    ...differences("pack", packsOf(a), packsOf(b)),
    ...differences("schema", named(a.schemas.map((one) => [one.schema_id, one.digest])), named(b.schemas.map((one) => [one.schema_id, one.digest]))),
  ];
}

/** By content digest of each input. */
export function inputChanges(a: Named, b: Named): readonly Change[] {
  return differences("input", a, b);
}

/** Of two `environment_snapshot.v1` payloads; the time and the run of the CI system say nothing of what ran. */
export function environmentChanges(a: JsonValue, b: JsonValue): readonly Change[] {
  const [one, other] = [environmentSnapshotSchema.safeParse(a), environmentSnapshotSchema.safeParse(b)];
  if (!one.success || !other.success) return [];
  const [x, y] = [one.data, other.data];
  return [
    ...differences("platform", members(x.platform), members(y.platform)),
    ...differences("runtime", members(x.runtime), members(y.runtime)),
    ...differences("kernel", named([["version", x.kernel_version]]), named([["version", y.kernel_version]])),
    ...differences("tool", named(x.tools.map((tool) => [tool.path, tool.sha256])), named(y.tools.map((tool) => [tool.path, tool.sha256]))),
    ...differences("lockfile", lockfiles(x.lockfiles), lockfiles(y.lockfiles)),
    ...differences("source", members(x.source ?? {}), members(y.source ?? {})),
  ];
}

function lockfiles(files: readonly { readonly path: string; readonly sha256: string }[] | undefined): Named {
  return named((files ?? []).map((file) => [file.path, file.sha256]));
}

function packsOf(plan: PlanDocument): Named {
  return named((plan.packs ?? []).map((pack) => [pack.name, `${pack.version} ${pack.digest}`]));
}

/** A step that only one side has is one row, a changed one a row for each member. */
function stepChanges(a: readonly PlanStep[], b: readonly PlanStep[]): readonly Change[] {
  const [left, right] = [new Map(a.map((step) => [step.id, step])), new Map(b.map((step) => [step.id, step]))];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((id): readonly Change[] => {
    const [one, other] = [left.get(id), right.get(id)];
    if (one !== undefined && other !== undefined) {
      if (JSON.stringify(one) === JSON.stringify(other)) return [];
      const found = differences("step", members(one), members(other));
      return found.map((change) => ({ ...change, name: `${id}.${change.name}` }));
    }
    return [{ kind: "step", name: id, a: one === undefined ? null : "in the plan", b: other === undefined ? null : "in the plan" }];
  });
}

function byId(list: readonly { readonly id: string }[]): Named {
  return named(list.map((one) => [one.id, textOf(one)]));
}

function members(value: object): Named {
  return named(Object.entries(value).map(([name, member]) => [name, textOf(member)]));
}

function textOf(value: unknown): string {
  const json = plain(value);
  return typeof json === "string" ? json : canonicalJson(json, { fractions: true });
}

/** Plans and snapshots are JSON; the compiler does not know it of their interfaces. */
function plain(value: unknown): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === "object" && isJsonObject(value) ? value : null;
}

function named(rows: readonly (readonly [string, string])[]): Named {
  return new Map(rows);
}

function differences(kind: Change["kind"], a: Named, b: Named): readonly Change[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((name) => {
    const [one, other] = [a.get(name) ?? null, b.get(name) ?? null];
    if (one === other) return [];
    return [{ kind, name, a: one === null ? null : clipText(one, textMax), b: other === null ? null : clipText(other, textMax) }];
  });
}
