import { describe, expect, test } from "vitest";
import { z } from "zod";
import { isModuleDefinition } from "../ports/module-definition.ts";
import type { ModuleContext } from "../ports/module-host.ts";
import { defineModule } from "./define-module.ts";

const context: ModuleContext = {
  runId: "r",
  stepId: "s",
  attempt: 1,
  signal: new AbortController().signal,
  env: {},
  cwd: "/",
  log: () => undefined,
  effect: () => undefined,
};

describe("defineModule", () => {
  test("makes a frozen definition that is known by its brand", () => {
    const made = defineModule({ name: "a", version: "1.0.0", run: (_, input) => ({ echo: input["x"] ?? null }) });
    expect(isModuleDefinition(made)).toBe(true);
    expect(Object.isFrozen(made)).toBe(true);
    expect(made).toMatchObject({ name: "a", version: "1.0.0", input: null, output: null });
    expect(made.run(context, { x: 1 })).toEqual({ echo: 1 });
  });

  test("the input schema gives run its type", async () => {
    const input = z.object({ year: z.int() });
    const made = defineModule({ name: "a", version: "1", input, output: { next: z.int() }, run: async (_, { year }) => ({ next: year + 1 }) });
    expect(made.input).toBe(input);
    expect(await made.run(context, { year: 2015 })).toEqual({ next: 2016 });
  });

  test.each([
    [{ name: "", version: "1", run: () => undefined }, /name is missing/],
    [{ name: "a", version: "", run: () => undefined }, /version is missing/],
    [{ name: "a", version: "1", run: JSON.parse("null") }, /run is not a function/],
  ])("refuses an incomplete module", (spec, message) => {
    expect(() => defineModule(spec)).toThrow(message);
  });

  test("other values are no modules", () => {
    for (const value of [null, undefined, 1, {}, { name: "a" }, () => undefined]) expect(isModuleDefinition(value)).toBe(false);
  });
});
