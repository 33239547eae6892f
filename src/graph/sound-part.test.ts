import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import { soundPart } from "./sound-part.ts";
import { workflowDocumentSchema } from "./workflow-document.ts";

function soundOf(value: JsonValue) {
  const parsed = workflowDocumentSchema.safeParse(value);
  return soundPart(value, parsed.success ? [] : parsed.error.issues);
}
const withStep = (step: JsonValue, more: JsonObject = {}): JsonObject => ({
  workflow: "w",
  version: 1,
  steps: { a: step, b: { run: ["x"], needs: ["a"] } },
  ...more,
});

describe("the sound part of a document", () => {
  test("of a whole document is the document", () => {
    const document = withStep({ run: ["x"] });
    expect(soundOf(document)).toEqual({ document, places: new Map() });
  });

  test.each<[string, JsonValue]>([
    ["a text", "workflow"],
    ["a list", []],
    ["no steps", { workflow: "w", version: 1 }],
    ["steps as a list", { workflow: "w", version: 1, steps: [] }],
    ["no step that has an id", { workflow: "w", version: 1, steps: { "..": { run: ["x"] } } }],
  ])("of %s is nothing", (_, value) => {
    expect(soundOf(value)).toBeNull();
  });

  test("keeps a step in the graph when its body is unusable, missing or one too many", () => {
    const first = (step: JsonValue) => soundOf(withStep(step))?.document.steps["a"];
    expect(first({ run: "x", title: "t" })).toEqual({ run: ["true"], title: "t" });
    expect(first({ needs: [] })).toEqual({ run: ["true"], needs: [] });
    expect(first({ shell: "x", run: ["y"] })).toEqual({ run: ["y"] });
    expect(first({ run: ["x"], timeout: "soon", nope: 1 })).toEqual({ run: ["x"] });
  });

  test("leaves out what is no step at all, and steps whose id is none", () => {
    const sound = soundOf({ workflow: "w", version: 1, steps: { a: null, "b c": { run: ["x"] }, d: { run: ["x"] } } });
    expect(Object.keys(sound?.document.steps ?? {})).toEqual(["d"]);
  });

  test("leaves out single outputs, params and inputs, not their neighbours", () => {
    const sound = soundOf(
      withStep(
        { run: ["x"], outputs: { good: { path: "g" }, bad: { path: 1 } } },
        { params: { good: { type: "string" }, bad: 1 }, inputs: { good: { file: "f" }, bad: [] } },
      ),
    );
    expect(sound?.document.steps["a"]).toEqual({ run: ["x"], outputs: { good: { path: "g" } } });
    expect(sound?.document.params).toEqual({ good: { type: "string" } });
    expect(sound?.document.inputs).toEqual({ good: { file: "f" } });
  });

  test("leaves out whole members of the document that are of the wrong kind", () => {
    const sound = soundOf({
      ...withStep({ run: ["x"], outputs: 7, gates: "none" }),
      workflow: 7,
      version: 9,
      params: [],
      gates: 7,
      routes: {},
      policy: 7,
      other: 1,
    });
    expect(sound?.document).toEqual({ workflow: "unnamed", version: 1, steps: { a: { run: ["x"] }, b: { run: ["x"], needs: ["a"] } } });
  });

  test("remembers where gates and routes stood when others before them are left out", () => {
    const gate = (id: JsonValue): JsonValue => ({ id, run: ["x"] });
    const route = { id: "r", when: {}, do: { continue: true } };
    const sound = soundOf(withStep({ run: ["x"], gates: [gate("a b"), gate("g1"), 7, gate("g2")] }, { gates: [gate(1), gate("end")], routes: [7, 8, route] }));
    expect(sound?.places).toEqual(
      new Map([
        ["steps.a.gates", [1, 3]],
        ["gates", [1]],
        ["routes", [2]],
      ]),
    );
    expect(sound?.document.gates).toEqual([gate("end")]);
    expect(sound?.document.routes).toEqual([route]);
    expect(sound?.document.steps["a"]?.gates).toEqual([gate("g1"), gate("g2")]);
  });

  test("a gate whose step is left out needs no place", () => {
    const sound = soundOf({ workflow: "w", version: 1, steps: { "a b": { run: ["x"], gates: [7] }, c: { run: ["x"] } } });
    expect(sound?.document.steps).toEqual({ c: { run: ["x"] } });
    expect(sound?.places.size).toBe(0);
  });

  test("changes nothing of the document that was given", () => {
    const document = withStep({ run: "x", gates: [7, { id: "g", run: ["x"] }] }, { routes: [7], params: { bad: 1 } });
    const before = structuredClone(document);
    soundOf(document);
    expect(document).toEqual(before);
  });
});
