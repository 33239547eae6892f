/**
 * What can still be checked in a document whose shape is wrong somewhere: the document without the members at fault. Gates and routes
 * at fault leave gaps, so the places of those after them are kept beside it.
 */
import type { z } from "zod";
import { isIdentifier } from "../base/identifier.ts";
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";
import { bodyKinds, type WorkflowDocument, workflowDocumentSchema } from "./workflow-document.ts";

export interface SoundPart {
  readonly document: WorkflowDocument;
  /** Path text of a list to the places that its items had in the text; absent when none is missing. */
  readonly places: ReadonlyMap<string, readonly number[]>;
}

type Issue = z.core.$ZodIssue;
const roundsMax = 4;

/** Null when too little is left to check. */
export function soundPart(value: JsonValue, issues: readonly Issue[]): SoundPart | null {
  if (!isJsonObject(value) || issues.some(({ path }) => path.length === 1 && path[0] === "steps")) return null;
  const remover = new FaultRemover(value);
  let left = issues;
  for (let round = 0; round < roundsMax; round++) {
    remover.remove(left);
    const parsed = workflowDocumentSchema.safeParse(remover.document());
    if (parsed.success) return { document: parsed.data, places: remover.places };
    left = parsed.error.issues;
  }
  return null;
}

/** Owns a copy of the document, deep enough that nothing of the original is changed. */
class FaultRemover {
  readonly places = new Map<string, readonly number[]>();
  readonly #root: Map<string, JsonValue>;
  readonly #steps: Map<string, JsonValue>;
  readonly #gaps = new Map<string, Set<number>>();

  constructor(document: JsonObject) {
    this.#root = new Map(Object.entries(document));
    const steps = document["steps"];
    this.#steps = new Map(isJsonObject(steps) ? Object.entries(steps) : []);
  }

  document(): JsonValue {
    return { ...Object.fromEntries(this.#root), steps: Object.fromEntries(this.#steps) };
  }

  remove(issues: readonly Issue[]): void {
    this.#gaps.clear();
    for (const issue of issues) {
      if (issue.code !== "unrecognized_keys") this.#removeAt(issue.path);
      else for (const key of issue.keys) this.#removeAt([...issue.path, key]);
    }
    for (const [list, missing] of this.#gaps) this.#closeGaps(list, missing);
  }

  #removeAt(path: readonly PropertyKey[]): void {
    const [top, name] = path;
    if (top === "workflow") this.#root.set(top, "unnamed");
    else if (top === "version") this.#root.set(top, 1);
    else if (top === "steps") this.#removeInStep(String(name), path.slice(2));
    else if ((top === "gates" || top === "routes") && typeof name === "number") this.#gap(top, name);
    else if ((top === "params" || top === "inputs") && name !== undefined) this.#root.set(top, without(this.#root.get(top), String(name)));
    else if (top !== undefined) this.#root.delete(String(top));
  }

  /** A step keeps its place in the graph: without a usable body it gets one that does nothing. */
  #removeInStep(id: string, [member, place]: readonly PropertyKey[]): void {
    const step = this.#steps.get(id);
    if (step === undefined) return;
    if (!isJsonObject(step) || !isIdentifier(id)) this.#steps.delete(id);
    else if (member === undefined) this.#steps.set(id, withOneBody(step));
    else if (member === "outputs" && place !== undefined) this.#steps.set(id, { ...step, outputs: without(step["outputs"], String(place)) });
    else if (member === "gates" && typeof place === "number") this.#gap(`steps.${id}.gates`, place);
    else this.#steps.set(id, without(step, String(member)));
  }

  #gap(list: string, place: number): void {
    this.#gaps.set(list, (this.#gaps.get(list) ?? new Set()).add(place));
  }

  #closeGaps(list: string, missing: ReadonlySet<number>): void {
    const id = list.startsWith("steps.") ? list.slice("steps.".length, -".gates".length) : null;
    const step = id === null ? undefined : this.#steps.get(id);
    const items = id === null ? this.#root.get(list) : isJsonObject(step) ? step["gates"] : undefined;
    if (!Array.isArray(items)) return;
    const kept: readonly JsonValue[] = items.filter((_: JsonValue, index: number) => !missing.has(index));
    const before = this.places.get(list) ?? items.map((_: JsonValue, index: number) => index);
    this.places.set(
      list,
      before.filter((_, index) => !missing.has(index)),
    );
    if (id === null) this.#root.set(list, kept);
    else if (isJsonObject(step)) this.#steps.set(id, { ...step, gates: kept });
  }
}

function withOneBody(step: JsonObject): JsonValue {
  const [first] = bodyKinds.filter((kind) => Object.hasOwn(step, kind));
  const bodiless = Object.fromEntries(Object.entries(step).filter(([name]) => !bodyKinds.some((kind) => kind === name)));
  return first === undefined ? { ...bodiless, run: ["true"] } : { ...bodiless, [first]: step[first] ?? null };
}

function without(value: JsonValue | undefined, name: string): JsonValue {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}
