import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonValue, isJsonObject } from "../base/json-value.ts";
import { checkWorkflow } from "./check-workflow.ts";
import { compilePlan } from "./compile-plan.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { stepOrder } from "./step-order.ts";
import type { WorkflowDocument, WorkflowStep } from "./workflow-document.ts";

const envArbitrary = fc.dictionary(fc.stringMatching(/^[A-Z]{1,4}$/), fc.string());
/** Acyclic: a step needs only steps before it. */
const documentArbitrary = fc
  .array(
    fc.record({
      env: envArbitrary,
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
      uses: fc.boolean(),
      title: fc.string({ maxLength: 20 }),
      timeout: fc.integer({ min: 1, max: 100 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts): WorkflowDocument => {
    const steps = parts.map((part, index): [string, WorkflowStep] => [
      `s${index}`,
      {
        run: ["node", "a.mjs", ...(index > 0 ? [`\${steps.s${index - 1}.outputs.o}`] : [])],
        env: Object.fromEntries(Object.entries(part.env).map(([name, value]) => [name, value.replaceAll("$", "")])),
        needs: [...new Set(part.needs.filter((need) => need < index).map((need) => `s${need}`))],
        outputs: { o: { path: `out/${index}` } },
        title: part.title,
        timeout: `${part.timeout}s`,
        ...(part.uses ? { uses: ["lib/**"] } : {}),
      },
    ]);
    return { workflow: "w", version: 1, params: { b: { default: 1 }, a: { default: 2 } }, steps: Object.fromEntries(steps) };
  });

const tree = memoryFileTree({ "a.mjs": "a", "lib/x.mjs": "x" });

/** The same value with the members of every map turned round, except those of `steps`, whose order is the document's. */
function turned(value: JsonValue, isSteps = false): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => turned(item));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, turned(item, key === "steps")]);
  return Object.fromEntries(isSteps ? entries : entries.reverse());
}

describe("plan hash", () => {
  test("compiling twice gives the same plan and digest", async () => {
    await fc.assert(
      fc.asyncProperty(documentArbitrary, async (document) => {
        expect(await compilePlan({ document, tree })).toEqual(await compilePlan({ document: structuredClone(document), tree }));
      }),
      { numRuns: 50 },
    );
  });

  test("does not depend on the order of members, except of steps", async () => {
    await fc.assert(
      fc.asyncProperty(documentArbitrary, async (document) => {
        const { document: again, problems } = await checkWorkflow(turned(structuredClone(document) as JsonValue));
        expect(problems).toEqual([]);
        if (again === null) throw new Error("the turned document is valid");
        expect((await compilePlan({ document: again, tree })).planHash).toBe((await compilePlan({ document, tree })).planHash);
      }),
      { numRuns: 50 },
    );
  });

  test("depends on the order of steps, on params and on every byte of code", async () => {
    const a = { run: ["node", "a.mjs"] };
    const b = { run: ["node"] };
    const document: WorkflowDocument = { workflow: "w", version: 1, params: { p: { default: 1 } }, steps: { a, b } };
    const hashes = [
      await compilePlan({ document, tree }),
      await compilePlan({ document: { ...document, steps: { b, a } }, tree }),
      await compilePlan({ document, tree, params: { p: 2 } }),
      await compilePlan({ document, tree: memoryFileTree({ "a.mjs": "A" }) }),
      await compilePlan({ document, tree, policyLayers: [{ origin: "lily.yaml", policy: { network: "deny" } }] }),
    ].map((compiled) => compiled.planHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("what compiles was accepted by the check, and what the check accepts compiles", async () => {
    await fc.assert(
      fc.asyncProperty(documentArbitrary, async (document) => {
        const { problems } = await checkWorkflow(structuredClone(document) as JsonValue);
        expect(problems).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("step order", () => {
  const graphs = fc
    .array(fc.array(fc.nat(15), { maxLength: 4 }), { minLength: 1, maxLength: 16 })
    .map((needs) => needs.map((list, index) => ({ id: `s${index}`, needs: list.map((need) => `s${need}`) })));

  test("every step comes after what it needs, or a true cycle is named", () => {
    fc.assert(
      fc.property(graphs, (steps) => {
        const order = stepOrder(steps);
        const byId = new Map(steps.map((step) => [step.id, step]));
        if (order.kind === "ordered") {
          expect([...order.ids].sort()).toEqual(steps.map((step) => step.id).sort());
          const place = new Map(order.ids.map((id, index) => [id, index]));
          for (const step of steps) for (const need of step.needs) if (byId.has(need)) expect(place.get(need)).toBeLessThan(place.get(step.id) ?? -1);
        } else {
          expect(order.cycles.length).toBeGreaterThan(0);
          for (const cycle of order.cycles) {
            expect(cycle[0]).toBe(cycle.at(-1));
            for (let index = 0; index + 1 < cycle.length; index++) expect(byId.get(cycle[index] ?? "")?.needs).toContain(cycle[index + 1]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("steps that could come next come in document order", () => {
    expect(
      stepOrder([
        { id: "c", needs: ["a"] },
        { id: "b", needs: [] },
        { id: "a", needs: [] },
        { id: "d", needs: ["gone"] },
      ]),
    ).toEqual({ kind: "ordered", ids: ["b", "a", "c", "d"] });
  });

  test("a chain of 100,000 steps in reverse is ordered without recursion", () => {
    const steps = Array.from({ length: 100_000 }, (_, index) => ({ id: `s${index}`, needs: index === 99_999 ? [] : [`s${index + 1}`] }));
    const order = stepOrder(steps);
    expect(order.kind === "ordered" ? order.ids[0] : order.kind).toBe("s99999");
  });
});
