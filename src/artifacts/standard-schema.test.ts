import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isStandardSchema, validateStandard } from "./standard-schema.ts";

describe("Standard Schema", () => {
  it("validates with whatever library gives the interface", async () => {
    const schema = z.object({ a: z.object({ "b/c": z.array(z.number()) }) });
    expect(await validateStandard(schema, { a: { "b/c": [1] } })).toEqual({ outcome: "valid", value: { a: { "b/c": [1] } } });
    const verdict = await validateStandard(schema, { a: { "b/c": [1, "x"] } });
    expect(verdict).toMatchObject({ outcome: "invalid", problems: [{ path: "/a/b~1c/1" }] });
  });

  it("takes issues with path objects, and without a path", async () => {
    const schema = {
      "~standard": { version: 1, vendor: "mine", validate: async () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0] }, { message: "at all" }] }) },
    } as const;
    expect(await validateStandard(schema, 1)).toEqual({
      outcome: "invalid",
      problems: [
        { path: "/a/0", message: "no" },
        { path: "", message: "at all" },
      ],
    });
  });

  it("knows one when it sees one", () => {
    const callable = Object.assign(() => {}, { "~standard": { version: 1, vendor: "x", validate: () => ({ value: 1 }) } });
    expect([z.string(), callable].map(isStandardSchema)).toEqual([true, true]);
    expect(
      [null, 1, {}, { "~standard": null }, { "~standard": { version: 2, validate: () => 1 } }, { "~standard": { version: 1 } }].map(isStandardSchema),
    ).toEqual([false, false, false, false, false, false]);
  });
});
