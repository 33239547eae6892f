import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../base/json-value.ts";
import { judgeModuleGate } from "./judge-module-gate.ts";

describe("E4: what a module says is judged", () => {
  test.each([
    [{ outcome: "timeout" }, "longer than its timeout"],
    [{ outcome: "ended" }, "ended before it gave a verdict"],
    [{ outcome: "changed_something" }, "changes nothing"],
    [{ outcome: "threw", reason: "MODULE_FAILED: gone" }, "MODULE_FAILED: gone"],
    [{ outcome: "returned", value: [] }, "no object"],
    [
      { outcome: "returned", value: { passed: true, metrics: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`m${index}`, index])) } },
      "at most 100",
    ],
  ] as const)("%j is an error", (facts, reason) => {
    expect(judgeModuleGate(facts)).toEqual({ status: "error", reason: expect.stringContaining(reason), metrics: null });
  });

  test("a blank reason is none, and a long one is cut", () => {
    expect(judgeModuleGate({ outcome: "returned", value: { passed: true, reason: "  " } })).toEqual({ status: "passed", reason: null, metrics: null });
    expect(judgeModuleGate({ outcome: "returned", value: { passed: false, reason: "x".repeat(9_000) } }).reason?.length).toBeLessThanOrEqual(4_096);
  });

  test("nothing but passed: true passes, whatever else comes back", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ passed: fc.jsonValue(), reason: fc.jsonValue(), metrics: fc.jsonValue() }, { requiredKeys: [] })),
        (value) => {
          const { status } = judgeModuleGate({ outcome: "returned", value: value as JsonValue });
          const isTrue = typeof value === "object" && value !== null && Object.hasOwn(value, "passed") && Reflect.get(value, "passed") === true;
          if (!isTrue) expect(status).not.toBe("passed");
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
