import { expect, test } from "vitest";
import type { PlanGateCheck, PlanStep } from "../contracts/plan-document.ts";
import { usesInput } from "./input-users.ts";
import { gate, step } from "./scheduler.test-support.ts";

const hash = { law: "json_verdict", root: "i", flag: null, index: null, ordering: "ascii_lex", path_base: "run_root" } as const;
const gated = (check: PlanGateCheck): Partial<PlanStep> => ({ gates: [{ ...gate("g"), check }] });

test.each<readonly [string, Partial<PlanStep>, boolean]>([
  ["names nothing", {}, false],
  ["reads it in place", { reads: ["i"] }, true],
  ["reads another", { reads: ["j"] }, false],
  ["works in a folder of its own", { workdir: "isolated" }, true],
  ["is pure in a folder of its own", { workdir: "isolated", pure: true }, false],
  ["names it in its command", { executor: { kind: "process", argv: ["cat", "${inputs.i}"] } }, true],
  ["names another in its command", { executor: { kind: "process", argv: ["cat", "${inputs.j}"] } }, false],
  ["gives it to a module", { executor: { kind: "module", module: "m", isolation: "none" }, with: { of: "${inputs.i}" } }, true],
  ["names it in its environment", { env: { I: "${inputs.i}" } }, true],
  ["names a parameter of that name", { env: { I: "${params.i}" } }, false],
  ["has a command gate that names it", gated({ kind: "command", argv: ["true"], env: { I: "${inputs.i}" }, env_from: [], secrets: [] }), true],
  ["has a schema gate of it", gated({ kind: "schema", schema: "s.v1", of: "${inputs.i}" }), true],
  ["has a schema gate of another", gated({ kind: "schema", schema: "s.v1", of: "${inputs.j}" }), false],
  ["has a module gate that is given it", gated({ kind: "module", module: "m", isolation: "none", with: { of: "${inputs.i}" } }), true],
  ["has a hash gate", gated({ kind: "hash", hash: { ...hash, exclude_filenames: [], digest_field: null, pointer: "/ok", equals: true } }), false],
])("whether a step that %s can have been made from an input", (_, more, uses) => {
  expect(usesInput(step("a", [], more), "i")).toBe(uses);
});
