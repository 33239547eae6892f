/**
 * Puts what packs bring into a workflow document, before it is checked: steps and gates with `template`, argv behind an `executor`,
 * routes for what came from templates. A pure function over the located document; afterwards it holds no `template` and no `executor`,
 * and the check, the plan and its digest see what will run. A problem inside of what was put in is told at the line of the use.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import type { LocatedDocument } from "./located-document.ts";
import type { PackCatalog } from "./pack-catalog.ts";
import type { PackRoute } from "./pack-manifest.ts";
import type { PackTemplate } from "./pack-template.ts";
import { FillProblem, fillValue } from "./pack-text.ts";
import { type Report, pathText } from "./problem-list.ts";
import { TemplateValues } from "./template-values.ts";
import { bodyKinds, gateKinds } from "./workflow-document.ts";

export interface ExpandedDocument extends LocatedDocument {
  /** Steps whose template could not be used: what they produce is not known. */
  readonly unsure: ReadonlySet<string>;
}

type Path = readonly PropertyKey[];
type Kind = "step" | "gate";

/** Characters that templates may make out of one document. */
const grownMax = 64 * 1024 * 1024;
const idLengthMax = 128;
/** Stands where a template could not be used, so that the rest is checked; a document with a problem never runs. */
const placeholder: JsonObject = { run: ["true"] };

export async function expandTemplates(located: LocatedDocument, catalog: PackCatalog, report: Report): Promise<ExpandedDocument> {
  const { value, locate } = located;
  if (!isJsonObject(value)) return { value, locate, unsure: new Set() };
  const expander = new Expander(catalog, report);
  const expanded = await expander.document(value);
  return { value: expanded, locate: (path) => locate(expander.placeOf(path)), unsure: expander.unsure };
}

/** Where the members of an expanded step or gate stood. */
interface Origin {
  readonly own: JsonObject;
  readonly hasTemplate: boolean;
  /** Gates of the template, which stand before the own ones. */
  readonly gatesBefore: number;
  /** Items of the executor, which stand before the own ones. */
  readonly itemsBefore: number;
}

/** Owns: what was put where, for one document. */
class Expander {
  readonly unsure = new Set<string>();
  readonly #catalog: PackCatalog;
  readonly #report: Report;
  readonly #values = new TemplateValues();
  readonly #budget = { left: grownMax };
  /** By path text in the document as it was written. */
  readonly #origins = new Map<string, Origin>();
  readonly #uses: { readonly template: string; readonly kind: Kind; readonly id: string; readonly path: Path }[] = [];
  readonly #routePlaces = new Map<number, Path>();

  constructor(catalog: PackCatalog, report: Report) {
    this.#catalog = catalog;
    this.#report = report;
  }

  async document(value: JsonObject): Promise<JsonObject> {
    const changed = new Map<string, JsonValue>();
    const steps = value["steps"];
    if (steps !== undefined && isJsonObject(steps)) changed.set("steps", await this.#steps(steps));
    const gates = value["gates"];
    if (isList(gates)) changed.set("gates", await this.#gates(gates, ["gates"]));
    const routes = value["routes"] ?? [];
    const added = isList(routes) ? this.#routes(routes.length) : [];
    if (isList(routes) && added.length > 0) changed.set("routes", [...routes, ...added]);
    return changed.size === 0 ? value : { ...value, ...Object.fromEntries(changed) };
  }

  async #steps(steps: JsonObject): Promise<JsonObject> {
    let changed: Map<string, JsonValue> | null = null;
    for (const [id, step] of Object.entries(steps)) {
      const expanded = isJsonObject(step) ? await this.#step(id, step) : step;
      if (expanded === step) continue;
      changed ??= new Map(Object.entries(steps));
      changed.set(id, expanded);
    }
    return changed === null ? steps : Object.fromEntries(changed);
  }

  async #step(id: string, step: JsonObject): Promise<JsonObject> {
    const path: Path = ["steps", id];
    const ownGates = isList(step["gates"]) ? await this.#gates(step["gates"], [...path, "gates"]) : step["gates"];
    const own: JsonObject = ownGates === undefined || ownGates === step["gates"] ? step : { ...step, gates: ownGates };
    const hasTemplate = Object.hasOwn(step, "template");
    if (!hasTemplate && !Object.hasOwn(step, "executor")) return own;
    const body = hasTemplate ? await this.#use("step", id, own, path) : own;
    const gatesBefore = hasTemplate && isList(body["gates"]) && isList(ownGates) ? body["gates"].length - ownGates.length : 0;
    const { step: whole, items } = this.#withExecutor(body, path, hasTemplate);
    this.#origins.set(pathText(path), { own: step, hasTemplate, gatesBefore, itemsBefore: items });
    return whole;
  }

