import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { workflowDocumentSchema } from "./workflow-document.ts";
import { workflowJsonSchema, workflowSchemaId } from "./workflow-schema.ts";

const validate = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false }).compile(workflowJsonSchema());

const junk = fc.constantFrom<unknown>(null, 5, -1, 1.5, "", "x", "a b", "5s", "5", "..", "t.v1", true, false, [], ["x"], [5], {}, { a: 1 }, "out/**", 101, 0);
/** A member that is mostly right and sometimes anything; or absent. */
const mostly = (right: fc.Arbitrary<unknown>) => fc.oneof({ weight: 80, arbitrary: right }, { weight: 1, arbitrary: junk });
const maybe = (right: fc.Arbitrary<unknown>) => fc.option(mostly(right), { nil: undefined, freq: 1 });
const object = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .tuple(
      fc.record(members),
      fc.oneof({ weight: 60, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom("extra", "rn", "toString") }),
    )
    .map(([value, extra]) => {
      const entries = Object.entries(value).filter(([, member]) => member !== undefined);
      return Object.fromEntries(extra === undefined ? entries : [...entries, [extra, 1]]);
    });
const named = (value: fc.Arbitrary<unknown>) =>
  fc.dictionary(
    fc.oneof({ weight: 40, arbitrary: fc.constantFrom("a", "b", "c", "a.b", "A1") }, { weight: 1, arbitrary: fc.constantFrom("a b", "-x", "a..b") }),
    value,
    { maxKeys: 2 },
  );
const id = fc.constantFrom("a", "b", "g1");
const duration = fc.constantFrom("5s", "1.5m", "500ms", "2h");
const argv = fc.constantFrom(["node"], ["node", "x.mjs", ""]);
const retry = object({
  max: maybe(fc.constantFrom(0, 3, 100)),
  backoff: maybe(duration),
  factor: maybe(fc.constantFrom(1, 1.5, 10)),
  max_backoff: maybe(duration),
});
const environment = { env: maybe(fc.constantFrom({ A: "x" }, {})), env_from: maybe(fc.constantFrom(["A", "B_*"])), secrets: maybe(fc.constantFrom(["S"])) };
const hash = object({
  law: mostly(fc.constantFrom("sha256_bundle_digest", "json_verdict")),
  root: mostly(fc.constant("out")),
  flag: maybe(fc.constant("f")),
  equals: maybe(fc.constantFrom(null, { a: [1] })),
});
const approval = object({ count: maybe(fc.constant(2)), from: maybe(fc.constant(["ops"])), expires: maybe(duration) });
const gateCheck = fc.oneof(
  { weight: 8, arbitrary: object({ run: mostly(argv) }) },
  { weight: 8, arbitrary: object({ schema: mostly(fc.constant("t.v1")), of: maybe(fc.constant("x")) }) },
  { weight: 8, arbitrary: object({ hash: mostly(hash) }) },
  { weight: 8, arbitrary: object({ approval: mostly(approval) }) },
  { weight: 1, arbitrary: fc.constantFrom({}, { run: ["x"], schema: "t.v1" }) },
);
const gate = fc
  .tuple(gateCheck, object({ id: mostly(id), required: maybe(fc.boolean()), timeout: maybe(duration), ...environment }))
  .map(([check, rest]) => ({ ...check, ...rest }));
const output = object({
  path: maybe(fc.constant("out/x")),
  glob: maybe(fc.constant("out/*")),
  schema: maybe(fc.constant("t.v1")),
  optional: maybe(fc.boolean()),
  media_type: maybe(fc.constant("text/csv")),
});
const effect = object({
  category: fc.constantFrom("network", "other"),
  description: mostly(fc.constant("d")),
  reversible: maybe(fc.constantFrom(null, true)),
  hint: maybe(fc.constant("h")),
});
const body = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom<Record<string, unknown>>({ run: ["node"] }, { shell: "x" }, { module: "m" }, { engine: {} }, { llm: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom<Record<string, unknown>>({}, { run: ["x"], shell: "y" }) },
);
const step = fc
  .tuple(
    body,
    object({
      title: maybe(fc.constant("t")),
      with: maybe(fc.constant({ a: [1, { b: null }] })),
      needs: maybe(fc.constant(["a"])),
      uses: maybe(fc.constant(["lib/**"])),
      outputs: maybe(named(output)),
      pure: maybe(fc.boolean()),
      workdir: maybe(fc.constantFrom("source", "isolated")),
      timeout: maybe(duration),
      retry: maybe(retry),
      effects: maybe(fc.array(effect, { maxLength: 1 })),
      gates: maybe(fc.array(gate, { maxLength: 1 })),
      log_limit: maybe(fc.constant(4_096)),
      ...environment,
    }),
  )
  .map(([own, rest]) => ({ ...rest, ...own }));
const action = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom<unknown>({ goto: "a", max: 2 }, { retry: true }, { escalate: "x" }, { abort: "x" }, { continue: true }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>({ continue: false }, {}, { goto: "a", retry: true }) },
);
const route = object({
  id,
  when: mostly(object({ step: maybe(id), gate: maybe(id), status: maybe(fc.constantFrom("failed", "error")), violation: maybe(fc.boolean()) })),
  do: action,
});
const document = object({
  workflow: id,
  version: mostly(fc.constant(1)),
  title: maybe(fc.constant("t")),
  params: maybe(named(fc.constantFrom({ type: "integer" }, {}))),
  inputs: maybe(named(object({ file: maybe(fc.constant("x")), schema: maybe(fc.constant("t.v1")) }))),
  policy: maybe(
    object({
      tools: maybe(fc.constant(["node"])),
      write: maybe(fc.constantFrom({ allow: ["x"] }, {})),
      network: maybe(fc.constant("deny")),
      sandbox: maybe(fc.constant("off")),
      attempts_max: maybe(fc.constant(3)),
    }),
  ),
  defaults: maybe(object({ timeout: maybe(duration), retry: maybe(retry) })),
  workdir: maybe(fc.constant("source")),
  steps: fc.oneof(
    { weight: 12, arbitrary: fc.dictionary(fc.constantFrom("a", "b", "c"), step, { minKeys: 1, maxKeys: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>({}, [], null, { "a b": { run: ["x"] } }) },
  ),
  gates: maybe(fc.array(gate, { maxLength: 1 })),
  routes: maybe(fc.array(route, { maxLength: 2 })),
});

describe("the published JSON Schema", () => {
  test("judges as the check's own schema does, on right and wrong documents", () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(document, (value) => {
        const verdict = workflowDocumentSchema.safeParse(value).success;
        seen[verdict ? "accepted" : "refused"]++;
        expect(validate(value)).toBe(verdict);
      }),
      { numRuns: 4_000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(100);
  });

  test("has its stable id and says what a step needs", () => {
    const schema = workflowJsonSchema();
    expect(schema["$id"]).toBe(workflowSchemaId);
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(JSON.stringify(schema)).toContain('"oneOf":[{"properties":{"run":{}},"required":["run"]},{"properties":{"shell":{}},"required":["shell"]}');
  });

  test("the stored file is what the generator writes", () => {
    execFileSync(process.execPath, [join(import.meta.dirname, "../../scripts/gen-workflow-schema.ts"), "--check"], { stdio: "pipe" });
  });
});
