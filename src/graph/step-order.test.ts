import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OrderedStep, stepOrder } from "./step-order.ts";

const steps = (needs: Readonly<Record<string, readonly string[]>>): readonly OrderedStep[] => Object.entries(needs).map(([id, list]) => ({ id, needs: list }));

/** The slow way to say it: again and again the first step of the document whose needs are all done. */
function slowOrder(list: readonly OrderedStep[]): readonly string[] {
  const known = new Set(list.map((step) => step.id));
  const done: string[] = [];
  for (;;) {
    const next = list.find((step) => !done.includes(step.id) && step.needs.every((need) => !known.has(need) || done.includes(need)));
    if (next === undefined) return done;
    done.push(next.id);
  }
}

/** Graphs of up to seven steps with any edges, also to the step itself and to steps that do not exist. */
const graph = fc
  .array(fc.array(fc.nat({ max: 7 }), { maxLength: 4 }), { maxLength: 7 })
  .map((lists) => lists.map((list, index) => ({ id: `s${index}`, needs: list.map((need) => `s${need}`) })));

describe("stepOrder", () => {
  test("E1: is the order of a scheduler that always takes the first step that may start, or names cycles", () => {
    fc.assert(
      fc.property(graph, (list) => {
        const slow = slowOrder(list);
        const order = stepOrder(list);
        if (slow.length === list.length) expect(order).toEqual({ kind: "ordered", ids: slow });
        else expect(order.kind).toBe("cyclic");
      }),
      { numRuns: 1_000 },
    );
  });

  test("every cycle is one: it closes, each step needs the next, and none is named in two", () => {
    fc.assert(
      fc.property(graph, (list) => {
        const order = stepOrder(list);
        if (order.kind === "ordered") return;
        expect(order.cycles.length).toBeGreaterThan(0);
        for (const cycle of order.cycles) {
          expect(cycle.at(-1)).toBe(cycle[0]);
          for (const [place, id] of cycle.slice(0, -1).entries()) expect(list.find((step) => step.id === id)?.needs).toContain(cycle[place + 1]);
          expect(new Set(cycle).size).toBe(cycle.length - 1);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("separate cycles are all named, what hangs on one is not", () => {
    const order = stepOrder(steps({ a: ["b"], b: ["a"], c: ["c"], d: ["a", "e"], e: [] }));
    expect(order).toEqual({
      kind: "cyclic",
      cycles: [
        ["a", "b", "a"],
        ["c", "c"],
      ],
    });
  });

  test("a need named twice or naming no step changes nothing", () => {
    expect(stepOrder(steps({ a: ["b", "b", "gone"], b: [] }))).toEqual({ kind: "ordered", ids: ["b", "a"] });
  });

  test("a chain of 100,000 steps needs no stack", () => {
    const chain = Array.from({ length: 100_000 }, (_, index) => ({ id: `s${index}`, needs: index === 99_999 ? [] : [`s${index + 1}`] }));
    const order = stepOrder(chain);
    expect(order.kind === "ordered" && order.ids.at(0)).toBe("s99999");
    expect(stepOrder([...chain.slice(0, -1), { id: "s99999", needs: ["s0"] }])).toMatchObject({ kind: "cyclic", cycles: { length: 1 } });
  });
});