  async #gates(gates: readonly JsonValue[], path: Path): Promise<readonly JsonValue[]> {
    if (!gates.some((gate) => isJsonObject(gate) && Object.hasOwn(gate, "template"))) return gates;
    const expanded: JsonValue[] = [];
    for (const [index, gate] of gates.entries()) {
      if (!isJsonObject(gate) || !Object.hasOwn(gate, "template")) {
        expanded.push(gate);
        continue;
      }
      const at = [...path, index];
      const id = typeof gate["id"] === "string" ? gate["id"] : "";
      expanded.push(await this.#use("gate", id, gate, at));
      this.#origins.set(pathText(at), { own: gate, hasTemplate: true, gatesBefore: 0, itemsBefore: 0 });
    }
    return expanded;
  }

  /** The template's body with the use's own members over it; a placeholder when there is a problem. */
  async #use(kind: Kind, id: string, use: JsonObject, path: Path): Promise<JsonObject> {
    const { template: _template, with: _with, ...own } = use;
    const filled = await this.#filled(kind, id, use, path);
    if (filled !== null) return merged(filled, own);
    if (kind === "step") this.unsure.add(id);
    const kinds: readonly string[] = kind === "step" ? [...bodyKinds, "executor"] : gateKinds;
    const rest = Object.fromEntries(Object.entries(own).filter(([member]) => !kinds.includes(member)));
    return { ...rest, ...placeholder };
  }

  async #filled(kind: Kind, id: string, use: JsonObject, path: Path): Promise<JsonObject | null> {
    const name = use["template"];
    const templates = kind === "step" ? this.#catalog.stepTemplates : this.#catalog.gateTemplates;
    const template = typeof name === "string" ? templates.get(name) : undefined;
    if (typeof name !== "string" || template === undefined) {
      this.#unknown(kind, name, templates, path);
      return null;
    }
    const kinds = kind === "step" ? bodyKinds : gateKinds;
    const second = kinds.find((member) => member !== "template" && Object.hasOwn(use, member));
    if (second !== undefined) {
      this.#report([...path, second], `a ${kind} with template has no ${second} of its own: the template brings what it does`);
      return null;
    }
    const values = await this.#values.of(name, template, use, path, this.#report);
    if (values === null) return null;
    const filled = this.#fill(kind, id, name, template, values, path);
    if (filled !== null) this.#uses.push({ template: name, kind, id, path: [...path, "template"] });
    return filled;
  }

  #fill(kind: Kind, id: string, name: string, template: PackTemplate, values: ReadonlyMap<string, JsonValue>, path: Path): JsonObject | null {
    try {
      const filled = fillValue(template.body, { values, stepId: kind === "step" ? id : null, budget: this.#budget });
      return isJsonObject(filled) ? filled : null;
    } catch (thrown) {
      if (!(thrown instanceof FillProblem)) throw thrown;
      this.#report([...path, "template"], `template ${name}: ${thrown.message}`);
      return null;
    }
  }

  #unknown(kind: Kind, name: JsonValue | undefined, templates: ReadonlyMap<string, PackTemplate>, path: Path): void {
    const at = [...path, "template"];
    if (typeof name !== "string") return this.#report(at, "must be the name of a template");
    const other = kind === "step" ? this.#catalog.gateTemplates : this.#catalog.stepTemplates;
    if (other.has(name)) return this.#report(at, `${name} is a template of a ${kind === "step" ? "gate" : "step"}, not of a ${kind}`);
    const none = templates.size === 0 ? `; no pack of lily.yaml brings ${kind} templates` : "";
    this.#report(at, `no pack brings the ${kind} template ${JSON.stringify(name.slice(0, 80))}${none}`, { wanted: name, known: templates.keys() });
  }

  #withExecutor(step: JsonObject, path: Path, hasTemplate: boolean): { readonly step: JsonObject; readonly items: number } {
    if (!Object.hasOwn(step, "executor")) return { step, items: 0 };
    const { executor: name, ...rest } = step;
    const at = [...path, "executor"];
    const { run } = rest;
    const begin = typeof name === "string" ? this.#catalog.executors.get(name) : undefined;
    if (typeof name !== "string") this.#report(at, "must be the name of an executor");
    else if (begin === undefined) {
      const none = this.#catalog.executors.size === 0 ? "; no pack of lily.yaml brings executors" : "";
      const code = { code: "EXECUTOR_UNAVAILABLE", wanted: name, known: this.#catalog.executors.keys() } as const;
      this.#report(at, `no pack brings the executor ${JSON.stringify(name.slice(0, 80))}${none}`, code);
    } else if (!isList(run)) this.#report(at, "an executor goes with run, whose items follow its own");
    else return { step: { ...rest, run: [...begin, ...run] }, items: hasTemplate ? 0 : begin.length };
    return { step: rest, items: 0 };
  }

  #routes(after: number): readonly JsonValue[] {
    const added: JsonValue[] = [];
    for (const route of this.#catalog.routes) {
      for (const use of this.#uses) {
        if (use.template !== route.template) continue;
        const id = `${route.id}.${use.id}`;
        if (id.length > idLengthMax) this.#report(use.path, `the route ${route.id} of the pack needs a shorter id here: ${id.length} characters`);
        this.#routePlaces.set(after + added.length, use.path);
        added.push({ id, when: whenOf(route, use.kind, use.id), do: withoutUndefined(route.do) });
      }
    }
    return added;
  }

  /** The place, in the document as it was written, of a part of the expanded one. */
  placeOf(path: Path): Path {
    const [root, second] = path;
    if (root === "routes" && typeof second === "number") return this.#routePlaces.get(second) ?? path;
    const inStep = root === "steps" ? this.#within(path, 2) : path;
    const depth = inStep.indexOf("gates");
    const isGate = depth === 0 || (depth === 2 && root === "steps");
    return isGate && inStep.length >= depth + 2 ? this.#within(inStep, depth + 2) : inStep;
  }

  #within(path: Path, depth: number): Path {
    const base = path.slice(0, depth);
    const origin = this.#origins.get(pathText(base));
    const [member, item, ...rest] = path.slice(depth);
    if (origin === undefined || member === undefined) return path;
    const { own, hasTemplate, gatesBefore, itemsBefore } = origin;
    const use: Path = [...base, hasTemplate ? "template" : "executor"];
    if (hasTemplate && member === "with") return use;
    if (!Object.hasOwn(own, member)) return use;
    if (member === "env" && item !== undefined && !holds(own["env"], item)) return use;
    const before = member === "gates" && hasTemplate ? gatesBefore : member === "run" ? itemsBefore : 0;
    if (typeof item !== "number" || before === 0) return path;
    return item < before ? use : [...base, member, item - before, ...rest];
  }
}

