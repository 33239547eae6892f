import { describe, expect, test } from "vitest";
import { parseRelativePath } from "../base/relative-path.ts";
import type { EventBody } from "../contracts/event.ts";
import { eventDataSchemas } from "../contracts/events.ts";
import type { TreeChange } from "../ports/change-observer.ts";
import { leftBehind, observedEffects } from "./effect-report.ts";

const change = (path: string, more: Partial<TreeChange> = {}): TreeChange => ({
  path: parseRelativePath(path),
  change: "added",
  kind: "file",
  size: 3,
  ...more,
});
const observe = (changes: readonly TreeChange[], survivorsKilled = 0, outputs: readonly string[] = []): readonly EventBody[] =>
  observedEffects({
    stepId: "a",
    attempt: 2,
    changes,
    isOutput: (path) => outputs.includes(path),
    survivorsKilled,
    redact: (text) => text.replaceAll("hunter2", "[redacted]"),
  });
const told = (bodies: readonly EventBody[]): readonly string[] =>
  bodies.map((body) => (body.kind === "SIDE_EFFECT_OBSERVED" ? body.data.description : body.kind));

describe("what the runner saw of a step", () => {
  test("H4: an output is no side effect, and neither is a folder that only holds what else is told", () => {
    const changes = [change("out", { kind: "directory", size: 0 }), change("out/a.json"), change("x", { kind: "directory", size: 0 }), change("x/b")];
    expect(told(observe(changes, 0, ["out/a.json"]))).toEqual(["added x/b"]);
    expect(told(observe([change("empty", { kind: "directory", size: 0 }), change("empty-not", { change: "changed" })]))).toEqual([
      "added directory empty",
      "changed empty-not",
    ]);
    expect(observe([])).toEqual([]);
  });

  test("each change says what became of what, and that nobody knows whether it can be undone", () => {
    const bodies = observe([change("gone", { change: "removed", size: 0 }), change("l", { kind: "link", size: 9 })]);
    expect(bodies).toMatchObject([
      { key: "SIDE_EFFECT_OBSERVED/a/2/runner/0", data: { step_id: "a", attempt: 2, category: "file_system", reversible: null, source: "runner" } },
      { key: "SIDE_EFFECT_OBSERVED/a/2/runner/1", data: { description: "added link l", details: { path: "l", change: "added", kind: "link", size: "9" } } },
    ]);
    for (const { data } of bodies) expect(eventDataSchemas.SIDE_EFFECT_OBSERVED.safeParse(data).success).toBe(true);
  });

  test("S4: the name of a file holds no secret", () => {
    const bodies = observe([change("a/hunter2.txt")]);
    expect(bodies).toMatchObject([{ data: { description: "added a/[redacted].txt", details: { path: "a/[redacted].txt" } } }]);
    expect(JSON.stringify(bodies)).not.toContain("hunter2");
  });

  test("a step that changed 20,000 files is told in 33 events, the last of which says how many are left out", () => {
    const bodies = observe(Array.from({ length: 20_000 }, (_, index) => change(`d/${String(index).padStart(5, "0")}`)));
    expect(bodies).toHaveLength(33);
    expect(told(bodies).at(-1)).toBe("19968 more paths outside of the declared outputs were changed");
  });

  test("only a command that ended by itself left its processes behind", () => {
    const executor = { kind: "process", survivors_killed: 2 } as const;
    const failed = { ok: false, outcome: "failed", code: "STEP_FAILED", reason: "", executor, durationMs: 1 } as const;
    expect(leftBehind({ ok: true, executor, durationMs: 1, values: {} })).toBe(2);
    expect(
      [failed, { ...failed, outcome: "timeout" } as const, { ...failed, code: "STEP_OUTPUT_LIMIT" }, { ...failed, executor: null }].map(leftBehind),
    ).toEqual([2, 0, 0, 0]);
    expect(leftBehind({ ok: true, executor: { kind: "process" }, durationMs: 1, values: {} })).toBe(0);
  });

  test("processes that were left behind and ended are an effect on the system", () => {
    expect(told(observe([], 1))).toEqual(["1 process was left behind, and ended"]);
    expect(observe([change("b")], 3)).toMatchObject([{}, { key: "SIDE_EFFECT_OBSERVED/a/2/runner/1", data: { category: "system" } }]);
  });
});
