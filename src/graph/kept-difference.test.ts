import { expect, test } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";
import { keptDifference } from "./kept-difference.ts";
import { gate, planOf, step } from "./scheduler.test-support.ts";

const one = digestBytes("one");
const two = digestBytes("two");
const input = { file: "i.csv", schema: null, media_type: null };
const own: Partial<PlanStep> = {
  executor: { kind: "process", argv: ["node", "./a.mjs"] },
  env: { N: "${params.n}", I: "${inputs.i}" },
  outputs: { o: { path: "o", glob: null, schema: "o.v1", media_type: null, optional: false } },
  gates: [{ ...gate("g"), check: { kind: "command", argv: ["sh", "g.sh"], env: {}, env_from: [], secrets: [] } }],
};
const base: PlanDocument = {
  ...planOf([step("a", [], own), step("b", ["a"], { executor: { kind: "process", argv: ["node", "b.mjs"] } })]),
  params: { n: 1, unused: 1 },
  inputs: { i: input, other: input },
  code: ["a.mjs", "b.mjs", "g.sh", "lib.mjs", "m.mjs"].map((path) => ({ path, digest: one })),
  modules: [{ name: "m", path: "m.mjs", digest: one }],
  schemas: [
    { schema_id: "o.v1", digest: one },
    { schema_id: "x.v1", digest: one },
  ],
};
const recoded = (path: string): PlanDocument => ({ ...base, code: base.code.map((code) => (code.path === path ? { ...code, digest: two } : code)) });
const restepped = (more: Partial<PlanStep>): PlanDocument => ({ ...base, steps: base.steps.map((each) => (each.id === "a" ? { ...each, ...more } : each)) });

test.each<readonly [string, PlanDocument, string | null]>([
  ["the same plan", base, null],
  ["a parameter that it does not name", { ...base, params: { n: 1, unused: 2 } }, null],
  ["an input that it does not name", { ...base, inputs: { ...base.inputs, other: { ...input, file: "x" } } }, null],
  ["code of another step", recoded("b.mjs"), null],
  ["code of a module that it does not run", recoded("m.mjs"), null],
  ["a schema that it does not use", { ...base, schemas: base.schemas.map((each) => (each.schema_id === "x.v1" ? { ...each, digest: two } : each)) }, null],
  ["a further step", { ...base, steps: [...base.steps, step("c")] }, null],
  ["a parameter that it names", { ...base, params: { n: 2, unused: 1 } }, "parameter n differs"],
  ["an input that it names", { ...base, inputs: { ...base.inputs, i: { ...input, file: "x" } } }, "input i differs"],
  ["its command's code", recoded("a.mjs"), "code a.mjs differs"],
  ["its gate's code", recoded("g.sh"), "code g.sh differs"],
  ["code that no command names", recoded("lib.mjs"), "code lib.mjs differs"],
  ["code that is gone", { ...base, code: base.code.filter(({ path }) => path !== "a.mjs") }, "code a.mjs differs"],
  ["its schema", { ...base, schemas: base.schemas.map((each) => (each.schema_id === "o.v1" ? { ...each, digest: two } : each)) }, "schema o.v1 differs"],
  ["its environment", restepped({ env: {} }), "its env changed"],
  ["its gates", restepped({ gates: [] }), "its gates changed"],
  ["a further member", restepped({ reads: ["i"] }), "its reads changed"],
  ["the policy", { ...base, policy_digest: two }, "the policy differs"],
  ["the packs", { ...base, packs: [{ name: "p", version: "1.0.0", digest: one }] }, "the packs differ"],
  ["a plan without it", { ...base, steps: base.steps.slice(1) }, "it is not in the new workflow"],
])("a kept step under %s", (_, after, difference) => {
  expect(keptDifference("a", base, after)).toBe(difference);
});

test("a kept step of a module is compared by the module that is bound", () => {
  const modular = planOf([step("a", [], { executor: { kind: "module", module: "m", isolation: "none" }, with: { of: 1 } })]);
  const before = { ...modular, modules: [{ name: "m", path: "m.mjs", digest: one }] };
  expect(keptDifference("a", before, before)).toBe(null);
  expect(keptDifference("a", before, { ...before, modules: [{ name: "m", path: "m.mjs", digest: two }] })).toBe("module m differs");
});

test("a kept pure step is compared by the code that it names, and by no other", () => {
  const pure = (plan: PlanDocument): PlanDocument => ({ ...plan, steps: plan.steps.map((each) => ({ ...each, pure: true, code: ["a.mjs"] })) });
  expect(keptDifference("a", pure(base), pure(recoded("lib.mjs")))).toBe(null);
  expect(keptDifference("a", pure(base), pure(recoded("a.mjs")))).toBe("code a.mjs differs");
});