/** Own members win; `env` joins by name, gates of the use come after those of the template. */
function merged(filled: JsonObject, own: JsonObject): JsonObject {
  const env = filled["env"] !== undefined && own["env"] !== undefined && isJsonObject(filled["env"]) && isJsonObject(own["env"]);
  const gates = isList(filled["gates"]) && isList(own["gates"]);
  return {
    ...filled,
    ...own,
    ...(env ? { env: { ...objectOf(filled["env"]), ...objectOf(own["env"]) } } : {}),
    ...(gates ? { gates: [...listOf(filled["gates"]), ...listOf(own["gates"])] } : {}),
  };
}

function whenOf(route: PackRoute, kind: Kind, id: string): JsonObject {
  return {
    [kind]: id,
    ...(route.status === undefined ? {} : { status: route.status }),
    ...(route.violation === null ? {} : { violation: route.violation }),
  };
}

function withoutUndefined(action: PackRoute["do"]): JsonObject {
  const members = Object.entries(action).filter((entry): entry is [string, string | number | true] => entry[1] !== undefined);
  return Object.fromEntries(members);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isList(value) ? value : [];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

function holds(value: JsonValue | undefined, key: PropertyKey): boolean {
  return value !== undefined && isJsonObject(value) && Object.hasOwn(value, key);
}
