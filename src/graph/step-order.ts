/**
 * Deterministic topological order of steps: a step comes after all it needs; among those that could come next, the one that stands
 * first in the document. Iterative, so that a chain of 100,000 steps is no deeper than one.
 */
import { IndexedHeap } from "./indexed-heap.ts";

export interface OrderedStep {
  readonly id: string;
  readonly needs: readonly string[];
}

export type StepOrder =
  | { readonly kind: "ordered"; readonly ids: readonly string[] }
  /** Each cycle as the path that closes it: `a, b, a`. */
  | { readonly kind: "cyclic"; readonly cycles: readonly (readonly string[])[] };

/** Needs that name no step are ignored; the check reports them. */
export function stepOrder(steps: readonly OrderedStep[]): StepOrder {
  const indexOf = new Map(steps.map((step, index) => [step.id, index]));
  const needs = steps.map((step) => [...new Set(step.needs)].flatMap((id) => indexOf.get(id) ?? []));
  const ids = sortedByNeeds(steps, needs);
  if (ids.length === steps.length) return { kind: "ordered", ids };
  return { kind: "cyclic", cycles: cyclesOf(steps, needs) };
}

function sortedByNeeds(steps: readonly OrderedStep[], needs: readonly (readonly number[])[]): readonly string[] {
  const dependents: number[][] = steps.map(() => []);
  const unmet = needs.map((list) => list.length);
  needs.forEach((list, index) => {
    for (const need of list) dependents[need]?.push(index);
  });
  const ready = new IndexedHeap();
  unmet.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  const ids: string[] = [];
  for (let next = ready.peek(); next !== undefined; next = ready.peek()) {
    ready.remove(next);
    ids.push(idAt(steps, next));
    for (const dependent of dependents[next] ?? []) {
      const left = (unmet[dependent] ?? 0) - 1;
      unmet[dependent] = left;
      if (left === 0) ready.push(dependent);
    }
  }
  return ids;
}

/** Depth-first with a stack of our own; each step is entered once, so each back edge gives one cycle, and no step is reported twice. */
function cyclesOf(steps: readonly OrderedStep[], needs: readonly (readonly number[])[]): readonly (readonly string[])[] {
  const cycles: string[][] = [];
  const state = new Uint8Array(steps.length);
  const reported = new Set<number>();
  for (let root = 0; root < steps.length; root++) {
    if (state[root] !== 0) continue;
    const path: { readonly index: number; next: number }[] = [{ index: root, next: 0 }];
    state[root] = 1;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const need = needs[top.index]?.[top.next++];
      if (need === undefined) {
        state[top.index] = 2;
        path.pop();
      } else if (state[need] === 0) {
        state[need] = 1;
        path.push({ index: need, next: 0 });
      } else if (state[need] === 1 && !reported.has(need)) {
        const start = path.findIndex((entry) => entry.index === need);
        const members = path.slice(start).map((entry) => entry.index);
        for (const member of members) reported.add(member);
        cycles.push([...members, need].map((index) => idAt(steps, index)));
      }
    }
  }
  return cycles;
}

function idAt(steps: readonly OrderedStep[], index: number): string {
  return steps[index]?.id ?? "";
}
